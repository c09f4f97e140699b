"""Which campaign an order followed: the last click within the shop's window; its worth follows refunds."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from marketing.models import Attribution, Delivery
from marketing.sending.checking import policy_of
from orders.models import Order


def attribute(order: Order) -> Attribution | None:
    """Writes, updates or takes away the order's attribution. Doing it again changes nothing.

    Only a paid order of a known customer counts, by net worth in the shop's currency; a cancelled or wholly
    refunded one counts for nothing. Clicks alone count, opens never (mail programs open by themselves).
    """
    known = Attribution.objects.filter(order_id=order.pk).first()
    net = _net(order)
    if net <= 0:
        if known is not None:
            known.delete()
        return None
    if known is not None:
        if known.net != net:
            known.net = net
            known.save(update_fields=["net"])
        return known
    click = _last_click(order)
    if click is None or click.clicked_at is None:
        return None
    return Attribution.objects.create(
        merchant=order.merchant,
        campaign_id=click.campaign_id,
        delivery=click,
        customer_id=click.customer_id,
        order_id=order.pk,
        net=net,
        clicked_at=click.clicked_at,
        ordered_at=order.placed_at,
    )


def _net(order: Order) -> Decimal:
    """Zero for what does not count."""
    if order.customer_id is None or order.paid_at is None or order.cancelled_at is not None:
        return Decimal(0)
    return (order.base_total or Decimal(0)) - (order.base_refunded or Decimal(0))


def _last_click(order: Order) -> Delivery | None:
    if order.customer_id is None:
        return None
    days = policy_of(order.merchant).attribution_days
    return (
        Delivery.objects.filter(
            customer_id=order.customer_id,
            clicked_at__lte=order.placed_at,
            clicked_at__gte=order.placed_at - timedelta(days=days),
        )
        .order_by("-clicked_at", "-pk")
        .first()
    )
