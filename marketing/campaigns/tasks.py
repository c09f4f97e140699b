"""Celery's doors to what comes back from mails."""

from celery import shared_task

from marketing import looks


@shared_task(name=looks.SWEEPER)
def sweep_clicks() -> None:
    """Every 15 s, and a moment after each click: counts the clicks that have settled."""
    looks.clicks_sweep()
