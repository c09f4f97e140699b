"""Calls those that wait to be looked at again, when their moment to come was reckoned for a state of things
that is no more: a limit was changed or taken away, a plan ended or changed, or those before them don't come
(their campaign was paused or cancelled).

By the sweeper, a chunk each time, in the order of their ids, so that each is called once and a million rows
hold nobody up. A call only means: ask again (admitting.py).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from crm.lib.sweeping import for_each
from crm.lib.tenancy import all_merchants
from marketing.models import Campaign, Delivery, PaceLimit, WarmupPlan
from marketing.pacing import gates, warming
from marketing.pacing.warming import campaigns_from

CHUNK = 20_000
# Nobody left for so long while others wait for later: those before them don't come.
IDLE = timedelta(seconds=10)
State = Campaign.State
TABLE = Delivery._meta.db_table

_CALL = f"""
    WITH waiting AS (
        SELECT id FROM {TABLE}
        WHERE merchant_id = %(merchant)s AND campaign_id = ANY(%(campaigns)s) AND state = 'queued'
          AND reason = %(reason)s AND id > %(after)s AND due_at > now()
          AND (%(domain)s = '' OR split_part(address, '@', 2) = %(domain)s)
        ORDER BY id LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED
    ), called AS (
        UPDATE {TABLE} d SET due_at = now() FROM waiting
        WHERE d.merchant_id = %(merchant)s AND d.id = waiting.id RETURNING d.id
    )
    SELECT count(*), max(id) FROM called
"""


def sweep() -> None:
    """Every 15 s: one query each for limits and plans, of every shop, when nobody is to be called."""
    now = timezone.now()
    with all_merchants(reason="sweeper: limits and plans of every merchant"):
        unused = Q(free_at__lt=now - IDLE, tail_at__gt=now + IDLE)
        gone = Q(kind=PaceLimit.Kind.CONNECTION, connection__isnull=True)
        limits = list(
            PaceLimit.objects.filter(
                Q(called_to__isnull=False) | Q(removed_at__isnull=False) | gone | unused
            ).select_related("merchant", "connection")
        )
        plans = list(
            WarmupPlan.objects.filter(
                Q(called_to__isnull=False) | Q(state=WarmupPlan.State.RUNNING)
            ).select_related("merchant")
        )
    for_each(limits, look_at_limit, what="a limit of pace can't be looked at")
    for_each(plans, look_at_plan, what="a warm-up plan can't be looked at")


# ---------------------------------------------------------------- limits


def look_at_limit(limit: PaceLimit) -> None:
    """Calls the next that wait for it, or finds out whether its time goes by unused."""
    ends = limit.removed_at is not None or (
        limit.kind == PaceLimit.Kind.CONNECTION and limit.connection_id is None
    )
    if limit.called_to is None and not ends and not _is_unused(limit):
        return
    with transaction.atomic():
        held = PaceLimit.objects.select_for_update(of=("self",)).filter(pk=limit.pk).first()
        if held is None:
            return
        if held.called_to is None:
            held.called_to, held.tail_at = 0, timezone.now()
        domain = held.name if held.kind == PaceLimit.Kind.DOMAIN else ""
        held.called_to = _call(Campaign.objects.all(), held, held.code, held.called_to, domain)
        if held.called_to is None and ends:
            held.delete()
            return
        held.save(update_fields=["called_to", "tail_at"])


def _is_unused(limit: PaceLimit) -> bool:
    """Whether nobody comes though somebody waits. While workers are behind, somebody is due."""
    now = timezone.now()
    if limit.free_at >= now - 3 * gates.slack(limit):
        return False
    waiting = Delivery.objects.filter(
        campaign__state=State.SENDING, state=Delivery.State.QUEUED, reason=limit.code
    )
    if limit.kind == PaceLimit.Kind.DOMAIN:
        waiting = waiting.filter(address__endswith=f"@{limit.name}")
    return not waiting.filter(due_at__lte=now).exists()


# ---------------------------------------------------------------- plans


def look_at_plan(plan: WarmupPlan) -> None:
    """Calls the next that wait for it, finds out whether its day goes by unused, or ends it."""
    now = timezone.now()
    is_over = plan.is_running and warming.peek(plan, plan.merchant, now) is None
    if plan.called_to is None and plan.tail_on is None and not is_over:
        return
    with transaction.atomic():
        held = WarmupPlan.objects.select_for_update().filter(pk=plan.pk).first()
        if held is None:
            return
        warmth = warming.on_its_day(held, plan.merchant, now)
        if held.called_to is None and warmth is not None and _has_unused_room(warmth, now):
            warming.call_everybody(held)
        if held.called_to is None:
            return
        campaigns = campaigns_from(held.domain, plan.merchant)
        held.called_to = _call(campaigns, held, "warm_up", held.called_to)
        held.save(update_fields=["called_to"])


def _has_unused_room(warmth: warming.Warmth, now: datetime) -> bool:
    plan = warmth.plan
    if not warmth.room or plan.tail_on is None or plan.tail_on <= warmth.today.day:
        return False
    if now < warmth.opens_on(warmth.today.day):
        return False
    waiting = Delivery.objects.filter(
        campaign__in=campaigns_from(plan.domain, warmth.merchant).filter(state=State.SENDING),
        state=Delivery.State.QUEUED,
        reason="warm_up",
    )
    if not waiting.exists():
        plan.tail_on = None  # nobody waits: the days to come are free
        plan.save(update_fields=["tail_on"])
        return False
    return not waiting.filter(due_at__lte=now).exists()


# ---------------------------------------------------------------- both


def _call(
    campaigns: QuerySet[Campaign, Campaign], row: Any, reason: str, after: int, domain: str = ""
) -> int | None:
    """Up to which id they were called, None when that were all."""
    under_way = campaigns.filter(state__in=[State.SENDING, State.PAUSED])
    with connection.cursor() as cursor:
        cursor.execute(
            _CALL,
            {
                "merchant": row.merchant_id,
                "campaigns": list(under_way.values_list("pk", flat=True)),
                "reason": reason,
                "after": after,
                "domain": domain,
                "limit": CHUNK,
            },
        )
        number, last = cursor.fetchone()
    return int(last) if number == CHUNK else None
