"""A loyalty programme with two tiers."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from crm.accounts.models import Merchant
from crm.lib.tenancy import merchant_scope
from marketing.loyalty.models import Program, Tier


def make_program(
    merchant: Merchant, *, tiers: tuple[tuple[str, int, str], ...] = (), **fields: Any
) -> Program:
    """One point for each unit of money, no expiry, running for a year."""
    fields = {
        "name": "Tea club",
        "points_per_unit": Decimal(1),
        "expiry_months": 0,
        "starts_at": timezone.now() - timedelta(days=365),
    } | fields
    with merchant_scope(merchant):
        for name, threshold, multiplier in tiers:
            Tier.objects.create(
                merchant=merchant, name=name, threshold=threshold, multiplier=Decimal(multiplier)
            )
        return Program.objects.create(merchant=merchant, **fields)
