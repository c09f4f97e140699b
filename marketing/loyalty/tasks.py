"""Celery's doors to the loyalty programme."""

from celery import shared_task

from crm.events.beat import once_per_slot
from crm.lib.tenancy import merchant_scope
from marketing.loyalty import settling
from marketing.loyalty.models import Program


@shared_task(name="loyalty.recalculate", queue="insight")
def recalculate() -> None:
    if once_per_slot("loyalty.recalculate", seconds=3600):
        settling.recalculate()


@shared_task(name="loyalty.recalculate_merchant", queue="insight")
def recalculate_merchant(merchant_id: int) -> None:
    with merchant_scope(merchant_id):
        program = Program.objects.filter(is_active=True).select_related("merchant").first()
        if program is not None:
            settling.recalculate_merchant(merchant=program.merchant, program=program)
