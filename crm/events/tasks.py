"""Celery's doors to the event log."""

from celery import shared_task

from crm.events import delivering
from crm.events import heartbeat as heartbeat  # every worker loads this module, and so says that it is there
from crm.events.beat import once_per_slot


@shared_task(name="events.deliver")
def deliver(delivery_ids: list[int]) -> None:
    for delivery_id in delivery_ids:
        delivering.deliver(delivery_id)


@shared_task(name="events.sweep")
def sweep() -> None:
    if once_per_slot("events.sweep", seconds=20):
        delivering.sweep()


@shared_task(name="events.prune")
def prune() -> None:
    if once_per_slot("events.prune", seconds=3600):
        delivering.prune()
