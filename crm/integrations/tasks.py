"""Celery's doors to what goes out and comes in."""

from celery import shared_task

from crm.events.beat import once_per_slot
from crm.integrations import fetching, mail, sending, working

# A stranger's server may drip its answer; past these seconds the task is told, then killed, and tried again.
SOFT_SECONDS, HARD_SECONDS = 60, 90


@shared_task(name="integrations.send_mail", queue="mail")
def send_mail(mail_id: int) -> None:
    mail.send(mail_id)


@shared_task(name="integrations.sweep_outbox")
def sweep_outbox() -> None:
    if once_per_slot("integrations.sweep_outbox", seconds=20):
        mail.sweep()


@shared_task(name="integrations.work_hooks")
def work_hooks(hook_ids: list[int]) -> None:
    for hook_id in hook_ids:
        working.work(hook_id)


@shared_task(name="integrations.fetch", soft_time_limit=120, time_limit=150)
def fetch(connection_id: int) -> None:
    fetching.fetch_page(connection_id)


@shared_task(name="integrations.sweep_hooks")
def sweep_hooks() -> None:
    if once_per_slot("integrations.sweep_hooks", seconds=20):
        working.sweep()
        fetching.sweep()


@shared_task(name="integrations.send_webhook", soft_time_limit=SOFT_SECONDS, time_limit=HARD_SECONDS)
def send_webhook(attempt_id: int) -> None:
    sending.deliver(attempt_id)


@shared_task(name="integrations.sweep_webhooks")
def sweep_webhooks() -> None:
    if once_per_slot("integrations.sweep_webhooks", seconds=20):
        sending.sweep()


@shared_task(name="integrations.prune")
def prune() -> None:
    if once_per_slot("integrations.prune", seconds=3600):
        working.prune()
        sending.prune()
