"""Celery's doors to what goes out and comes in."""

from celery import shared_task

from crm.events.beat import once_per_slot
from crm.integrations import mail


@shared_task(name="integrations.send_mail", queue="mail")
def send_mail(mail_id: int) -> None:
    mail.send(mail_id)


@shared_task(name="integrations.sweep_outbox")
def sweep_outbox() -> None:
    if once_per_slot("integrations.sweep_outbox", seconds=20):
        mail.sweep()
