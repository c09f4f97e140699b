"""What the shop makes of its customers: points and tiers, scores, days."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from crm.accounts.models import Merchant
from marketing.insight import rollups, scoring
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


def figures_write(*, merchant: Merchant) -> None:
    """Scores with their yardstick, and every day's figures."""
    scoring.measure(merchant_id=merchant.pk)
    scoring.refresh(merchant_id=merchant.pk)
    rollups.recount_all(merchant=merchant)
