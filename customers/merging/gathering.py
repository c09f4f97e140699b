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
from customers.merging.locking import locked_record
from customers.merging.registry import Mover, movers, recount
from customers.models import MergeRecord

# Longer than any transaction of ours may last.
LOOK_BACK = timedelta(minutes=30)
CUSTOMER = "customers.Customer"


@transaction.atomic
def stragglers_gather(*, record: MergeRecord) -> int:
    """Carries over what came to the absorbed since, with the journal of it; how many rows. Usually none:
    then one query for each model, and no lock is taken.

    By the rules of a merge, one step of a chain after the other: each merge's journal knows its own rows, so
    that the chain comes apart in any order.
    """
    if not record.is_active or not any(moving.is_left(record, mover) for mover in _looked()):
        return 0
    fresh, holder, _absorbed = locked_record(record)
    if not fresh.is_active:
        return 0
    found = sum(moving.move(fresh, mover) for mover in _looked())
    recount(fresh.merchant_id, [fresh.survivor_id, fresh.absorbed_id])
    if holder.pk != fresh.survivor_id:
        onward = MergeRecord.objects.get(absorbed_id=fresh.survivor_id, state=MergeRecord.State.ACTIVE)
        stragglers_gather(record=onward)
    return found


def _looked() -> list[Mover]:
    return [one for one in movers() if one.model != CUSTOMER]


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
