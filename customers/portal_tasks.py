"""Celery's door to the portal's codes. Loaded through `portal.py`, which every process loads at start."""

from celery import shared_task

from customers import portal_codes


@shared_task(name="customers.portal_send_code", queue="mail")
def portal_send_code(merchant_id: int, code_id: int) -> None:
    portal_codes.send_in_scope(merchant_id, code_id)
