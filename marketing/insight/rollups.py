"""Daily figures: a changed day is counted again, whole; an import makes every day new."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from crm.accounts.models import Merchant
from crm.events.ringing import ring_sweeper
from crm.lib.locking import hold
from crm.lib.tenancy import all_merchants, merchant_scope
from customers.models import Customer, Metrics
from marketing.insight.models import Day, DirtyDay
from orders.models import Order, Refund
from reviews.models import Review
from service.models import Ticket

ALL_DAYS = date(1970, 1, 1)
BATCH = 60
SETTLE_SECONDS = 3
TABLE = Day._meta.db_table
COLUMNS = "orders, revenue, first_orders, first_revenue, refunds, refunded, new_customers, tickets, reviews"

# Every source is narrowed by its instants before the local day is taken, so that its index answers.
COUNT_SQL = f"""
    WITH facts AS (
        SELECT (o.placed_at AT TIME ZONE %(zone)s)::date AS day, o.channel_id,
               count(*) AS orders, coalesce(sum(o.base_total), 0) AS revenue,
               count(*) FILTER (WHERE o.placed_at = m.first_order_at) AS first_orders,
               coalesce(sum(o.base_total) FILTER (WHERE o.placed_at = m.first_order_at), 0) AS first_revenue,
               0 AS refunds, 0::numeric AS refunded, 0 AS new_customers, 0 AS tickets, 0 AS reviews
        FROM {Order._meta.db_table} o
        LEFT JOIN {Metrics._meta.db_table} m ON m.merchant_id = o.merchant_id AND m.customer_id =
        o.customer_id
        WHERE o.merchant_id = %(merchant)s::bigint AND o.cancelled_at IS NULL
          AND o.placed_at >= %(start)s AND o.placed_at < %(end)s GROUP BY 1, 2
        UNION ALL
        SELECT (r.refunded_at AT TIME ZONE %(zone)s)::date, r.channel_id, 0, 0, 0, 0,
               count(*), coalesce(sum(r.base_amount), 0), 0, 0, 0
        FROM {Refund._meta.db_table} r
        WHERE r.merchant_id = %(merchant)s::bigint
          AND r.refunded_at >= %(start)s AND r.refunded_at < %(end)s GROUP BY 1, 2
        UNION ALL
        SELECT (c.created_at AT TIME ZONE %(zone)s)::date, 0, 0, 0, 0, 0, 0, 0, count(*), 0, 0
        FROM {Customer._meta.db_table} c
        WHERE c.merchant_id = %(merchant)s::bigint AND c.merged_into_id IS NULL
          AND c.created_at >= %(start)s AND c.created_at < %(end)s GROUP BY 1
        UNION ALL
        SELECT (k.opened_at AT TIME ZONE %(zone)s)::date, 0, 0, 0, 0, 0, 0, 0, 0, count(*), 0
        FROM {Ticket._meta.db_table} k
        WHERE k.merchant_id = %(merchant)s::bigint
          AND k.opened_at >= %(start)s AND k.opened_at < %(end)s GROUP BY 1
        UNION ALL
        SELECT (v.submitted_at AT TIME ZONE %(zone)s)::date, 0, 0, 0, 0, 0, 0, 0, 0, 0, count(*)
        FROM {Review._meta.db_table} v
        WHERE v.merchant_id = %(merchant)s::bigint
          AND v.submitted_at >= %(start)s AND v.submitted_at < %(end)s GROUP BY 1
    )
    INSERT INTO {TABLE} (merchant_id, "on", channel_id, {COLUMNS})
    SELECT %(merchant)s::bigint, day, channel_id, sum(orders), sum(revenue), sum(first_orders),
    sum(first_revenue),
           sum(refunds), sum(refunded), sum(new_customers), sum(tickets), sum(reviews)
    FROM facts GROUP BY day, channel_id
"""


def touch(*, merchant_id: int, days: Sequence[date]) -> None:
    """Has these days counted again in some seconds: the handlers that keep the metrics of the same event get
    that long. A day that waits already has been rung for."""
    with connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO {DirtyDay._meta.db_table} (merchant_id, "on")'
            " SELECT %s::bigint, day FROM unnest(%s::date[]) day ON CONFLICT DO NOTHING",
            [merchant_id, sorted(set(days))],
        )
        is_new = cursor.rowcount > 0
    if is_new:
        ring_sweeper("insight.sweep", after_seconds=SETTLE_SECONDS)


@transaction.atomic
def recount(*, merchant: Merchant, first: date, last: date) -> int:
    """Counts the merchant-local days from first to last again; rows written. One counter at a time by
    merchant."""
    start = datetime.combine(first, time.min, tzinfo=merchant.zone)
    end = datetime.combine(last + timedelta(days=1), time.min, tzinfo=merchant.zone)
    values: dict[str, Any] = {
        "merchant": merchant.pk,
        "zone": merchant.time_zone,
        "start": start.astimezone(UTC),
        "end": end.astimezone(UTC),
    }
    hold(f"insight-days:{merchant.pk}")
    with connection.cursor() as cursor:
        Day.objects.filter(on__gte=first, on__lte=last).delete()
        cursor.execute(COUNT_SQL, values)
        return int(cursor.rowcount)


def recount_all(*, merchant: Merchant) -> int:
    """Every day since the first order or customer, and since the first day that was counted before: what made
    it may be gone."""
    today = timezone.now().astimezone(merchant.zone).date()
    firsts = [
        Order.objects.order_by("placed_at").values_list("placed_at", flat=True).first(),
        Customer.objects.order_by("created_at").values_list("created_at", flat=True).first(),
    ]
    known = [at.astimezone(merchant.zone).date() for at in firsts if at is not None]
    known += Day.objects.order_by("on").values_list("on", flat=True)[:1]
    return recount(merchant=merchant, first=min(known), last=today) if known else 0


def sweep() -> int:
    """Counts the days that are dirty again; how many days."""
    with all_merchants(reason="the sweeper looks after every merchant"):
        merchants = list(Merchant.objects.filter(pk__in=DirtyDay.objects.values("merchant_id")))
    done = 0
    for merchant in merchants:
        with merchant_scope(merchant):
            done += _sweep_merchant(merchant)
    return done


@transaction.atomic
def _sweep_merchant(merchant: Merchant) -> int:
    rows = dict(DirtyDay.objects.select_for_update(skip_locked=True).values_list("pk", "on")[:BATCH])
    DirtyDay.objects.filter(pk__in=list(rows)).delete()
    if ALL_DAYS in rows.values():
        recount_all(merchant=merchant)
        return len(rows)
    for day in sorted(set(rows.values())):
        recount(merchant=merchant, first=day, last=day)
    return len(rows)


def recalculate() -> None:
    """Every merchant, every day."""
    with all_merchants(reason="beat counts every merchant's days"):
        merchants = list(Merchant.objects.filter(is_active=True))
    for merchant in merchants:
        with merchant_scope(merchant):
            recount_all(merchant=merchant)
