"""Celery's doors to erasing. Loaded through `customers.privacy`, which every process loads at start."""

from celery import shared_task

from crm.events.beat import once_per_slot
from customers.privacy import erasing, ledger


@shared_task(name="customers.erase")
def erase(merchant_id: int, erasure_id: int) -> None:
    erasing.work_in_scope(merchant_id, erasure_id)


@shared_task(name="customers.record_erasures")
def record_erasures() -> None:
    ledger.record_all()


@shared_task(name="customers.sweep_erasures")
def sweep_erasures() -> None:
    """Requests that are due, and done ones that the ledger has not heard of."""
    if once_per_slot("customers.sweep_erasures", seconds=50):
        erasing.sweep()
        ledger.record_all()
