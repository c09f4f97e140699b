"""Celery's doors to insight."""

from celery import shared_task

from crm.events.beat import once_per_slot
from marketing.insight import rollups, scoring


@shared_task(name="insight.sweep")
def sweep() -> None:
    rollups.sweep()


@shared_task(name="insight.recalculate", queue="insight")
def recalculate() -> None:
    if once_per_slot("insight.recalculate", seconds=3600):
        scoring.recalculate()
        rollups.recalculate()
