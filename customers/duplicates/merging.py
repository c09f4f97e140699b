"""What becomes of pairs when two customers are merged, from whichever page, and when that is undone.

Loaded by customers/handlers.py; customers/merging/registry.py explains the words.
"""

from __future__ import annotations

from django.db.models import Q

from customers.merging.registry import Keeper, add, when_merged, when_undone
from customers.models import DuplicatePair, MatchKeys, MergeRecord

add(
    Keeper("customers.DuplicatePair", "a question about two records; hidden while one is absorbed", "low_id"),
    Keeper(
        "customers.DuplicatePair", "a question about two records; hidden while one is absorbed", "high_id"
    ),
    Keeper("customers.MatchKeys", "worked out anew from the record when its events are handled"),
)

State = DuplicatePair.State


@when_merged
def answer_the_pair(record: MergeRecord) -> None:
    """The pair of the two is answered; other open ones of the absorbed go: the survivor is compared anew."""
    both = (record.survivor_id, record.absorbed_id)
    DuplicatePair.objects.open().filter(low_id=min(both), high_id=max(both)).update(
        state=State.MERGED, decided_at=record.merged_at, decided_by=record.merged_by, merge_id=record.pk
    )
    absorbed = Q(low_id=record.absorbed_id) | Q(high_id=record.absorbed_id)
    DuplicatePair.objects.open().filter(absorbed).delete()
    MatchKeys.objects.filter(customer_id=record.absorbed_id).delete()


@when_undone
def keep_apart(record: MergeRecord) -> None:
    """Whoever undoes a merge says that they are two: the pair isn't offered again by itself."""
    DuplicatePair.objects.filter(merge_id=record.pk, state=State.MERGED).update(
        state=State.REFUSED, decided_at=record.undone_at, decided_by=record.undone_by
    )
