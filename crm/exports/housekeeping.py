"""What beat asks for: exports that nobody writes, files whose day is over, requests that nobody answered."""

from __future__ import annotations

import time
from datetime import timedelta

import structlog
from django.db import transaction
from django.utils import timezone

from crm.events.ringing import ring_task
from crm.lib.tenancy import all_merchants, merchant_scope

from . import events
from .files import orphans
from .models import Export
from .services import announce, end

log = structlog.get_logger()
State = Export.State

# A request that nobody decided for a week is not wanted any more.
KEEP_WAITING_DAYS = 7
ORPHAN_SECONDS = 3600


def sweep() -> int:
    """Rings for every export that nobody writes; how many."""
    with all_merchants(reason="beat looks for work of every merchant"):
        found = list(Export.objects.abandoned().values_list("merchant_id", "pk"))
    for merchant_id, export_id in found:
        ring_task("exports.write", [merchant_id, export_id], queue="imports")
    return len(found)


def expire() -> int:
    """Deletes the files whose 24 hours are over, closes requests that waited a week, and removes files that
    no export knows; how many exports ended."""
    now = timezone.now()
    with all_merchants(reason="beat tidies up for every merchant"):
        over = Export.objects.filter(state=State.READY, expires_at__lte=now)
        stale = Export.objects.waiting().filter(created_at__lt=now - timedelta(days=KEEP_WAITING_DAYS))
        ids = [*over.values_list("merchant_id", "pk"), *stale.values_list("merchant_id", "pk")]
    for merchant_id, export_id in ids:
        with merchant_scope(merchant_id):
            _expire(export_id)
    with all_merchants(reason="beat tidies up for every merchant"):
        known = set(Export.objects.exclude(file_path="").values_list("file_path", flat=True))
    for path in orphans(known, time.time() - ORPHAN_SECONDS):
        log.info("orphaned export removed", path=path.name)
        path.unlink(missing_ok=True)
    return len(ids)


@transaction.atomic
def _expire(export_id: int) -> None:
    export = Export.objects.select_for_update().filter(pk=export_id).first()
    if export is not None and export.state in (State.READY, State.WAITING):
        end(export, State.EXPIRED)
        announce(events.EXPORT_EXPIRED, export)
