"""Celery's doors to imports."""

from celery import shared_task

from crm.events.beat import once_per_slot

from . import housekeeping, pipeline


@shared_task(name="imports.work", queue="imports")
def work(merchant_id: int, batch_id: int) -> None:
    pipeline.work_on(merchant_id=merchant_id, batch_id=batch_id)


@shared_task(name="imports.sweep", queue="imports")
def sweep() -> None:
    if once_per_slot("imports.sweep", seconds=50):
        housekeeping.sweep()


@shared_task(name="imports.prune", queue="imports")
def prune() -> None:
    if once_per_slot("imports.prune", seconds=3600):
        housekeeping.prune()
