"""Points follow the orders: what is due is computed from the orders' present state, and only the difference
is
written. So it does not matter in which order events arrive, how often, or whether they arrive one by one or
all
at night: buying, refunding and keeping the points is impossible."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.db import connection, transaction

from crm.accounts.models import Merchant
from crm.events.emitting import Draft, emit_many
from crm.lib.tenancy import all_merchants, merchant_scope
from customers.models import Customer, Metrics
from marketing.loyalty import events
from marketing.loyalty.models import PointsEntry, Program, Tier
from orders.models import Order, Refund

# Customers of one transaction in the nightly run: their metrics rows stay locked meanwhile.
CHUNK = 2_000
ENTRY, TIER = PointsEntry._meta.db_table, Tier._meta.db_table
METRICS, ORDER, REFUND = Metrics._meta.db_table, Order._meta.db_table, Refund._meta.db_table

# What each order should have given by now, less what it gave. Orders whose points have expired are closed:
# a later refund takes nothing from somebody who has lost those points already.
ORDERS_SQL = f"""
    WITH given AS (
        SELECT e.order_id, sum(e.points) AS points, count(*) AS number, min(e.multiplier) AS multiplier
        FROM {ENTRY} e WHERE e.merchant_id = %(merchant)s::bigint AND e.customer_id = ANY(%(ids)s::bigint[])
             AND e.order_id IS NOT NULL GROUP BY e.order_id
    ), due AS (
        SELECT o.id, o.customer_id, o.paid_at, coalesce(g.points, 0) AS had, coalesce(g.number, 0) AS number,
               coalesce(g.multiplier, t.multiplier, 1) AS multiplier,
               CASE WHEN o.cancelled_at IS NOT NULL OR o.payment IN ('voided', 'pending') THEN 0
                    ELSE floor(greatest(o.base_total - coalesce(o.base_refunded, 0), 0)
                               * %(per_unit)s * coalesce(g.multiplier, t.multiplier, 1))::int END AS points
        FROM {ORDER} o
        JOIN {METRICS} m ON m.merchant_id = o.merchant_id AND m.customer_id = o.customer_id
        LEFT JOIN {TIER} t ON t.merchant_id = o.merchant_id AND t.name = m.tier
        LEFT JOIN given g ON g.order_id = o.id
        WHERE o.merchant_id = %(merchant)s::bigint AND o.customer_id = ANY(%(ids)s::bigint[])
          AND o.base_total IS NOT NULL AND o.paid_at >= %(starts)s
          AND (%(months)s = 0 OR o.paid_at + make_interval(months => %(months)s) > now())
    )
    INSERT INTO {ENTRY} (merchant_id, customer_id, kind, points, order_id, multiplier, key, lot_at,
    expires_at,
                         reason, created_at)
    SELECT %(merchant)s::bigint, d.customer_id, CASE WHEN d.points > d.had THEN 'earn' ELSE 'reverse' END,
           d.points - d.had, d.id, d.multiplier, 'order:' || d.id || ':' || d.number + 1, d.paid_at,
           CASE WHEN %(months)s > 0 THEN d.paid_at + make_interval(months => %(months)s) END, '', now()
    FROM due d WHERE d.points <> d.had
    ON CONFLICT (merchant_id, key) DO NOTHING
    RETURNING id, customer_id, points, order_id, key
"""

# A refund that names no order takes back what that money would have earned.
REFUNDS_SQL = f"""
    INSERT INTO {ENTRY} (merchant_id, customer_id, kind, points, refund_id, multiplier, key, lot_at, reason,
                         created_at)
    SELECT r.merchant_id, r.customer_id, 'reverse',
           -ceil(r.base_amount * %(per_unit)s * coalesce(t.multiplier, 1))::int, r.id,
           coalesce(t.multiplier, 1),
           'refund:' || r.id, r.refunded_at, '', now()
    FROM {REFUND} r
    JOIN {METRICS} m ON m.merchant_id = r.merchant_id AND m.customer_id = r.customer_id
    LEFT JOIN {TIER} t ON t.merchant_id = r.merchant_id AND t.name = m.tier
    WHERE r.merchant_id = %(merchant)s::bigint AND r.customer_id = ANY(%(ids)s::bigint[])
      AND r.order_id IS NULL AND r.base_amount > 0 AND r.refunded_at >= %(starts)s
    ON CONFLICT (merchant_id, key) DO NOTHING
    RETURNING id, customer_id, points, NULL, key
"""

# What was given or taken for an order or a refund that is no longer there (its import was undone) is balanced
# by a counter-entry. Once balanced its sum is nought, so doing it again writes nothing.
WITHDRAWN_SQL = f"""
    WITH given AS (
        SELECT e.customer_id, e.order_id, e.refund_id, sum(e.points) AS points, count(*) AS number,
               min(e.multiplier) AS multiplier, min(e.lot_at) AS lot_at, min(e.expires_at) AS expires_at
        FROM {ENTRY} e
        WHERE e.merchant_id = %(merchant)s::bigint AND e.customer_id = ANY(%(ids)s::bigint[])
          AND (e.order_id IS NOT NULL AND NOT EXISTS (
                   SELECT 1 FROM {ORDER} o WHERE o.merchant_id = e.merchant_id AND o.id = e.order_id)
               OR e.refund_id IS NOT NULL AND NOT EXISTS (
                   SELECT 1 FROM {REFUND} r WHERE r.merchant_id = e.merchant_id AND r.id = e.refund_id))
        GROUP BY e.customer_id, e.order_id, e.refund_id
    )
    INSERT INTO {ENTRY} (merchant_id, customer_id, kind, points, order_id, refund_id, multiplier, key, lot_at,
                         expires_at, reason, created_at)
    SELECT %(merchant)s::bigint, g.customer_id, CASE WHEN g.points < 0 THEN 'earn' ELSE 'reverse' END,
           -g.points, g.order_id, g.refund_id, g.multiplier,
           coalesce('order:' || g.order_id, 'refund:' || g.refund_id) || ':' || g.number + 1, g.lot_at,
           g.expires_at, '', now()
    FROM given g WHERE g.points <> 0 AND (g.expires_at IS NULL OR g.expires_at > now())
    ON CONFLICT (merchant_id, key) DO NOTHING
    RETURNING id, customer_id, points, NULL, key
"""

# Oldest first: corrections downwards consume what would expire next. Written as one entry for each customer
# and
# state of their lots, so that running it again changes nothing.
EXPIRY_SQL = f"""
    WITH sums AS (
        SELECT e.customer_id,
               coalesce(sum(e.points) FILTER (WHERE e.expires_at <= now()), 0) AS lapsed,
               coalesce(-sum(e.points) FILTER (WHERE e.kind = 'adjust' AND e.points < 0), 0) AS spent,
               coalesce(-sum(e.points) FILTER (WHERE e.kind = 'expire'), 0) AS expired,
               max(e.id) AS newest
        FROM {ENTRY} e WHERE e.merchant_id = %(merchant)s::bigint AND e.customer_id = ANY(%(ids)s::bigint[])
        GROUP BY e.customer_id
    )
    INSERT INTO {ENTRY} (merchant_id, customer_id, kind, points, multiplier, key, lot_at, reason, created_at)
    SELECT %(merchant)s::bigint, s.customer_id, 'expire', -(s.lapsed - s.spent - s.expired), 1,
           'expire:' || s.customer_id || ':' || s.newest, now(), '', now()
    FROM sums s WHERE s.lapsed - s.spent - s.expired > 0
    ON CONFLICT (merchant_id, key) DO NOTHING
    RETURNING id, customer_id, points, NULL, key
"""

# After a merge was undone: more expired than lapsed of this customer's own lots.
EXPIRY_BACK_SQL = f"""
    WITH sums AS (
        SELECT coalesce(sum(e.points) FILTER (WHERE e.expires_at <= now()), 0) AS lapsed,
               coalesce(-sum(e.points) FILTER (WHERE e.kind = 'adjust' AND e.points < 0), 0) AS spent,
               coalesce(-sum(e.points) FILTER (WHERE e.kind = 'expire'), 0) AS expired
        FROM {ENTRY} e WHERE e.merchant_id = %(merchant)s::bigint AND e.customer_id = %(customer)s
    )
    INSERT INTO {ENTRY} (merchant_id, customer_id, kind, points, multiplier, key, lot_at, reason, created_at)
    SELECT %(merchant)s::bigint, %(customer)s, 'expire', s.expired - greatest(s.lapsed - s.spent, 0), 1,
           'expire:' || %(customer)s || ':' || %(key)s, now(), '', now()
    FROM sums s WHERE s.expired > greatest(s.lapsed - s.spent, 0)
    ON CONFLICT (merchant_id, key) DO NOTHING
"""

BALANCE_SQL = f"""
    WITH sums AS (
        SELECT e.customer_id, sum(e.points) AS points,
               coalesce(sum(e.points) FILTER (
                   WHERE e.kind IN ('earn', 'reverse') AND e.lot_at >= now() - make_interval(days => %(days)s)
               ), 0) AS qualifying
        FROM {ENTRY} e WHERE e.merchant_id = %(merchant)s::bigint AND e.customer_id = ANY(%(ids)s::bigint[])
        GROUP BY e.customer_id
    ), fresh AS (
        SELECT m.customer_id, m.tier AS before, coalesce(s.points, 0) AS points,
               coalesce((SELECT t.name FROM {TIER} t WHERE t.merchant_id = %(merchant)s::bigint
                         AND t.threshold <= coalesce(s.qualifying, 0) ORDER BY t.threshold DESC LIMIT 1),
                         '') AS tier
        FROM {METRICS} m LEFT JOIN sums s ON s.customer_id = m.customer_id
        WHERE m.merchant_id = %(merchant)s::bigint AND m.customer_id = ANY(%(ids)s::bigint[])
    )
    UPDATE {METRICS} m SET points = f.points, tier = f.tier
    FROM fresh f
    WHERE m.merchant_id = %(merchant)s::bigint AND m.customer_id = f.customer_id
      AND (m.points, m.tier) IS DISTINCT FROM (f.points::int, f.tier::varchar)
    RETURNING m.customer_id, f.before, m.tier
"""


@transaction.atomic
def settle(*, merchant: Merchant, customer_ids: Sequence[int], program: Program | None = None) -> int:
    """Brings points, balance and tier of these customers in line with their orders; rows of metrics that
    changed.

    Locks their metrics rows, so that two workers settle one customer one after the other. Announces what
    moved.
    Six statements, whatever the number of customers. Does nothing without a running programme.
    """
    program = program or Program.objects.filter(is_active=True).first()
    if program is None or not customer_ids:
        return 0
    values: dict[str, Any] = {
        "merchant": merchant.pk,
        "ids": sorted(set(customer_ids)),
        "per_unit": program.points_per_unit,
        "months": program.expiry_months,
        "days": program.tier_days,
        "starts": program.starts_at,
    }
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT 1 FROM {METRICS} WHERE merchant_id = %(merchant)s::bigint"
            " AND customer_id = ANY(%(ids)s::bigint[]) ORDER BY customer_id FOR UPDATE",
            values,
        )
        moved: list[tuple[int, int, int, int | None, str]] = []
        for statement in (ORDERS_SQL, REFUNDS_SQL, WITHDRAWN_SQL, EXPIRY_SQL):
            cursor.execute(statement, values)
            moved += cursor.fetchall()
        cursor.execute(BALANCE_SQL, values)
        changed: list[tuple[int, str, str]] = cursor.fetchall()
    _announce(merchant, moved, changed)
    return len(changed)


def _announce(
    merchant: Merchant,
    moved: Sequence[tuple[int, int, int, int | None, str]],
    changed: Sequence[tuple[int, str, str]],
) -> None:
    drafts = [
        Draft(
            events.POINTS_EARNED if points > 0 else events.POINTS_TAKEN,
            customer_id=customer_id,
            subject_type="orders.order" if order_id else "loyalty.pointsentry",
            subject_id=order_id or entry_id,
            data={"points": abs(points), "entry_id": entry_id},
            dedupe_key=key,
        )
        for entry_id, customer_id, points, order_id, key in moved
    ]
    drafts += [
        Draft(
            events.TIER_CHANGED,
            customer_id=customer_id,
            subject_type="customers.customer",
            subject_id=customer_id,
            data={"tier": tier or "–", "before": before or "–"},
        )
        for customer_id, before, tier in changed
        if before != tier
    ]
    emit_many(drafts, merchant=merchant)


def expiry_correct(*, merchant_id: int, customer_id: int, key: str) -> None:
    """Gives back what expired beyond the customer's own lapsed lots, once for each `key`."""
    with connection.cursor() as cursor:
        cursor.execute(EXPIRY_BACK_SQL, {"merchant": merchant_id, "customer": customer_id, "key": key})


# --- all, by beat -----------------------------------------------------------------------------------------


def recalculate() -> int:
    """Settles every customer of every merchant with a running programme; rows of metrics that changed."""
    with all_merchants(reason="beat settles every merchant's programme"):
        programs = list(Program.objects.filter(is_active=True).select_related("merchant"))
    changed = 0
    for program in programs:
        with merchant_scope(program.merchant):
            changed += recalculate_merchant(merchant=program.merchant, program=program)
    return changed


def recalculate_merchant(*, merchant: Merchant, program: Program) -> int:
    """One transaction for each 2,000 customers, so that nobody's order waits for the night's run."""
    return sum(settle(merchant=merchant, customer_ids=ids, program=program) for ids in _chunks())


def _chunks() -> Iterator[list[int]]:
    last = 0
    while True:
        ids = list(Customer.objects.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:CHUNK])
        if not ids:
            return
        yield ids
        last = ids[-1]
