"""Segment conditions over what customers bought and sent back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from django.utils.translation import gettext_lazy as _

from customers.segmenting import (
    COMPARE,
    HITS,
    OPERATORS,
    Build,
    Condition,
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
    options_in_use,
)
from orders import matching, shipment_conditions
from orders.models import Order, OrderLine, Product, Return, SalesChannel

ORDERS = _("Orders")
DID = choice_field("did", _("Comparison"), (("did", _("bought")), ("not", _("did not buy"))))


def search_products(query: str, values: Sequence[str]) -> list[Option]:
    """Products by title; the channel tells twins apart."""
    products = Product.objects.select_related("channel").only("title", "external_id", "channel__name")
    if values:
        found = products.filter(pk__in=[value for value in values if value.isdigit()])
    else:
        found = products.filter(title__icontains=query).order_by("title")[:HITS]
    return [Option(str(product.pk), f"{product} ({product.channel})") for product in found]


def search_categories(query: str, values: Sequence[str]) -> list[Option]:
    if values:
        return [Option(value, value) for value in values]
    return options_in_use(Product.objects.all(), "category", containing=query, most=HITS)


def channels() -> list[Option]:
    return [
        Option(str(pk), name) for pk, name in SalesChannel.objects.order_by("name").values_list("pk", "name")
    ]


def _negatable(members: Members, scope: Scope, params: Params) -> Members:
    """The set, or everybody outside it when the rule says "did not"."""
    return scope.outside(members) if params["did"] == "not" else members


def _times(params: Params, scope: Scope) -> Members:
    """Orders in the window by (merchant, placed_at), counted per customer; cancelled ones don't count."""
    return scope.members(
        Order._meta.db_table,
        "t.cancelled_at IS NULL AND t.placed_at >= %s",
        [scope.days_ago(params["days"]), params["times"]],
        tail="GROUP BY t.customer_id HAVING count(*) >= %s",
    )


def _spent_window(params: Params, scope: Scope) -> Members:
    return scope.members(
        Order._meta.db_table,
        "t.cancelled_at IS NULL AND t.placed_at >= %s",
        [scope.days_ago(params["days"]), params["value"]],
        tail="GROUP BY t.customer_id HAVING sum(t.base_total - coalesce(t.base_refunded, 0)) >= %s",
    )


# A line knows its customer and moment; whether its order was cancelled is asked for the few that matched.
NOT_CANCELLED = (
    f" AND NOT EXISTS (SELECT 1 FROM {Order._meta.db_table} o WHERE o.merchant_id = t.merchant_id"
    " AND o.id = t.order_id AND o.cancelled_at IS NOT NULL)"
)


def _in_their_orders(scope: Scope) -> Row:
    """Lines have no index by customer: of a few people they are found by the orders, not by the product."""
    if scope.customer_ids is None:
        return Row("")
    theirs = (
        f"SELECT o.id FROM {Order._meta.db_table} o"
        " WHERE o.merchant_id = %s::bigint AND o.customer_id = ANY(%s::bigint[])"
    )
    # As an array the planner takes it for few, which it is.
    return Row(f" AND t.order_id = ANY(ARRAY({theirs}))", (scope.merchant_id, list(scope.customer_ids)))


def _product(params: Params, scope: Scope) -> Members:
    """Lines by (merchant, product, placed_at), pieces counted."""
    theirs = _in_their_orders(scope)
    products = [int(value) for value in params["values"]]
    found = scope.members(
        OrderLine._meta.db_table,
        f"t.product_id = ANY(%s::bigint[]) AND t.placed_at >= %s{theirs.text}{NOT_CANCELLED}",
        [products, scope.days_ago(params["days"]), *theirs.params, params["pieces"]],
        tail="GROUP BY t.customer_id HAVING sum(t.quantity) >= %s",
    )
    return _negatable(found, scope, params)


def _category(params: Params, scope: Scope) -> Members:
    products = (
        f"SELECT p.id FROM {Product._meta.db_table} p"
        " WHERE p.merchant_id = %s::bigint AND p.category = ANY(%s)"
    )
    theirs = _in_their_orders(scope)
    found = scope.members(
        OrderLine._meta.db_table,
        f"t.product_id IN ({products}) AND t.placed_at >= %s{theirs.text}{NOT_CANCELLED}",
        [
            *(scope.merchant_id, list(params["values"]), scope.days_ago(params["days"])),
            *theirs.params,
            params["pieces"],
        ],
        tail="GROUP BY t.customer_id HAVING sum(t.quantity) >= %s",
    )
    return _negatable(found, scope, params)


def _channel(params: Params, scope: Scope) -> Members:
    ids = [int(value) for value in params["values"]]
    found = scope.members(
        Order._meta.db_table,
        "t.cancelled_at IS NULL AND t.channel_id = ANY(%s::bigint[]) AND t.placed_at >= %s",
        [ids, scope.days_ago(params["days"])],
    )
    return _negatable(found, scope, params)


def _coupon(params: Params, scope: Scope) -> Members:
    """Codes are typed by people: WELCOME and welcome are one."""
    found = scope.members(
        Order._meta.db_table,
        "t.cancelled_at IS NULL AND t.coupons <> '{}' AND t.placed_at >= %s"
        " AND EXISTS (SELECT 1 FROM unnest(t.coupons) AS k WHERE lower(k) = lower(%s))",
        [scope.days_ago(params["days"]), params["code"]],
    )
    return _negatable(found, scope, params)


def _open_return(params: Params, scope: Scope) -> Members:
    return scope.members(Return._meta.db_table, "t.state = ANY(%s)", [list(Return.OPEN)])


def _count(params: Params, scope: Scope) -> Row:
    return Row(f"m.orders_count {OPERATORS[params['compare']]} %s", (params["value"],))


def _spent(params: Params, scope: Scope) -> Row:
    return Row(f"m.net {OPERATORS[params['compare']]} %s", (params["value"],))


def _average(params: Params, scope: Scope) -> Row:
    """Gross per order, written as a product so that nobody without orders divides by zero."""
    sign = OPERATORS[params["compare"]]
    return Row(f"(m.orders_count > 0 AND m.gross {sign} %s * m.orders_count)", (params["value"],))


def _refund_share(params: Params, scope: Scope) -> Row:
    sign = OPERATORS[params["compare"]]
    return Row(f"(m.gross > 0 AND m.refunded * 100 {sign} %s * m.gross)", (params["percent"],))


def _moment(column: str) -> Build:
    def build(params: Params, scope: Scope) -> Row:
        sign = ">=" if params["when"] == "last" else "<"
        return Row(f"m.{column} {sign} %s", (scope.days_ago(params["days"]),))

    return build


def _first_between(params: Params, scope: Scope) -> Row:
    """Both days belong to the window."""
    start = scope.midnight(date.fromisoformat(params["start"]))
    end = scope.midnight(date.fromisoformat(params["end"]) + timedelta(days=1))
    return Row("(m.first_order_at >= %s AND m.first_order_at < %s)", (start, end))


WHEN = choice_field("when", _("Comparison"), (("last", _("in the last")), ("before", _("longer ago than"))))

for _condition in (
    Condition(
        "orders.times",
        ORDERS,
        _("Bought in a period"),
        _("who bought at least {times} times in the last {days} days"),
        _times,
        (number_field("times", _("Times"), 2, minimum=1, maximum=1_000), days_field(_("Days"), 90)),
    ),
    Condition(
        "orders.spent_in",
        ORDERS,
        _("Spent in a period"),
        _("who spent at least {value} in the last {days} days"),
        _spent_window,
        (Field("value", "money", _("Amount"), 100), days_field(_("Days"), 90)),
    ),
    Condition(
        "orders.count",
        ORDERS,
        _("Number of orders"),
        _("who ordered {compare} {value} times altogether"),
        _count,
        (COMPARE, number_field("value", _("Orders"), 2)),
    ),
    Condition(
        "orders.spent",
        ORDERS,
        _("Spent altogether"),
        _("who spent {compare} {value} altogether, refunds taken off"),
        _spent,
        (COMPARE, Field("value", "money", _("Amount"), 1000)),
    ),
    Condition(
        "orders.average",
        ORDERS,
        _("Average order"),
        _("whose average order is {compare} {value}"),
        _average,
        (COMPARE, Field("value", "money", _("Amount"), 150)),
    ),
    Condition(
        "orders.last",
        ORDERS,
        _("Last order"),
        _("whose last order was {when} {days} days"),
        _moment("last_order_at"),
        (WHEN, days_field(_("Days"), 60)),
    ),
    Condition(
        "orders.first",
        ORDERS,
        _("First order"),
        _("whose first order was {when} {days} days"),
        _moment("first_order_at"),
        (WHEN, days_field(_("Days"), 30)),
    ),
    Condition(
        "orders.first_between",
        ORDERS,
        _("First order between two days"),
        _("whose first order was from {start} to {end}"),
        _first_between,
        (Field("start", "date", _("First day")), Field("end", "date", _("Last day"))),
    ),
    Condition(
        "orders.refund_share",
        ORDERS,
        _("Share refunded"),
        _("who got {compare} {percent} % of their money back"),
        _refund_share,
        (COMPARE, number_field("percent", _("Percent"), 50, maximum=100)),
    ),
    Condition(
        "orders.product",
        ORDERS,
        _("Bought a product"),
        _("who {did} {pieces} or more of {values} in the last {days} days"),
        _product,
        (
            DID,
            number_field("pieces", _("Pieces"), 1, minimum=1, maximum=10_000),
            Field("values", "search", _("Products"), [], search=search_products, numeric=True),
            days_field(_("Days"), 365),
        ),
    ),
    Condition(
        "orders.category",
        ORDERS,
        _("Bought from a category"),
        _("who {did} {pieces} or more from {values} in the last {days} days"),
        _category,
        (
            DID,
            number_field("pieces", _("Pieces"), 1, minimum=1, maximum=10_000),
            Field("values", "search", _("Categories"), [], search=search_categories),
            days_field(_("Days"), 365),
        ),
    ),
    Condition(
        "orders.channel",
        ORDERS,
        _("Sales channel"),
        _("who {did} through {values} in the last {days} days"),
        _channel,
        (DID, Field("values", "choices", _("Channels"), [], options=channels), days_field(_("Days"), 365)),
    ),
    Condition(
        "orders.coupon",
        ORDERS,
        _("Coupon"),
        _("who {did} with the coupon {code} in the last {days} days"),
        _coupon,
        (DID, Field("code", "text", _("Code"), "", maximum=60), days_field(_("Days"), 365)),
    ),
    Condition("orders.open_return", ORDERS, _("Open return"), _("who have an open return"), _open_return),
):
    add_condition(_condition)
matching.register(group=ORDERS, channels=channels, products=search_products, categories=search_categories)
shipment_conditions.register()
