"""What the shop makes of its customers: points and tiers, scores, days."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from django.db import connection

from crm.accounts.models import Merchant
from crm.events.models import Event
from marketing.insight import rollups, scoring
from marketing.loyalty.events import POINTS_EARNED, POINTS_TAKEN, TIER_CHANGED
from marketing.loyalty.models import PointsEntry
from marketing.loyalty.services import program_save
from marketing.loyalty.settling import recalculate_merchant

# (name, from points, earns times)
TIERS = [
    ("Member 会员", 0, Decimal(1)),
    ("Silver 银卡", 1_500, Decimal("1.2")),
    ("Gold 金卡", 5_000, Decimal("1.5")),
]


def standing_write(*, merchant: Merchant, now: datetime) -> None:
    """A programme that rewards the past year, and everything that beat would have computed by now."""
    program = program_save(
        merchant=merchant,
        values={"name": "茶友会 Tea circle", "starts_at": now - timedelta(days=365)},
        tiers=TIERS,
    )
    recalculate_merchant(merchant=merchant, program=program)
    _dated(merchant)


def _dated(merchant: Merchant) -> None:
    """The programme has run for a year: points were earned when their order was paid, tiers with the last of
    them."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {PointsEntry._meta.db_table} SET created_at = lot_at WHERE merchant_id = %s",
            [merchant.pk],
        )
        cursor.execute(
            f"""
            UPDATE {Event._meta.db_table} e SET occurred_at = p.lot_at FROM {PointsEntry._meta.db_table} p
            WHERE e.merchant_id = %s AND p.merchant_id = e.merchant_id
                  AND e.name IN (%s, %s) AND p.id = (e.data->>'entry_id')::bigint
            """,
            [merchant.pk, POINTS_EARNED.name, POINTS_TAKEN.name],
        )
        cursor.execute(
            f"""
            UPDATE {Event._meta.db_table} e SET occurred_at = p.at
            FROM (SELECT merchant_id, customer_id, max(lot_at) AS at FROM {PointsEntry._meta.db_table}
                  GROUP BY merchant_id, customer_id) p
            WHERE e.merchant_id = %s AND p.merchant_id = e.merchant_id AND e.name = %s
                  AND p.customer_id = e.customer_id
            """,
            [merchant.pk, TIER_CHANGED.name],
        )


def figures_write(*, merchant: Merchant) -> None:
    """Scores with their yardstick, and every day's figures."""
    scoring.measure(merchant_id=merchant.pk)
    scoring.refresh(merchant_id=merchant.pk)
    rollups.recount_all(merchant=merchant)
