"""Segment conditions over reviews; reviews keeps the figures in customers.Metrics."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from customers.segmenting import (
    Condition,
    Params,
    Row,
    Scope,
    add_condition,
    choice_field,
    days_field,
    number_field,
)

REVIEWS = _("Reviews")
OPERATORS = {"min": ">=", "max": "<="}
COMPARE = choice_field("compare", _("Comparison"), (("max", _("at most")), ("min", _("at least"))))


def _last(params: Params, scope: Scope) -> Row:
    text = f"(m.last_rating {OPERATORS[params['compare']]} %s AND m.last_rating_at >= %s)"
    return Row(text, (params["stars"], scope.days_ago(params["days"])))


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
