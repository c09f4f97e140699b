"""Celery's doors to the sending."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from celery import shared_task
from django.utils.translation import gettext as _

from crm.accounts.models import Merchant
from crm.events.beat import once_per_slot
from crm.lib.errors import CrmError
from crm.lib.sweeping import for_each
from crm.lib.tenancy import merchant_scope
from marketing.campaigns import services
from marketing.campaigns.clearing import campaign_clear
from marketing.campaigns.preparing import campaign_prepare
from marketing.campaigns.trials.sweeping import trials_sweep
from marketing.engine.errors import BadAddress, TemplateError
from marketing.models import Campaign
from marketing.pacing import calling
from marketing.sending import reaping
from marketing.sending.runner import Runner

log = structlog.get_logger()


@shared_task(name=reaping.SEND_TASK, queue=reaping.QUEUE, reject_on_worker_lost=True)
def send_campaign(merchant_id: int, campaign_id: int) -> None:
    """One slice of a campaign; rings for the next one when something is left."""
    with _campaign_of(merchant_id, campaign_id, Campaign.State.SENDING) as campaign:
        if campaign is None or reaping.is_crowded(campaign):
            return
        try:
            report = Runner(merchant=campaign.merchant, campaign=campaign).run()
        except (TemplateError, BadAddress, ValueError) as error:
            services.campaign_halt(campaign=campaign, words=str(error))
            return
        if report.permanent:
            services.campaign_halt(campaign=campaign, words=report.trouble)
            return
        services.campaign_trouble(campaign=campaign, words=report.trouble)
        if not services.campaign_settle(campaign=campaign) and report.more and not report.trouble:
            reaping.ring_for(campaign)


@shared_task(name=reaping.PREPARE_TASK, queue=reaping.QUEUE, reject_on_worker_lost=True)
def prepare_campaign(merchant_id: int, campaign_id: int) -> None:
    """Writes a big audience down."""
    with _campaign_of(merchant_id, campaign_id, Campaign.State.PREPARING) as campaign:
        if campaign is not None:
            campaign_prepare(campaign=campaign)


@shared_task(name=reaping.CLEAR_TASK, queue=reaping.QUEUE)
def clear_campaign(merchant_id: int, campaign_id: int) -> None:
    """Marks what a cancelled campaign did not send."""
    with _campaign_of(merchant_id, campaign_id, Campaign.State.CANCELLED) as campaign:
        if campaign is not None:
            campaign_clear(campaign=campaign)


@contextmanager
def _campaign_of(merchant_id: int, campaign_id: int, state: str) -> Iterator[Campaign | None]:
    """The campaign inside its shop's wall, or None when it is in another state by now. What breaks stands on
    its page too, and the sweeper tries again."""
    with merchant_scope(Merchant.objects.get(pk=merchant_id)):
        campaign = Campaign.objects.select_related("merchant").filter(pk=campaign_id, state=state).first()
        try:
            yield campaign
        except Exception as error:
            if campaign is not None:
                words = _("An error in the program; it is tried again: %(error)s")
                services.campaign_trouble(campaign=campaign, words=words % {"error": type(error).__name__})
            raise


@shared_task(name="marketing.sweep_sending")
def sweep_sending() -> None:
    """Every 15 s: starts what is scheduled, clears away dead workers, rings for what is due or unfinished,
    closes what is done.
    """
    if not once_per_slot("marketing.sweep_sending", seconds=10):
        return
    reaping.reap_silent_runs()
    for_each(reaping.due_campaigns(), _start, what="a scheduled campaign broke")
    calling.sweep()
    reaping.ring_for_due()
    reaping.ring_for_unfinished()
    for_each(reaping.under_way(), _settle, what="a campaign can't be closed")
    trials_sweep()  # last: it reads revenue, and nobody's mail waits for that


def _settle(campaign: Campaign) -> None:
    services.campaign_settle(campaign=campaign)


def _start(campaign: Campaign) -> None:
    try:
        services.campaign_start(campaign=campaign)
    except CrmError as error:
        log.warning("a scheduled campaign can't start", campaign=campaign.pk, reason=str(error.message))
        services.campaign_unschedule(campaign=campaign)
        services.campaign_trouble(campaign=campaign, words=str(error.message))
