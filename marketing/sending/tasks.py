"""Celery's doors to the sending."""

from __future__ import annotations

import structlog
from celery import shared_task

from crm.accounts.models import Merchant
from crm.events.beat import once_per_slot
from crm.lib.errors import CrmError
from crm.lib.tenancy import merchant_scope
from marketing.campaigns import services
from marketing.engine.errors import BadAddress, TemplateError
from marketing.models import Campaign
from marketing.sending import reaping
from marketing.sending.runner import Runner

log = structlog.get_logger()


@shared_task(name=reaping.SEND_TASK, queue="mail")
def send_campaign(merchant_id: int, campaign_id: int) -> None:
    """One slice of a campaign; rings for the next one when something is left."""
    merchant = Merchant.objects.get(pk=merchant_id)
    with merchant_scope(merchant):
        campaign = Campaign.objects.filter(pk=campaign_id, state=Campaign.State.SENDING).first()
        if campaign is None:
            return
        try:
            report = Runner(merchant=merchant, campaign=campaign).run()
        except (TemplateError, BadAddress, ValueError) as error:
            services.campaign_trouble(campaign=campaign, words=str(error))
            services.campaign_pause(campaign=campaign)
            return
        services.campaign_trouble(campaign=campaign, words=report.trouble)
        if not services.campaign_settle(campaign=campaign) and report.more and not report.trouble:
            reaping.ring_for(campaign)


@shared_task(name="marketing.sweep_sending")
def sweep_sending() -> None:
    """Every 15 s: starts what is scheduled, clears away dead workers, rings for what is due, closes what is
    done.
    """
    if not once_per_slot("marketing.sweep_sending", seconds=10):
        return
    reaping.reap_silent_runs()
    for campaign in reaping.due_campaigns():
        _start(campaign)
    reaping.ring_for_due()
    for campaign in reaping.under_way():
        with merchant_scope(campaign.merchant_id):
            services.campaign_settle(campaign=campaign)


def _start(campaign: Campaign) -> None:
    with merchant_scope(campaign.merchant_id):
        try:
            services.campaign_start(campaign=campaign)
        except CrmError as error:
            log.warning("a scheduled campaign can't start", campaign=campaign.pk, reason=str(error.message))
            services.campaign_unschedule(campaign=campaign)
            services.campaign_trouble(campaign=campaign, words=str(error.message))
