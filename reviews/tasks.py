"""Celery's doors to reviews."""

from celery import shared_task

from crm.events.beat import once_per_slot
from reviews import inviting


@shared_task(name="reviews.sweep")
def sweep() -> None:
    if once_per_slot("reviews.sweep", seconds=240):
        inviting.sweep()
