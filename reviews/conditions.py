"""Segment conditions over reviews; reviews keeps the figures in customers.Metrics."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from customers.segmenting import (
    OPERATORS,
    Condition,
    Detail,
    Field,
    Members,
    Option,
    Params,
    Row,
    Scope,
    add_condition,
    choice_field,
    days_field,
    number_field,
)
from orders.conditions import search_products
from reviews.models import Review

REVIEWS = _("Reviews")
COMPARE = choice_field("compare", _("Comparison"), (("max", _("at most")), ("min", _("at least"))))


def _last(params: Params, scope: Scope) -> Row:
    text = f"(m.last_rating {OPERATORS[params['compare']]} %s AND m.last_rating_at >= %s)"
    return Row(text, (params["stars"], scope.days_ago(params["days"])))


def _written(params: Params, scope: Scope) -> Members:
    """Reviews of the products, whatever became of them; without products, of anything."""
    where, values = "t.submitted_at >= %s", list[Any]([scope.days_ago(params["days"])])
    if params["products"] is not None:
        where = f"{where} AND t.product_id = ANY(%s::bigint[])"
        values = [*values, [int(value) for value in params["products"]]]
    if params["stars"] is not None:
        where = f"{where} AND t.rating {OPERATORS[params['stars_compare']]} %s"
        values = [*values, params["stars"]]
    found = scope.members(Review._meta.db_table, where, values)
    return scope.outside(found) if params["did"] == "not" else found


# Stored as tenths of a star.
HALVES = [Option(str(tenths), f"{tenths / 10:.1f}") for tenths in range(10, 51, 5)]


def _average(params: Params, scope: Scope) -> Members:
    """Of all that they wrote; who wrote nothing has none."""
    return scope.members(
        Review._meta.db_table,
        "TRUE",
        [int(params["tenths"])],
        tail=f"GROUP BY t.customer_id HAVING avg(t.rating) * 10 {OPERATORS[params['compare']]} %s",
    )


def _count(params: Params, scope: Scope) -> Row:
    return Row(f"m.reviews_count {OPERATORS[params['compare']]} %s", (params["value"],))


add_condition(
    Condition(
        "reviews.last_rating",
        REVIEWS,
        _("Last rating"),
        _("whose last rating was {compare} {stars} stars, in the last {days} days"),
        _last,
        (COMPARE, number_field("stars", _("Stars"), 2, minimum=1, maximum=5), days_field(_("Days"), 365)),
    )
)
add_condition(
    Condition(
        "reviews.count",
        REVIEWS,
        _("Number of reviews"),
        _("who wrote {compare} {value} reviews"),
        _count,
        (COMPARE, number_field("value", _("Reviews"), 1)),
    )
)
add_condition(
    Condition(
        "reviews.average",
        REVIEWS,
        _("Average rating"),
        _("whose reviews have {compare} {tenths} stars on average"),
        _average,
        (COMPARE, Field("tenths", "choice", _("Stars"), "30", options=HALVES)),
    )
)
add_condition(
    Condition(
        "reviews.written",
        REVIEWS,
        _("Wrote a review"),
        _("who {did} write a review in the last {days} days"),
        _written,
        (
            choice_field("did", _("Comparison"), (("did", _("did")), ("not", _("did not")))),
            days_field(_("Days"), 365),
        ),
        (
            Detail(
                "products",
                _("of products"),
                _("of {products}"),
                (Field("products", "search", _("Products"), [], search=search_products, numeric=True),),
            ),
            Detail(
                "stars",
                _("with stars"),
                _("with {stars_compare} {stars} stars"),
                (
                    number_field("stars", _("Stars"), 2, minimum=1, maximum=5),
                    choice_field(
                        "stars_compare", _("Comparison"), (("max", _("at most")), ("min", _("at least")))
                    ),
                ),
            ),
        ),
    )
)
