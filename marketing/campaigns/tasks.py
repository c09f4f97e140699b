"""Celery's doors to what comes back from mails, and to the check of their links."""

import structlog
from celery import shared_task

from crm.accounts.models import Merchant
from crm.lib.errors import CrmError
from crm.lib.tenancy import merchant_scope
from marketing import looks
from marketing.campaigns import links, trying
from marketing.models import Campaign

log = structlog.get_logger()

# Behind the check's own time; a stranger's server that drips its answer is ended with the worker's process.
SOFT_SECONDS, HARD_SECONDS = 60, 75


@shared_task(name=looks.SWEEPER)
def sweep_clicks() -> None:
    """Every 15 s, and a moment after each click: counts the clicks that have settled."""
    looks.clicks_sweep()


@shared_task(name=links.TASK, soft_time_limit=SOFT_SECONDS, time_limit=HARD_SECONDS, acks_late=False)
def check_links(merchant_id: int, campaign_id: int, again: bool) -> None:
    """Asks the links of one campaign. Taken off the queue at once: a check that killed its worker is not
    worth another."""
    merchant = Merchant.objects.get(pk=merchant_id)
    with merchant_scope(merchant):
        campaign = Campaign.objects.filter(pk=campaign_id).first()
        if campaign is not None:
            links.links_ask(campaign=campaign, merchant=merchant, again=again)


@shared_task(name=trying.TASK, soft_time_limit=SOFT_SECONDS, time_limit=HARD_SECONDS, acks_late=False)
def send_test(merchant_id: int, campaign_id: int, to: list[str], letter: str) -> None:
    """A test that a program asked for. Once at most: who waits for it asks again."""
    merchant = Merchant.objects.get(pk=merchant_id)
    with merchant_scope(merchant):
        campaign = Campaign.objects.filter(pk=campaign_id).first()
        if campaign is None:
            return
        try:
            trying.campaign_try_now(merchant=merchant, campaign=campaign, to=to, letter=letter)
        except CrmError as error:  # the carrier's no; the log of events then lacks the test
            log.warning("a test was not sent", campaign=campaign_id, reason=str(error.message))
