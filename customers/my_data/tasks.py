"""Celery's doors to "my data". Loaded through `customers/panels.py`, which every process loads at start."""

from celery import shared_task

from crm.events.beat import once_per_slot
from customers.my_data import working


@shared_task(name="customers.write_data")
def write_data(merchant_id: int, package_id: int) -> None:
    working.work_on(merchant_id=merchant_id, package_id=package_id)


@shared_task(name="customers.sweep_data")
def sweep_data() -> None:
    if once_per_slot("customers.sweep_data", seconds=50):
        working.sweep()
