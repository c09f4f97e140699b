"""Carrying events to their handlers: claim, handle and mark done in one transaction."""

from __future__ import annotations

import traceback
from datetime import timedelta

import structlog
from django.db import transaction
from django.utils import timezone

from crm.events.actor import acting
from crm.events.handling import HANDLERS
from crm.events.models import Delivery
from crm.events.ringing import ring
from crm.lib.tenancy import all_merchants, merchant_scope

log = structlog.get_logger()

# Ten tries over about a day: 10 s, 30 s, 90 s … capped at 6 h. Then a person must look.
MAX_ATTEMPTS = 10
FIRST_WAIT_SECONDS = 10
LONGEST_WAIT_SECONDS = 6 * 3600
# The end of a traceback names the line; more would fill the table when a handler fails for thousands.
ERROR_CHARS = 4_000
# What one sweep rings; the next one comes in 30 s.
SWEEP_LIMIT = 5_000
KEEP_DONE_DAYS = 14


def deliver(delivery_id: int) -> bool:
    """True when the handler ran and its writes committed; False when there was nothing to do or it failed.

    The row stays locked from claim to mark, so two workers never run one delivery; a killed worker's lock
    falls with its connection and the sweeper finds the row again.
    """
    with (
        transaction.atomic(),
        all_merchants(reason="a delivery is claimed by id, its merchant comes with it"),
    ):
        delivery = (
            Delivery.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("event", "merchant")
            .filter(pk=delivery_id, state__in=Delivery.OPEN, due_at__lte=timezone.now())
            .first()
        )
        if delivery is None:
            return False
        handled = _handle(delivery)
        delivery.save(update_fields=["state", "attempts", "error", "due_at", "done_at"])
    return handled


def _handle(delivery: Delivery) -> bool:
    handler = HANDLERS.get(delivery.handler)
    if handler is None:  # its app was removed: nothing can be owed to it
        delivery.state, delivery.done_at = Delivery.State.DONE, timezone.now()
        return False
    try:
        with transaction.atomic(), merchant_scope(delivery.merchant), acting(delivery.event.actor):
            handler.handle(delivery.event)
    except Exception as error:  # noqa: BLE001 - whatever a handler raises is kept, logged and tried again
        _fail(delivery, error)
        return False
    delivery.state, delivery.error, delivery.done_at = Delivery.State.DONE, "", timezone.now()
    return True


def _fail(delivery: Delivery, error: Exception) -> None:
    delivery.attempts += 1
    delivery.error = "".join(traceback.format_exception(error))[-ERROR_CHARS:]
    wait = min(FIRST_WAIT_SECONDS * 3 ** (delivery.attempts - 1), LONGEST_WAIT_SECONDS)
    delivery.due_at = timezone.now() + timedelta(seconds=wait)
    exhausted = delivery.attempts >= MAX_ATTEMPTS
    delivery.state = Delivery.State.DEAD if exhausted else Delivery.State.FAILED
    log.warning(
        "handler failed",
        handler=delivery.handler,
        event_id=delivery.event_id,
        attempts=delivery.attempts,
        dead=exhausted,
        error=repr(error),
    )


def sweep() -> int:
    """Rings for every delivery that is due and was missed; their number."""
    with all_merchants(reason="the sweeper looks after every merchant"):
        due = Delivery.objects.filter(state__in=Delivery.OPEN, due_at__lte=timezone.now())
        ids = list(due.order_by("due_at", "id").values_list("id", flat=True)[:SWEEP_LIMIT])
    ring(ids)
    return len(ids)


def delivery_retry(*, delivery: Delivery) -> None:
    """Puts a failed or dead delivery back with fresh attempts. Does nothing to one that is done."""
    changed = Delivery.objects.filter(pk=delivery.pk).exclude(state=Delivery.State.DONE)
    if changed.update(state=Delivery.State.PENDING, attempts=0, due_at=timezone.now()):
        transaction.on_commit(lambda: ring([delivery.pk]), robust=True)


def prune() -> int:
    """Forgets duties done long ago; the events themselves stay. Rows removed."""
    with all_merchants(reason="housekeeping for every merchant"):
        old = Delivery.objects.filter(
            state=Delivery.State.DONE, done_at__lt=timezone.now() - timedelta(days=KEEP_DONE_DAYS)
        )
        removed, _ = old.delete()
    return removed
