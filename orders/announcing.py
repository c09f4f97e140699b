"""Turning an order's state into facts, each announced once whatever way it came in."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from crm.events.emitting import Draft, emit_many
from crm.events.types import EventType
from crm.lib.money import minor_units
from orders import events
from orders.models import Order

TRAVELLED = ("transit", "out", "delivered", "exception", "returned")


def facts_of(order: Order) -> dict[str, Any]:
    """What every order event carries; the total as a string to the currency's minor unit."""
    return {
        "number": order.number,
        "order_id": order.pk,
        "channel_id": order.channel_id,
        "total": plain(order.total, order.currency),
        "currency": order.currency,
    }


def plain(amount: Decimal, currency: str) -> str:
    return f"{amount:.{minor_units(currency)}f}"


def announce(
    order: Order,
    kind: EventType,
    *,
    once: str | None,
    data: dict[str, Any] | None = None,
    occurred_at: datetime | None = None,
    backfill: bool = False,
) -> None:
    """One event about the order; `once` makes it the only one of its kind with that key."""
    draft = Draft(
        kind,
        customer_id=order.customer_id,
        subject_type="orders.order",
        subject_id=order.pk,
        data=facts_of(order) | (data or {}),
        dedupe_key=once,
        occurred_at=occurred_at,
    )
    emit_many([draft], merchant=order.merchant_id, backfill=backfill)


def announce_changed(order: Order, *, backfill: bool) -> None:
    announce(order, events.ORDER_CHANGED, once=None, backfill=backfill)


def announce_state(order: Order, *, backfill: bool) -> None:
    """Placed, paid, cancelled, refunds and parcels, as far as they are true and were not announced before."""
    key = f"{order.pk}"
    announce(order, events.ORDER_PLACED, once=key, occurred_at=order.placed_at, backfill=backfill)
    if order.paid_at:
        announce(order, events.ORDER_PAID, once=key, occurred_at=order.paid_at, backfill=backfill)
    if order.cancelled_at:
        announce(order, events.ORDER_CANCELLED, once=key, occurred_at=order.cancelled_at, backfill=backfill)
    for refund in order.refunds.all():
        announce_refund(order, refund.pk, refund.amount, refund.refunded_at, backfill=backfill)
    for shipment in order.shipments.all():
        data = {
            "carrier": shipment.carrier,
            "tracking_number": shipment.tracking_number,
            "shipment_id": shipment.pk,
        }
        if shipment.state in TRAVELLED:
            at = shipment.shipped_at
            announce(
                order,
                events.ORDER_SHIPPED,
                once=f"{shipment.pk}",
                data=data,
                occurred_at=at,
                backfill=backfill,
            )
        if shipment.state == "delivered":
            at = shipment.delivered_at
            announce(
                order,
                events.ORDER_DELIVERED,
                once=f"{shipment.pk}",
                data=data,
                occurred_at=at,
                backfill=backfill,
            )


def announce_refund(
    order: Order, refund_id: int, amount: Decimal, refunded_at: datetime, *, backfill: bool = False
) -> None:
    announce(
        order,
        events.ORDER_REFUNDED,
        once=f"{refund_id}",
        data={"refund_id": refund_id, "amount": plain(amount, order.currency)},
        occurred_at=refunded_at,
        backfill=backfill,
    )
