"""Segment conditions over parcels and returns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from customers.segmenting import (
    Condition,
    Detail,
    Field,
    Members,
    Option,
    Params,
    Scope,
    add_condition,
    choice_field,
    days_field,
)
from orders.models import Order, Return, Shipment

PARCELS = _("Parcels and returns")
ORDERS, SHIPMENTS = Order._meta.db_table, Shipment._meta.db_table
# Older promises that nobody kept or settled are history that was imported (service/late.py).
LATE_DAYS = 60
HAS = choice_field("has", _("Comparison"), (("has", _("have")), ("not", _("don't have"))))


def _parcels(scope: Scope, where: str, params: Sequence[Any]) -> Members:
    """The customers of parcels `s` with their orders `o`."""
    among = scope.among("o.customer_id")
    return Members(
        f"SELECT o.customer_id FROM {SHIPMENTS} s JOIN {ORDERS} o"
        " ON o.merchant_id = s.merchant_id AND o.id = s.order_id"
        " WHERE s.merchant_id = %s::bigint AND o.customer_id IS NOT NULL AND o.cancelled_at IS NULL"
        f"{among.text} AND {where}",
        (scope.merchant_id, *among.params, *params),
    )


def _negatable(found: Members, scope: Scope, is_not: bool) -> Members:
    if not is_not:
        return found
    among = scope.among("m.customer_id")
    return Members(
        f"SELECT m.customer_id FROM customers_metrics m WHERE m.merchant_id = %s::bigint{among.text}"
        f" AND NOT EXISTS (SELECT 1 FROM ({found.text}) x WHERE x.customer_id = m.customer_id)",
        (scope.merchant_id, *among.params, *found.params),
    )


def _late(params: Params, scope: Scope) -> Members:
    """Promised for a day of the shop's that is over, and not delivered: by the parcel's own promise, else by
    the order's."""
    today = scope.now.astimezone(scope.merchant.zone).date()
    oldest = scope.days_ago(LATE_DAYS).date()
    by_order = scope.members(
        ORDERS,
        "t.promised_on < %s AND t.promised_on > %s AND t.cancelled_at IS NULL"
        " AND t.fulfilment <> 'delivered'",
        [today, oldest],
    )
    by_parcel = _parcels(
        scope,
        "s.promised_on < %s AND s.promised_on > %s AND s.delivered_at IS NULL"
        " AND s.state NOT IN ('delivered', 'returned')",
        [today, oldest],
    )
    found = Members(f"{by_order.text} UNION {by_parcel.text}", (*by_order.params, *by_parcel.params))
    return _negatable(found, scope, params["has"] == "not")


def _in_state(params: Params, scope: Scope) -> Members:
    where, values = "s.state = ANY(%s)", list[Any]([list(params["values"])])
    if params["carriers"] is not None:
        where, values = f"{where} AND s.carrier = ANY(%s)", [*values, list(params["carriers"])]
    return _negatable(_parcels(scope, where, values), scope, params["has"] == "not")


def _delivered(params: Params, scope: Scope) -> Members:
    where, values = "s.delivered_at >= %s", list[Any]([scope.days_ago(params["days"])])
    if params["carriers"] is not None:
        where, values = f"{where} AND s.carrier = ANY(%s)", [*values, list(params["carriers"])]
    return _negatable(_parcels(scope, where, values), scope, params["did"] == "not")


def _returned(params: Params, scope: Scope) -> Members:
    where, values = "t.requested_at >= %s", list[Any]([scope.days_ago(params["days"])])
    if params["reasons"] is not None:
        where, values = f"{where} AND t.reason = ANY(%s)", [*values, list(params["reasons"])]
    if params["states"] is not None:
        where, values = f"{where} AND t.state = ANY(%s)", [*values, list(params["states"])]
    return _negatable(scope.members(Return._meta.db_table, where, values), scope, params["did"] == "not")


def carriers() -> list[Option]:
    rows = Shipment.objects.exclude(carrier="").order_by("carrier").values_list("carrier", flat=True)
    return [Option(name, name) for name in rows.distinct()[:200]]


def _carrier() -> Detail:
    field = Field("carriers", "choices", _("Carriers"), [], options=carriers)
    return Detail("carriers", _("by a carrier"), _("by {carriers}"), (field,))


def _fixed(name: str, label: Any, pairs: Sequence[tuple[str, Any]]) -> Field:
    return Field(name, "choices", label, [], options=[Option(value, text) for value, text in pairs])


def register() -> None:
    """Called by orders/conditions.py, which is found at start."""
    did = choice_field("did", _("Comparison"), (("did", _("did")), ("not", _("did not"))))
    for condition in (
        Condition(
            "orders.late_parcel",
            PARCELS,
            _("Late parcel"),
            _("who {has} a parcel that is late"),
            _late,
            (HAS,),
        ),
        Condition(
            "orders.parcel_state",
            PARCELS,
            _("Where a parcel is"),
            _("who {has} a parcel that is: {values}"),
            _in_state,
            (HAS, _fixed("values", _("States"), Shipment.State.choices)),
            (_carrier(),),
        ),
        Condition(
            "orders.delivered",
            PARCELS,
            _("Got a parcel"),
            _("who {did} get a parcel in the last {days} days"),
            _delivered,
            (did, days_field(_("Days"), 14)),
            (_carrier(),),
        ),
        Condition(
            "orders.returned",
            PARCELS,
            _("Asked for a return"),
            _("who {did} ask for a return in the last {days} days"),
            _returned,
            (did, days_field(_("Days"), 90)),
            (
                Detail(
                    "reasons",
                    _("for a reason"),
                    _("because: {reasons}"),
                    (_fixed("reasons", _("Reasons"), Return.Reason.choices),),
                ),
                Detail(
                    "states",
                    _("that is now"),
                    _("and it is now: {states}"),
                    (_fixed("states", _("States"), Return.State.choices),),
                ),
            ),
        ),
    ):
        add_condition(condition)
