"""Celery's doors to exports."""

from celery import shared_task

from crm.events.beat import once_per_slot

from . import housekeeping, working


@shared_task(name="exports.write", queue="imports")
def write(merchant_id: int, export_id: int) -> None:
    working.work_on(merchant_id=merchant_id, export_id=export_id)


@shared_task(name="exports.sweep", queue="imports")
def sweep() -> None:
    if once_per_slot("exports.sweep", seconds=50):
        housekeeping.sweep()


@shared_task(name="exports.expire", queue="default")
def expire() -> None:
    if once_per_slot("exports.expire", seconds=50):
        housekeeping.expire()
