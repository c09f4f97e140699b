"""Celery's doors to the desk."""

from celery import shared_task

from crm.events.beat import once_per_slot
from crm.events.ringing import ring_task
from service import fetching, sweeping


@shared_task(name="service.sweep")
def sweep() -> None:
    if once_per_slot("service.sweep", seconds=45):
        sweeping.sweep()
        ring_task("service.fetch_mail", [], queue="mail")


@shared_task(name="service.fetch_mail", queue="mail")
def fetch_mail() -> None:
    """Apart from the sweep: a mailbox that hangs must not keep late parcels waiting."""
    if once_per_slot("service.fetch_mail", seconds=45):
        fetching.fetch_all()
