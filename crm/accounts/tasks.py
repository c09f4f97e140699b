"""Celery's doors to the accounts."""

from celery import shared_task

from crm.accounts.handover import moving, opening
from crm.events.beat import once_per_slot


@shared_task(name="accounts.handover_work")
def handover_work(merchant_id: int, move_id: int) -> None:
    moving.work_on(merchant_id=merchant_id, move_id=move_id)


@shared_task(name="accounts.handover_sweep")
def handover_sweep() -> None:
    if once_per_slot("accounts.handover_sweep", seconds=50):
        moving.sweep()
        opening.sweep_empty()
