"""Celery's doors to customers."""

from celery import shared_task

from crm.accounts.models import Merchant
from crm.events.beat import once_per_slot
from crm.lib.tenancy import merchant_scope
from customers.bulk_changes import services
from customers.duplicates.scanning import duplicates_find
from customers.files.services import orphans_delete
from customers.models import File, Region
from customers.regions.placing import place_all
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


@shared_task(name="customers.place_shops", queue="insight")
def place_shops() -> None:
    """Every night, lest a worker was killed between a change of the tree and its end."""
    if once_per_slot("customers.place_shops", seconds=3600):
        shops = Merchant.objects.filter(is_active=True).values_list("id", flat=True)
        for merchant_id in shops:
            with merchant_scope(merchant_id):
                has_regions = Region.objects.exists()
            if has_regions:
                place_shop.delay(merchant_id)


@shared_task(name="customers.place_shop", queue="insight")
def place_shop(merchant_id: int) -> None:
    with merchant_scope(merchant_id):
        place_all()


@shared_task(name="customers.sweep_files")
def sweep_files() -> None:
    """Bytes whose row was never committed, or whose worker died between the row's end and theirs."""
    if once_per_slot("customers.sweep_files", seconds=3600):
        known: set[str] = set()
        for merchant_id in Merchant.objects.values_list("id", flat=True):
            with merchant_scope(merchant_id):
                known.update(File.objects.values_list("path", flat=True))
        orphans_delete(known)
