"""Celery's doors to sender domains."""

from celery import shared_task

from crm.events.beat import once_per_slot
from crm.lib.tenancy import merchant_scope
from marketing.domains import counting, services
from marketing.models import SenderDomain


@shared_task(name="marketing.check_domains", queue="insight")
def check_domains() -> None:
    """Daily: what the DNS of every sender domain says."""
    if once_per_slot("marketing.check_domains", seconds=3_600):
        services.check_all()


@shared_task(name="marketing.check_domain", queue="insight")
def check_domain(merchant_id: int, pk: int) -> None:
    """One domain, because somebody asked."""
    with merchant_scope(merchant_id):
        row = SenderDomain.objects.filter(pk=pk).first()
        if row is not None:
            services.sender_domain_check(row=row)


@shared_task(name="marketing.count_domains", queue="insight")
def count_domains() -> None:
    """Every five minutes: mails by receiving domain, of campaigns whose count is too old."""
    if once_per_slot("marketing.count_domains", seconds=240):
        counting.count_due()
