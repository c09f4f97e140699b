"""Celery's doors to orders."""

from celery import shared_task
from django.db import transaction

from crm.accounts.models import Merchant
from crm.events.beat import once_per_slot
from orders import metrics


@shared_task(name="orders.refresh_metrics", queue="insight")
def refresh_metrics() -> None:
    """The nightly full recalculation, merchant by merchant."""
    if not once_per_slot("orders.refresh_metrics", seconds=3600):
        return
    for merchant_id in Merchant.objects.filter(is_active=True).values_list("id", flat=True):
        with transaction.atomic():
            metrics.refresh(merchant_id=merchant_id)
