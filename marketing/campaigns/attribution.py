"""Which mails somebody had looked at before an order, kept as facts; an order's worth follows refunds."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import Max, Min

from marketing.models import Attribution, Delivery, Engagement
from orders.models import Order

# The widest window that a shop can choose; older looks are not kept with the order.
MOST_DAYS = 90
Kind = Attribution.Kind


def attribute(order: Order) -> list[Attribution]:
    """Writes, updates or takes away what the order followed. Doing it again changes nothing.

    Only a paid order of a known customer counts, by net worth in the shop's currency; a cancelled or wholly
    refunded one counts for nothing. Looks by programs (Engagement.Label) count for nothing either.
    """
    known = Attribution.objects.filter(order_id=order.pk)
    net = _net(order)
    if net <= 0 or order.customer_id is None:
        known.delete()
        return []
    if rows := list(known):
        known.exclude(net=net).update(net=net)
        return rows
    return Attribution.objects.bulk_create(_facts(order, order.customer_id, net), ignore_conflicts=True)


def _net(order: Order) -> Decimal:
    """Zero for what does not count."""
    if order.customer_id is None or order.paid_at is None or order.cancelled_at is not None:
        return Decimal(0)
    return (order.base_total or Decimal(0)) - (order.base_refunded or Decimal(0))


def _facts(order: Order, customer_id: int, net: Decimal) -> list[Attribution]:
    mails = list(
        Delivery.objects.filter(customer_id=customer_id, opened_at__lte=order.placed_at).only(
            "campaign_id", "opened_at", "clicked_at"
        )
    )
    requests = _requests([mail.pk for mail in mails], order.placed_at)
    found = []
    for mail in mails:
        clicks = _until(order.placed_at, mail.clicked_at, *requests.get((mail.pk, Kind.CLICK), ()))
        # Who clicks has opened, whatever pictures were blocked.
        opens = _until(order.placed_at, mail.opened_at, *requests.get((mail.pk, Kind.OPEN), ()), *clicks)
        found += [
            Attribution(
                merchant_id=order.merchant_id,
                campaign_id=mail.campaign_id,
                delivery=mail,
                customer_id=customer_id,
                order_id=order.pk,
                kind=kind,
                net=net,
                first_at=min(times),
                last_at=max(times),
                ordered_at=order.placed_at,
            )
            for kind, times in ((Kind.CLICK, clicks), (Kind.OPEN, opens))
            if times and max(times) >= order.placed_at - timedelta(days=MOST_DAYS)
        ]
    return found


def _requests(mail_ids: list[int], until: datetime) -> dict[tuple[int, str], tuple[datetime, datetime]]:
    """First and last look by a person, by mail and kind. The mail's own row knows only the first."""
    rows = (
        Engagement.objects.filter(delivery__in=mail_ids, label=Engagement.Label.PERSON, at__lte=until)
        .values_list("delivery_id", "kind")
        .annotate(first=Min("at"), last=Max("at"))
        .order_by()
    )
    return {(mail, kind): (first, last) for mail, kind, first, last in rows}


def _until(end: datetime, *times: datetime | None) -> list[datetime]:
    return [time for time in _present(times) if time <= end]


def _present(times: Iterable[datetime | None]) -> list[datetime]:
    return [time for time in times if time is not None]
