"""Celery's door to the API's housekeeping."""

from celery import shared_task

from crm.api import idempotency
from crm.events.beat import once_per_slot


@shared_task(name="api.prune")
def prune() -> None:
    if once_per_slot("api.prune", seconds=1800):
        idempotency.prune()
