"""Celery's doors to the desk."""

from celery import shared_task

from crm.events.beat import once_per_slot
from service import sweeping


@shared_task(name="service.sweep")
def sweep() -> None:
    if once_per_slot("service.sweep", seconds=45):
        sweeping.sweep()
