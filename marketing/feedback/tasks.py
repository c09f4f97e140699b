"""Celery's doors to what comes back."""

from celery import shared_task

from crm.events.beat import once_per_slot
from crm.events.ringing import ring_task
from marketing.feedback import mailbox, refusals


@shared_task(name="marketing.sweep_feedback")
def sweep_feedback() -> None:
    """Every minute: grades refusals, and has the mailboxes for bounces read."""
    if once_per_slot("marketing.sweep_feedback", seconds=45):
        refusals.grade_all()
        ring_task("marketing.fetch_bounces", [], queue="mail")


@shared_task(name="marketing.fetch_bounces", queue="mail")
def fetch_bounces() -> None:
    """Apart from the sweep: a mailbox that hangs must keep nothing else waiting."""
    if once_per_slot("marketing.fetch_bounces", seconds=45):
        mailbox.fetch_all()
