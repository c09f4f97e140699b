"""Celery's doors to customers."""

from celery import shared_task

from crm.accounts.models import Merchant
from crm.events.beat import once_per_slot
from crm.lib.tenancy import merchant_scope
from customers.bulk_changes import services
from customers.duplicates.scanning import duplicates_find
from customers.todos import sweeping


@shared_task(name="customers.sweep_tasks")
def sweep_tasks() -> None:
    if once_per_slot("customers.sweep_tasks", seconds=25):
        sweeping.sweep()


@shared_task(name="customers.find_duplicates", queue="insight")
def find_duplicates() -> None:
    """The nightly pass, shop by shop; each shop is a task of its own, so that a big one delays no other."""
    if once_per_slot("customers.find_duplicates", seconds=3600):
        for merchant_id in Merchant.objects.filter(is_active=True).values_list("id", flat=True):
            find_duplicates_of.delay(merchant_id)


@shared_task(name="customers.find_duplicates_of", queue="insight")
def find_duplicates_of(merchant_id: int) -> None:
    with merchant_scope(merchant_id):
        duplicates_find()


@shared_task(name="customers.bulk_work")
def bulk_work(merchant_id: int, change_id: int) -> None:
    services.work_on(merchant_id=merchant_id, change_id=change_id)


@shared_task(name="customers.bulk_sweep")
def bulk_sweep() -> None:
    if once_per_slot("customers.bulk_sweep", seconds=50):
        services.sweep()
