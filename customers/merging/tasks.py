"""Celery's door to what came late. Loaded with the package, which every process loads at start."""

from celery import shared_task

from crm.events.beat import once_per_slot
from customers.merging import gathering


@shared_task(name="customers.gather_merged")
def gather_merged() -> None:
    if once_per_slot("customers.gather_merged", seconds=240):
        gathering.gather_recent()
