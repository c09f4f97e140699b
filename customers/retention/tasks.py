"""Celery's doors to retention. Loaded through `customers.retention`, which every process loads at start."""

from celery import shared_task

from crm.accounts.models import Merchant
from crm.events.beat import once_per_slot
from customers.retention import services


@shared_task(name="customers.retain", queue="insight")
def retain() -> None:
    """The nightly pass; each shop is a task of its own, so that a big one delays no other."""
    if once_per_slot("customers.retain", seconds=3600):
        for merchant_id in Merchant.objects.filter(is_active=True).values_list("id", flat=True):
            retain_of.delay(merchant_id)


@shared_task(name="customers.retain_of", queue="insight")
def retain_of(merchant_id: int) -> None:
    services.work(merchant=Merchant.objects.get(pk=merchant_id))
