"""Holding two people still while they become one."""

from __future__ import annotations

from collections.abc import Sequence

from crm.accounts.models import Merchant
from crm.lib.errors import NotFound
from customers.identities import Key, lock_keys
from customers.models import Customer, Identity, MergeRecord, Metrics


def locked(merchant: Merchant, ids: Sequence[int]) -> dict[int, Customer]:
    """The customers by id, as they are now. Raises NotFound when one isn't there.

    First the keys that recognise them: a way in (an order, a form) holds its key until it commits, so it is
    either through before, and its rows are seen, or it waits and finds the person where they are then. Then
    the rows in the order of their ids, then their metrics: the order in which everybody takes them. Rows are
    locked against changes, not against being referred to (FOR NO KEY UPDATE): foreign keys are checked at
    commit, a wait there could only be a ring.
    """
    wanted = sorted(set(ids))
    keys = _keys(wanted)
    lock_keys(merchant, keys)
    rows = Customer.objects.select_for_update(of=("self",), no_key=True).filter(pk__in=wanted).order_by("pk")
    people = {row.pk: row for row in rows}
    if len(people) < len(wanted):
        raise NotFound()
    list(
        Metrics.objects.select_for_update(no_key=True).filter(pk__in=wanted).order_by("pk").values_list("pk")
    )
    # A key that came in between belongs to a way in that has committed.
    lock_keys(merchant, [key for key in _keys(wanted) if key not in keys])
    return people


def locked_record(record: MergeRecord) -> tuple[MergeRecord, Customer, Customer]:
    """The record as it is now, who holds the absorbed one's things, and the absorbed; both and the survivor
    locked."""
    wanted = {record.survivor_id, record.absorbed_id}
    wanted |= set(
        Customer.objects.filter(pk=record.survivor_id, merged_into__isnull=False).values_list(
            "merged_into_id", flat=True
        )
    )
    while True:
        people = locked(record.merchant, sorted(wanted))
        holder_id = people[record.survivor_id].merged_into_id or record.survivor_id
        if holder_id in people:
            fresh = MergeRecord.objects.select_related("merchant").get(pk=record.pk)
            return fresh, people[holder_id], people[record.absorbed_id]
        wanted.add(holder_id)  # merged on while we waited


def _keys(ids: Sequence[int]) -> list[Key]:
    rows = Identity.objects.filter(customer_id__in=ids).values_list("kind", "scope", "value")
    return [Key(Identity.Kind(kind), scope, value) for kind, scope, value in rows]
