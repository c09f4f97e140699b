"""What becomes of pairs when two customers are merged, from whichever page, and when that is undone.

Loaded by customers/handlers.py; customers/merging/registry.py explains the words.
"""

from __future__ import annotations

from django.db.models import Q

from customers.duplicates.keeping import offer_of, weights_now
from customers.duplicates.reading import persons
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
    """Whoever undoes a merge says that they are two: what speaks for one person today doesn't offer the pair
    again, also where nobody was asked before they merged."""
    low_id, high_id = sorted((record.survivor_id, record.absorbed_id))
    said = {"state": State.REFUSED, "decided_at": record.undone_at, "decided_by": record.undone_by}
    known = DuplicatePair.objects.filter(low_id=low_id, high_id=high_id)
    if known.exists():
        known.filter(merge_id=record.pk, state=State.MERGED).update(**said)
        return
    people = list(persons([low_id, high_id]))
    offer = offer_of(weights_now(MatchKeys.objects.count()), *people) if len(people) > 1 else None
    if offer is not None:
        DuplicatePair.objects.create(
            merchant_id=record.merchant_id,
            low_id=low_id,
            high_id=high_id,
            score=offer.score,
            probability=offer.probability,
            band=offer.band,
            evidence=offer.evidence,
            merge_id=record.pk,
            **said,
        )
