"""Claiming as a sending process does, without one: for tests that ask who may leave now."""

from __future__ import annotations

from collections import Counter

from django.utils import timezone

from marketing.models import Campaign, Delivery, SendingRun
from marketing.pacing.admitting import pace_of
from marketing.sending import checking, claiming


def run_of(campaign: Campaign) -> SendingRun:
    return SendingRun.objects.create(merchant=campaign.merchant, campaign=campaign)


def claim(campaign: Campaign, run: SendingRun | None = None) -> list[claiming.Claimed]:
    """What that run, or a new one, would be given now."""
    merchant = campaign.merchant
    return claiming.claim(
        merchant=merchant,
        campaign=campaign,
        run=run or run_of(campaign),
        policy=checking.policy_of(merchant),
        at=timezone.now(),
        pace=pace_of(campaign, merchant),
    )


def states(campaign: Campaign) -> Counter[tuple[str, str]]:
    """How many of its messages stand in each (state, reason)."""
    return Counter(Delivery.objects.filter(campaign=campaign).values_list("state", "reason"))
