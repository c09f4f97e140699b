"""After a cancellation: what still waits says so. Chunk by chunk, since it may be a million rows."""

from __future__ import annotations

from django.db import connection, transaction
from django.utils import timezone

from marketing.campaigns.turning import announce, locked
from marketing.models import Campaign, Delivery, SendingRun
from marketing.sending import reaping

AT_ONCE = 1_000
CHUNK = 10_000


def campaign_clear(*, campaign: Campaign) -> bool:
    """Whether nothing of the cancelled campaign waits any more. What workers still hold comes back first, so
    it is asked again until they are done (the sweeper rings)."""
    while clear_some(campaign, CHUNK):
        pass
    with transaction.atomic():
        return finish(locked(campaign))


@transaction.atomic
def clear_some(campaign: Campaign, limit: int) -> int:
    """How many of the waiting mails were marked as not sent; what a worker is taking just now is passed."""
    table = Delivery._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH chosen AS MATERIALIZED (
                SELECT id FROM {table} WHERE merchant_id = %(merchant)s AND campaign_id = %(campaign)s
                  AND state IN ('queued', 'deferred') LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
            UPDATE {table} SET state = 'skipped', reason = 'cancelled', run_id = NULL
            WHERE merchant_id = %(merchant)s AND id IN (SELECT id FROM chosen)
            """,
            {"merchant": campaign.merchant_id, "campaign": campaign.pk, "limit": limit},
        )
        return int(cursor.rowcount)


def finish(campaign: Campaign) -> bool:
    """Notes that the cancelled campaign is at its end, if no worker holds any of it. The caller holds it."""
    if campaign.state != Campaign.State.CANCELLED:
        return False
    if campaign.finished_at is None:
        # In this order: a run that has ended wrote all it had before.
        alive = SendingRun.objects.filter(campaign=campaign, ended_at__isnull=True).exists()
        if alive or not reaping.is_done(campaign):
            return False
        campaign.finished_at = timezone.now()
        campaign.save(update_fields=["finished_at", "updated_at"])
        announce(campaign)
    return True
