"""Mails by receiving domain: counted by statement, a campaign at a time, apart from sending.

Sending writes its rows and nothing else; every ten minutes the campaigns under way are counted anew as a
whole, older ones once a day for as long as anything still comes back.
"""

from __future__ import annotations

from datetime import timedelta

import structlog
from django.db import connection, transaction
from django.db.models import F, OuterRef, Q, Subquery
from django.utils import timezone

from crm.lib.tenancy import all_merchants, merchant_scope
from marketing.models import Campaign, Delivery, DomainCount, DomainCounting

log = structlog.get_logger()

# Domains with fewer mails of a campaign's day stand together: a million readers have 50,000 domains.
FEW = 20
FRESH, YOUNG, OLD = timedelta(minutes=10), timedelta(days=2), timedelta(days=45)
PER_SWEEP = 200

_COUNT = f"""
    INSERT INTO {DomainCount._meta.db_table}
        (merchant_id, campaign_id, day, domain, sent, hard, soft, blocked, complained, opened)
    SELECT %(merchant)s, %(campaign)s, day, CASE WHEN sent >= {FEW} THEN domain ELSE '' END,
           sum(sent), sum(hard), sum(soft), sum(blocked), sum(complained), sum(opened)
    FROM (
        SELECT (coalesce(sent_at, bounced_at) AT TIME ZONE %(zone)s)::date AS day,
               split_part(address, '@', 2) AS domain,
               count(*) AS sent,
               count(*) FILTER (WHERE bounce = 'hard') AS hard,
               count(*) FILTER (WHERE bounce = 'soft') AS soft,
               count(*) FILTER (WHERE bounce = 'blocked') AS blocked,
               count(complained_at) AS complained,
               count(opened_at) AS opened
        FROM {Delivery._meta.db_table}
        WHERE merchant_id = %(merchant)s AND campaign_id = %(campaign)s
              AND (state = 'sent' OR bounced_at IS NOT NULL)
        GROUP BY 1, 2
    ) counted
    WHERE day IS NOT NULL
    GROUP BY 3, 4
"""


@transaction.atomic
def count(campaign: Campaign) -> int:
    """Counts the campaign's mails anew; rows written. Two at once take turns."""
    marked, _new = DomainCounting.objects.get_or_create(
        merchant_id=campaign.merchant_id, campaign=campaign, defaults={"counted_at": timezone.now()}
    )
    DomainCounting.objects.select_for_update(of=("self",)).get(pk=marked.pk)
    DomainCount.objects.filter(campaign=campaign).delete()
    values: dict[str, str | int] = {
        "merchant": campaign.merchant_id,
        "campaign": campaign.pk,
        "zone": str(campaign.merchant.zone),
    }
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, values)
        written = int(cursor.rowcount)
    DomainCounting.objects.filter(pk=marked.pk).update(counted_at=timezone.now())
    return written


def due() -> list[Campaign]:
    """Campaigns whose count is too old: under way or ended within two days every ten minutes, others daily
    for 45 days. Of every merchant; call it with the wall lifted."""
    now = timezone.now()
    last = DomainCounting.objects.filter(campaign=OuterRef("pk"), merchant=OuterRef("merchant"))
    rows = Campaign.objects.filter(started_at__gte=now - OLD).annotate(
        counted_at=Subquery(last.values("counted_at")[:1])
    )
    is_young = Q(finished_at__isnull=True) | Q(finished_at__gte=now - YOUNG)
    is_due = (
        Q(counted_at__isnull=True)
        | Q(counted_at__lt=now - timedelta(days=1))
        | (is_young & Q(counted_at__lt=now - FRESH))
    )
    found = rows.filter(is_due).select_related("merchant")
    return list(found.order_by(F("counted_at").asc(nulls_first=True), "pk")[:PER_SWEEP])


def count_due() -> int:
    """Counts what is due; how many campaigns."""
    with all_merchants(reason="beat counts for every merchant"):
        campaigns = due()
    for campaign in campaigns:
        with merchant_scope(campaign.merchant):
            count(campaign)
    return len(campaigns)
