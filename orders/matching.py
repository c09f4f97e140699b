"""The segment condition over orders that are all of this: how many, how much, of what, by which way, when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _

from customers.segmenting import (
    COMPARE,
    HITS,
    OPERATORS,
    Condition,
    Detail,
    Field,
    Members,
    Option,
    Params,
    Scope,
    Search,
    add_condition,
    choice_field,
    compare_field,
    days_field,
    number_field,
    options_in_use,
)
from orders.models import Order, OrderLine, Product, Variant

ORDERS, LINES, PRODUCTS = (model._meta.db_table for model in (Order, OrderLine, Product))
# How shops write a category under another one.
BELOW = (" > ", "/")


@dataclass
class _Where:
    """Predicates on orders `o`, on their lines `t` (only when lines are asked for), with their values."""

    texts: list[str] = field(default_factory=list)
    params: list[Any] = field(default_factory=list)
    by_lines: bool = False

    def add(self, text: str, *params: Any) -> None:
        self.texts.append(text)
        self.params.extend(params)


def matching(params: Params, scope: Scope) -> Members:
    """Those whose orders of that kind are as many, and worth as much, as is said; cancelled ones don't count.

    Asked for products, categories or SKUs, an order counts once and is worth its lines of them; else it is
    worth its total less what was refunded. Money in the shop's currency, by the rate frozen with the order.
    """
    where = _where(params, scope)
    among = scope.among("o.customer_id")
    source = f"{ORDERS} o"
    count, worth = "count(*)", "sum(o.base_total - coalesce(o.base_refunded, 0))"
    if where.by_lines:
        source = f"{LINES} t JOIN {ORDERS} o ON o.merchant_id = t.merchant_id AND o.id = t.order_id"
        count, worth = "count(DISTINCT o.id)", "sum(t.total * coalesce(o.rate, 1))"
        where.add("t.merchant_id = %s::bigint", scope.merchant_id)
    having, values, holds_for_none = _having(params, count, worth)
    text = (
        f"SELECT o.customer_id FROM {source} WHERE o.merchant_id = %s::bigint AND o.customer_id IS NOT NULL"
        f" AND o.cancelled_at IS NULL{among.text}"
        f"{''.join(f' AND {one}' for one in where.texts)} GROUP BY o.customer_id"
    )
    given = (scope.merchant_id, *among.params, *where.params)
    if not holds_for_none:
        return Members(f"{text} HAVING {having}", (*given, *values))
    # "At most" holds for who has no such order, too: everybody but those for whom it doesn't.
    return scope.outside(Members(f"{text} HAVING NOT coalesce({having}, FALSE)", (*given, *values)))


def _having(params: Params, count: str, worth: str) -> tuple[str, tuple[Any, ...], bool]:
    """(the condition on a customer's orders, its values, whether it holds for somebody without any)"""
    text, values = f"{count} {OPERATORS[params['compare']]} %s", [params["orders"]]
    none = _holds(0, params["compare"], params["orders"])
    if params["worth"] is not None:
        text = f"({text} AND {worth} {OPERATORS[params['worth_compare']]} %s)"
        values.append(params["worth"])
        none = none and _holds(0, params["worth_compare"], params["worth"])
    return text, tuple(values), none


def _holds(value: int, compare: str, limit: int | Decimal) -> bool:
    return value >= limit if compare == "min" else value <= limit


def _where(params: Params, scope: Scope) -> _Where:
    where = _Where()
    _when(where, params, scope)
    if params["each"] is not None:
        sign = OPERATORS[params["each_compare"]]
        where.add(f"o.base_total - coalesce(o.base_refunded, 0) {sign} %s", params["each"])
    if params["channels"] is not None:
        where.add("o.channel_id = ANY(%s::bigint[])", [int(value) for value in params["channels"]])
    if params["coupon"] is not None:
        where.add(COUPON, params["coupon"])
    if params["coupons"] is not None:
        where.add("o.coupons <> '{}'" if params["coupons"] == "any" else "o.coupons = '{}'")
    if params["position"] is not None:
        sign = "=" if params["position"] == "first" else "<>"
        where.add(
            "EXISTS (SELECT 1 FROM customers_metrics f WHERE f.merchant_id = o.merchant_id"
            f" AND f.customer_id = o.customer_id AND f.first_order_at {sign} o.placed_at)"
        )
    _what(where, params, scope)
    return where


# Codes are typed by people: WELCOME, welcome and Welcome are one.
COUPON = "o.coupons <> '{}' AND EXISTS (SELECT 1 FROM unnest(o.coupons) AS k WHERE lower(k) = lower(%s))"


def _when(where: _Where, params: Params, scope: Scope) -> None:
    """The moments stand on the lines, too, so that products are found by (merchant, product, placed_at)."""
    by_lines = any(params[name] is not None for name in ("products", "categories", "skus"))
    columns = ("o.placed_at", "t.placed_at") if by_lines else ("o.placed_at",)
    for column in columns:
        if params["days"] is not None:
            where.add(f"{column} >= %s", scope.days_ago(params["days"]))
        if params["start"] is not None:
            where.add(f"{column} >= %s", scope.midnight(date.fromisoformat(params["start"])))
            end = date.fromisoformat(params["end"]) + timedelta(days=1)
            where.add(f"{column} < %s", scope.midnight(end))


def _what(where: _Where, params: Params, scope: Scope) -> None:
    if params["products"] is not None:
        where.by_lines = True
        where.add("t.product_id = ANY(%s::bigint[])", [int(value) for value in params["products"]])
    if params["categories"] is not None:
        where.by_lines = True
        names = list(params["categories"])
        where.add(f"t.product_id IN ({CATEGORY})", scope.merchant_id, names, _below(names))
    if params["skus"] is not None:
        where.by_lines = True
        where.add("t.sku = ANY(%s)", list(params["skus"]))


CATEGORY = (
    f"SELECT p.id FROM {PRODUCTS} p WHERE p.merchant_id = %s::bigint"
    " AND (p.category = ANY(%s) OR p.category LIKE ANY(%s))"
)


def _below(names: Sequence[str]) -> list[str]:
    escaped = [name.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") for name in names]
    return [f"{name}{sign}%" for name in escaped for sign in BELOW]


def search_skus(query: str, values: Sequence[str]) -> list[Option]:
    if values:
        return [Option(value, value) for value in values]
    return options_in_use(Variant.objects.all(), "sku", containing=query, most=HITS)


def register(*, group: Any, channels: Any, products: Search, categories: Search) -> None:
    """Called by orders/conditions.py, which is found at start."""
    add_condition(
        Condition(
            "orders.matching",
            group,
            _("Orders that are all of this"),
            _("who placed {compare} {orders} orders"),
            matching,
            (
                COMPARE,
                number_field("orders", _("Orders"), 1, maximum=10_000),
            ),
            _details(channels, products, categories),
        )
    )


def _details(channels: Any, products: Search, categories: Search) -> tuple[Detail, ...]:
    def money(name: str, default: int) -> tuple[Field, Field]:
        compare = compare_field(f"{name}_compare")
        # The amount comes first: a detail is said when its first field is.
        return Field(name, "money", _("Amount"), default), compare

    search = "search"
    return (
        Detail("days", _("in the last … days"), _("in the last {days} days"), (days_field(_("Days"), 90),)),
        Detail(
            "between",
            _("between two days"),
            _("from {start} to {end}"),
            (Field("start", "date", _("First day")), Field("end", "date", _("Last day"))),
        ),
        Detail(
            "worth", _("worth altogether"), _("worth {worth_compare} {worth} altogether"), money("worth", 100)
        ),
        Detail("each", _("each worth"), _("each worth {each_compare} {each}"), money("each", 100)),
        Detail(
            "products",
            _("with products"),
            _("with {products}"),
            (Field("products", search, _("Products"), [], search=products, numeric=True),),
        ),
        Detail(
            "categories",
            _("from categories"),
            _("from {categories} or what lies below"),
            (Field("categories", search, _("Categories"), [], search=categories),),
        ),
        Detail(
            "skus",
            _("with SKUs"),
            _("with the SKU {skus}"),
            (Field("skus", search, _("SKUs"), [], search=search_skus),),
        ),
        Detail(
            "channels",
            _("through channels"),
            _("through {channels}"),
            (Field("channels", "choices", _("Channels"), [], options=channels, numeric=True),),
        ),
        Detail(
            "coupon",
            _("with a certain coupon"),
            _("with the coupon {coupon}"),
            (Field("coupon", "text", _("Code"), "", maximum=60),),
        ),
        Detail(
            "coupons",
            _("with or without coupons"),
            _("{coupons}"),
            (
                choice_field(
                    "coupons", _("Coupons"), (("any", _("with any coupon")), ("none", _("without a coupon")))
                ),
            ),
        ),
        Detail(
            "position",
            _("their first order, or later ones"),
            _("{position}"),
            (
                choice_field(
                    "position",
                    _("Which"),
                    (("first", _("as their first order")), ("later", _("after their first order"))),
                ),
            ),
        ),
    )
