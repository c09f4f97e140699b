"""Celery's doors to journeys."""

from celery import shared_task

from marketing.journeys import walking


@shared_task(name="marketing.sweep_journeys")
def sweep_journeys() -> None:
    """No slot to guard: rows are claimed with SKIP LOCKED, two sweepers share the work."""
    walking.sweep()
