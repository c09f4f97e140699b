"""Rows that came to an absorbed customer after the merge: written by whoever had looked them up before.

Foreign keys are checked at commit, so no lock keeps a transaction from naming a customer who was absorbed
meanwhile. Ways in that recognise by identity wait for the merge (customers/merging/locking.py); whatever else
slips through is carried after it here, right after the merge, after imports, and once more by beat.
"""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from crm.lib.tenancy import all_merchants, merchant_scope, scoped_merchant_id
from customers.merging import moving
from customers.merging.locking import locked
from customers.merging.registry import Mover, movers, recount
from customers.models import MergeMove, MergeRecord

# Longer than any transaction of ours may last.
LOOK_BACK = timedelta(minutes=30)
CUSTOMER = "customers.Customer"


@transaction.atomic
def stragglers_gather(*, record: MergeRecord) -> int:
    """Carries over what came to the absorbed since, with the journal of it; how many rows. Usually none:
    then one query for each model, and no lock is taken."""
    if not record.is_active or not any(_stray(record, mover) for mover in _looked()):
        return 0
    people = locked(record.merchant, [record.survivor_id, record.absorbed_id])
    fresh = MergeRecord.objects.get(pk=record.pk)
    if not fresh.is_active:
        return 0
    holder_id = people[fresh.survivor_id].merged_into_id or fresh.survivor_id
    found = 0
    for mover in _looked():
        ids = _stray(fresh, mover)
        if ids:
            moving.query(
                f"UPDATE {mover.table} SET {mover.column} = %(holder)s WHERE id = ANY(%(ids)s::bigint[])",
                {"holder": holder_id, "ids": ids},
            )
            MergeMove.objects.create(merchant_id=fresh.merchant_id, record=fresh, model=mover.model, ids=ids)
            found += len(ids)
    recount(fresh.merchant_id, [holder_id, fresh.absorbed_id])
    return found


def _looked() -> list[Mover]:
    return [one for one in movers() if one.model != CUSTOMER]


def _stray(record: MergeRecord, mover: Mover) -> list[int]:
    """Rows of the absorbed that were not set aside: those above the mark, or below it and never seen."""
    stays = f"AND NOT ({mover.staying})" if mover.staying else ""
    rows = moving.query(
        f"SELECT t.id FROM {mover.table} t WHERE t.merchant_id = %(merchant)s::bigint"
        f" AND t.{mover.column} = %(absorbed)s {stays} ORDER BY t.id LIMIT {moving.CHUNK}",
        {
            "merchant": record.merchant_id,
            "survivor": record.survivor_id,
            "absorbed": record.absorbed_id,
        },
    )
    return [row[0] for row in rows]


def gather_recent() -> int:
    """The same for every merge of the last half hour, of every merchant; how many rows."""
    with all_merchants(reason="beat looks after every merchant's merges"):
        since = timezone.now() - LOOK_BACK
        rows = MergeRecord.objects.filter(merged_at__gte=since, state=MergeRecord.State.ACTIVE)
        recent = list(rows.select_related("merchant"))
    found = 0
    for record in recent:
        with merchant_scope(record.merchant):
            found += stragglers_gather(record=record)
    return found


def gather_all() -> int:
    """Every absorbed customer of the scope's merchant who has anything; after an import, whose people were
    recognised long before its orders are written."""
    tables = [one for one in _looked() if one.label]
    some = " UNION ".join(
        f"SELECT t.{one.column} FROM {one.table} t JOIN customers_customer c"
        f" ON c.merchant_id = t.merchant_id AND c.id = t.{one.column} AND c.merged_into_id IS NOT NULL"
        " WHERE t.merchant_id = %(merchant)s::bigint"
        for one in tables
    )
    ids = [row[0] for row in moving.query(some, {"merchant": scoped_merchant_id()})]
    active = MergeRecord.objects.filter(absorbed_id__in=ids, state=MergeRecord.State.ACTIVE)
    return sum(stragglers_gather(record=record) for record in active.select_related("merchant"))
