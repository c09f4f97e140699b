"""What beat asks for: batches that nobody works on, files and working tables that have had their time."""

from __future__ import annotations

import time
from datetime import timedelta

import structlog
from django.db import connection, transaction
from django.utils import timezone

from crm.events.ringing import ring_task
from crm.lib.tenancy import all_merchants, merchant_scope

from .files import KEEP_DAYS, delete_file, orphans
from .models import ImportBatch
from .registry import importer_for

log = structlog.get_logger()
State = ImportBatch.State

# A dry run that nobody followed up keeps its working tables for a day; then they are made again if needed.
KEEP_CHECKED_HOURS = 24
ORPHAN_SECONDS = 24 * 3600


def sweep() -> int:
    """Rings for every abandoned batch; how many. Files of the command lie where only its caller may see
    them."""
    with all_merchants(reason="beat looks for work of every merchant"):
        found = list(
            ImportBatch.objects.abandoned()
            .exclude(file_path__startswith="/")
            .values_list("merchant_id", "pk")
        )
    for merchant_id, batch_id in found:
        ring_task("imports.work", [merchant_id, batch_id], queue="imports")
    return len(found)


def prune() -> None:
    """Deletes uploads after 30 days, forgotten dry runs' tables after a day, and files that no batch
    knows."""
    now = timezone.now()
    with all_merchants(reason="beat tidies up for every merchant"):
        old = ImportBatch.objects.filter(
            file_deleted_at__isnull=True, created_at__lt=now - timedelta(days=KEEP_DAYS)
        )
        for batch in old.exclude(state__in=ImportBatch.WORKING).iterator():
            delete_file(batch)
            ImportBatch.objects.filter(pk=batch.pk).update(file_deleted_at=now, file_path="")
        forgotten = ImportBatch.objects.filter(
            state=State.CHECKED, checked_at__lt=now - timedelta(hours=KEEP_CHECKED_HOURS)
        )
        for batch in forgotten.select_related("merchant").iterator():
            _forget_check(batch)
        known = set(ImportBatch.objects.exclude(file_path="").values_list("file_path", flat=True))
        _drop_stray_tables(set(ImportBatch.objects.values_list("pk", flat=True)))
    for path in orphans(known, time.time() - ORPHAN_SECONDS):
        log.info("orphaned upload removed", path=path.name)
        path.unlink(missing_ok=True)


def _forget_check(batch: ImportBatch) -> None:
    with merchant_scope(batch.merchant), transaction.atomic():
        locked = ImportBatch.objects.select_for_update().get(pk=batch.pk)
        if locked.state == State.CHECKED:
            importer_for(locked.kind).drop(locked)
            locked.state = State.UPLOADED
            locked.save(update_fields=["state"])


def _drop_stray_tables(known: set[int]) -> None:
    """Working tables of batches that were deleted with their merchant."""
    with connection.cursor() as cursor:
        cursor.execute(r"SELECT tablename FROM pg_tables WHERE tablename ~ '^imports_tmp_\d+_[a-z]+$'")
        for (name,) in cursor.fetchall():
            if int(name.split("_")[2]) not in known:
                cursor.execute(f"DROP TABLE IF EXISTS {name}")
