"""Invitations to review leave by the other road, and count for the warm-up of the shop's own domain as the
mails of journeys do: they are few and awaited, and wait only once these alone are a day's amount."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from crm.accounts.models import Merchant
from customers.models import Customer
from customers.registries import Restraint
from marketing.models import WarmupPlan
from marketing.pacing import warming
from marketing.sending.content import default_sender


def _own_plan(merchant: Merchant) -> WarmupPlan | None:
    return warming.running_plan(merchant, warming.domain_of(default_sender(merchant)))


def restraint_of(merchant: Merchant, customer: Customer) -> Restraint | None:
    """What the plan says against one more mail today. One query without a plan."""
    plan, now = _own_plan(merchant), timezone.now()
    warmth = warming.peek(plan, merchant, now) if plan else None
    if warmth is None or warmth.today.day > warming.shop_day(merchant, now) or warmth.has_room(ahead=True):
        return None
    return Restraint("warm_up", warmth.opens_on(warmth.today.day + timedelta(days=1)))


def count_invitation(merchant: Merchant) -> None:
    """One left. In the caller's transaction; locks the plan."""
    if plan := _own_plan(merchant):
        warming.count_one_ahead(plan, merchant, timezone.now())
