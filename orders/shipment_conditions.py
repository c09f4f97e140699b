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
    fixed_field,
    options_in_use,
)
from orders.badges import LATE_DAYS
from orders.models import Order, Return, Shipment

PARCELS = _("Parcels and returns")
ORDERS, SHIPMENTS = Order._meta.db_table, Shipment._meta.db_table
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
    return scope.outside(found) if params["has"] == "not" else found


def _in_state(params: Params, scope: Scope) -> Members:
    where, values = "s.state = ANY(%s)", list[Any]([list(params["values"])])
    if params["carriers"] is not None:
        where, values = f"{where} AND s.carrier = ANY(%s)", [*values, list(params["carriers"])]
    found = _parcels(scope, where, values)
    return scope.outside(found) if params["has"] == "not" else found


def _delivered(params: Params, scope: Scope) -> Members:
    where, values = "s.delivered_at >= %s", list[Any]([scope.days_ago(params["days"])])
    if params["carriers"] is not None:
        where, values = f"{where} AND s.carrier = ANY(%s)", [*values, list(params["carriers"])]
    found = _parcels(scope, where, values)
    return scope.outside(found) if params["did"] == "not" else found


def _returned(params: Params, scope: Scope) -> Members:
    where, values = "t.requested_at >= %s", list[Any]([scope.days_ago(params["days"])])
    if params["reasons"] is not None:
        where, values = f"{where} AND t.reason = ANY(%s)", [*values, list(params["reasons"])]
    if params["states"] is not None:
        where, values = f"{where} AND t.state = ANY(%s)", [*values, list(params["states"])]
    found = scope.members(Return._meta.db_table, where, values)
    return scope.outside(found) if params["did"] == "not" else found


def carriers() -> list[Option]:
    return options_in_use(Shipment.objects.all(), "carrier")


def _carrier() -> Detail:
    field = Field("carriers", "choices", _("Carriers"), [], options=carriers)
    return Detail("carriers", _("by a carrier"), _("by {carriers}"), (field,))


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
            (HAS, fixed_field("values", _("States"), Shipment.State.choices)),
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
                    (fixed_field("reasons", _("Reasons"), Return.Reason.choices),),
                ),
                Detail(
                    "states",
                    _("that is now"),
                    _("and it is now: {states}"),
                    (fixed_field("states", _("States"), Return.State.choices),),
                ),
            ),
        ),
    ):
        add_condition(condition)
