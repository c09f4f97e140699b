"""Celery's doors to customers."""

from celery import shared_task

from crm.events.beat import once_per_slot
from customers.todos import sweeping


@shared_task(name="customers.sweep_tasks")
def sweep_tasks() -> None:
    if once_per_slot("customers.sweep_tasks", seconds=25):
        sweeping.sweep()
