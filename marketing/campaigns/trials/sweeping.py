"""Trials whose time is over, and decisions that a death left half done."""

from __future__ import annotations

from datetime import timedelta

import structlog
from django.db.models import DurationField, Exists, ExpressionWrapper, F, OuterRef, Q
from django.db.models.functions import Now
from django.utils import timezone

from crm.lib.errors import CrmError
from crm.lib.sweeping import for_each
from crm.lib.tenancy import all_merchants
from marketing.campaigns.trials.services import trial_decide, trial_release
from marketing.campaigns.trials.standing import decides_at
from marketing.models import Campaign, Delivery

log = structlog.get_logger()
LIMIT = 200


def trials_sweep() -> int:
    """Decides what is due; how many campaigns were looked at. A paused campaign decides when it goes on.

    Only those whose hours are over are looked at, so that hundreds of young trials hold up none.
    """
    with all_merchants(reason="trials of every merchant end by the clock"):
        waits = Delivery.objects.filter(
            merchant=OuterRef("merchant"), campaign=OuterRef("pk"), state="queued", reason="trial"
        )
        hours = ExpressionWrapper(F("trial_hours") * timedelta(hours=1), output_field=DurationField())
        due = ~Q(trial_winner="") | Q(frozen_at__lte=Now() - hours)
        found = Campaign.objects.under_way().filter(Exists(waits), due)
        campaigns = list(found.select_related("merchant").prefetch_related("versions").order_by("pk")[:LIMIT])
    for_each(campaigns, _end, what="a trial broke")
    return len(campaigns)


def _end(campaign: Campaign) -> None:
    if campaign.trial_winner:
        trial_release(campaign=campaign)
    elif decides_at(campaign) <= timezone.now():
        try:
            trial_decide(campaign=campaign)
        except CrmError as error:
            log.warning("a trial can't be decided", campaign=campaign.pk, reason=str(error.message))
