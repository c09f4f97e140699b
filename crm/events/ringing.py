"""The doorbell: tells a worker that deliveries wait. Losing a ring loses nothing, the sweeper looks
anyway."""

from collections.abc import Sequence

import structlog
from celery import current_app
from kombu.exceptions import OperationalError

log = structlog.get_logger()

# Deliveries per Celery message: small enough to spread over workers, large enough to be cheap.
PER_RING = 50


def ring(delivery_ids: Sequence[int]) -> None:
    """Enqueues the deliveries; a dead Redis is logged, not raised, since the rows are the queue."""
    for start in range(0, len(delivery_ids), PER_RING):
        ring_task("events.deliver", [list(delivery_ids[start : start + PER_RING])])


def ring_task(name: str, args: list[object], *, queue: str = "default") -> None:
    """Sends a task by name. A dead Redis is logged: whatever is due is a row that a sweeper finds."""
    try:
        current_app.send_task(name, args=args, queue=queue, retry=False)
    except (OperationalError, OSError) as error:
        log.warning("doorbell out of order", task=name, error=str(error))
