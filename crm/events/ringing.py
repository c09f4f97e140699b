"""The doorbell: tells a worker that deliveries wait. Losing a ring loses nothing, the sweeper looks
anyway."""

import time
from collections.abc import Sequence
from functools import partial

import structlog
from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

log = structlog.get_logger()

# Deliveries per Celery message: small enough to spread over workers, large enough to be cheap.
PER_RING = 50
PAUSE_SECONDS = 0.5
_rung: dict[str, float] = {}  # sweeper → when this process rang it last


def ring(delivery_ids: Sequence[int]) -> None:
    """Enqueues the deliveries; a dead Redis is logged, not raised, since the rows are the queue."""
    for start in range(0, len(delivery_ids), PER_RING):
        ring_task("events.deliver", [list(delivery_ids[start : start + PER_RING])])


def ring_task(
    name: str, args: list[object], *, queue: str = "default", after_seconds: float | None = None
) -> None:
    """Sends a task by name, to be done at once or that much later. A dead Redis is logged: whatever is due is
    a row that a sweeper finds."""
    try:
        current_app.send_task(name, args=args, queue=queue, retry=False, countdown=after_seconds)
    except (OperationalError, OSError) as error:
        log.warning("doorbell out of order", task=name, error=str(error))


def ring_sweeper(name: str, *, after_seconds: float) -> None:
    """After the commit, has a sweeper look for rows that will be due by then, instead of waiting for beat.

    A process rings a sweeper once in `PAUSE_SECONDS`, however many events come, and the ring is heard that
    much later: rows written in the pause are due by then too.
    """
    transaction.on_commit(partial(_ring_sweeper, name, after_seconds), robust=True)


def _ring_sweeper(name: str, after_seconds: float) -> None:
    now = time.monotonic()
    if now - _rung.get(name, -PAUSE_SECONDS) < PAUSE_SECONDS:
        return
    _rung[name] = now
    ring_task(name, [], after_seconds=after_seconds + PAUSE_SECONDS)
