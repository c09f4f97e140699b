"""A limit that the shop's mail server asked for, one for QQ's mailboxes, and a new domain being warmed up."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from crm.accounts.models import Merchant
from marketing.models import WarmupDay, WarmupPlan
from marketing.pacing.ladders import ladder
from marketing.pacing.services import MOST_DAYS, limit_add, warmup_start
from marketing.pacing.warming import shop_day

NEW_DOMAIN = "news.guanxi-tea.example"
# Sent on each day until yesterday, and why the amount stayed on it.
DAYS = [(50, ""), (100, ""), (196, ""), (60, ""), (200, "idle"), (640, "")]


def pacing_write(*, merchant: Merchant, now: datetime) -> None:
    limit_add(merchant=merchant, values={"kind": "server", "amount": 100, "per": "second"})
    limit_add(merchant=merchant, values={"kind": "group", "name": "qq", "amount": 600, "per": "hour"})
    today = shop_day(merchant, timezone.now())  # of the clock, as the service asks
    plan = warmup_start(
        merchant=merchant, domain=NEW_DOMAIN, starts_on=today, amounts=ladder(50, 2.0, 6_000, MOST_DAYS)
    )
    first = today - timedelta(days=len(DAYS))
    WarmupPlan.objects.filter(pk=plan.pk).update(starts_on=first, created_at=now - timedelta(days=len(DAYS)))
    step = -1
    for number, (sent, stay) in enumerate(DAYS):
        step += not stay
        WarmupDay.objects.create(
            merchant=merchant,
            plan=plan,
            day=first + timedelta(days=number),
            step=step,
            planned=plan.amounts[step],
            sent=sent,
            ahead=sent // 12,
            stay=stay,
        )
