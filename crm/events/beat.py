"""Guards beat jobs: however many beats ring, a job runs once in its slot."""

import time
from datetime import timedelta

from django.db import connection
from django.utils import timezone

from crm.events.models import BeatSlot

KEEP_SLOTS_DAYS = 2


def once_per_slot(job: str, *, seconds: int) -> bool:
    """True for the first caller in each slot of that length (UTC, counted from the epoch)."""
    slot = str(int(time.time()) // seconds)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {BeatSlot._meta.db_table} (job, slot, started_at) VALUES (%s, %s, now())"
            " ON CONFLICT DO NOTHING",
            [job, slot],
        )
        first = bool(cursor.rowcount == 1)
    if first:
        old = timezone.now() - timedelta(days=KEEP_SLOTS_DAYS)
        BeatSlot.objects.filter(job=job, started_at__lt=old).delete()
    return first
