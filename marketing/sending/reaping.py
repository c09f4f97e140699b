"""What nobody rings for: campaigns that are due, runs that died, mails whose wait is over."""

from __future__ import annotations

import structlog
from django.db import connection
from django.db.models import Exists, OuterRef
from django.utils import timezone

from crm.events.ringing import ring_task
from crm.lib.tenancy import all_merchants, merchant_scope
from marketing.models import Campaign, Delivery, SendingRun
from marketing.sending import claiming

log = structlog.get_logger()

SEND_TASK = "marketing.send_campaign"
SWEEP_LIMIT = 200


def ring_for(campaign: Campaign) -> None:
    """The doorbell of one campaign."""
    ring_task(SEND_TASK, [campaign.merchant_id, campaign.pk], queue="mail")


def reap_silent_runs() -> int:
    """How many dead runs were cleared away."""
    with all_merchants(reason="sweeper: any merchant's run may have died"):
        runs = claiming.silent_runs()
    for run in runs:
        with merchant_scope(run.merchant_id):
            returned, unknown = claiming.reap(run)
        log.warning(
            "a sending run died", run=run.pk, campaign=run.campaign_id, returned=returned, unknown=unknown
        )
    return len(runs)


def ring_for_due() -> int:
    """Rings for each campaign that has something due and nobody at work on it; how many."""
    with all_merchants(reason="sweeper: campaigns of every merchant"):
        due = Delivery.objects.filter(
            campaign=OuterRef("pk"),
            merchant=OuterRef("merchant"),
            state__in=[Delivery.State.QUEUED, Delivery.State.DEFERRED],
            due_at__lte=timezone.now(),
        )
        alive = SendingRun.objects.filter(
            campaign=OuterRef("pk"), merchant=OuterRef("merchant"), ended_at__isnull=True
        )
        campaigns = list(
            Campaign.objects.under_way().filter(Exists(due), ~Exists(alive)).order_by("pk")[:SWEEP_LIMIT]
        )
    for campaign in campaigns:
        ring_for(campaign)
    return len(campaigns)


def due_campaigns() -> list[Campaign]:
    """Scheduled campaigns whose hour has come, of every merchant."""
    with all_merchants(reason="sweeper: campaigns of every merchant"):
        return list(Campaign.objects.due().order_by("scheduled_at")[:SWEEP_LIMIT])


def under_way() -> list[Campaign]:
    with all_merchants(reason="sweeper: campaigns of every merchant"):
        return list(Campaign.objects.under_way().select_related("merchant").order_by("pk")[:SWEEP_LIMIT])


def is_done(campaign: Campaign) -> bool:
    """Whether every mail of the campaign has come to its end."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT EXISTS (SELECT 1 FROM {Delivery._meta.db_table} WHERE merchant_id = %s AND campaign_id = %s
                           AND state IN ('queued', 'sending', 'deferred'))
            """,
            [campaign.merchant_id, campaign.pk],
        )
        return not cursor.fetchone()[0]
