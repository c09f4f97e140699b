"""What staff say about a pair: one person, two people, or "I pressed the wrong key"."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.accounts.models import Membership
from crm.events.emitting import emit
from crm.lib.errors import Conflict, NotFound
from customers import events
from customers.merging.locking import locked
from customers.merging.services import customers_merge, merge_undo
from customers.models import Customer, DuplicatePair, MergeRecord

State = DuplicatePair.State


class AlreadyDecided(Conflict):
    """409: somebody decided about the pair in the meantime; `pair` says what and who."""

    code = "already_decided"

    def __init__(self, pair: DuplicatePair) -> None:
        self.pair = pair
        if pair.state == State.MERGED:
            super().__init__(_("These two were merged in the meantime."))
        else:
            super().__init__(_("Somebody said in the meantime that these are two people."))


@transaction.atomic
def pair_accept(*, pair: DuplicatePair, by: Membership | None) -> DuplicatePair:
    """The two become one customer: who has more orders stays, else who came first.

    Locks both customers, then the pair: a merge takes them in this order. Raises AlreadyDecided, NotFound
    when the pair is gone, and what a merge raises.
    """
    people = locked(pair.merchant, [pair.low_id, pair.high_id])
    pair = _open(pair)
    survivor, absorbed = survivor_first(people[pair.low_id], people[pair.high_id])
    record = customers_merge(survivor=survivor, absorbed=absorbed, by=by)
    return _decide(pair, State.MERGED, by, merge_id=record.pk)


@transaction.atomic
def pair_refuse(*, pair: DuplicatePair, by: Membership | None) -> DuplicatePair:
    """Two people: not offered again, unless strong evidence comes that isn't there now. Raises
    AlreadyDecided."""
    pair = _decide(_open(pair), State.REFUSED, by)
    emit(
        events.DUPLICATE_REFUSED,
        merchant=pair.merchant_id,
        customer=pair.low_id,
        subject=pair,
        data={"other": pair.high_id},
    )
    return pair


@transaction.atomic
def pair_undo(*, pair: DuplicatePair, by: Membership | None) -> DuplicatePair:
    """Open again; a merge is undone first. An open one stays as it is."""
    if pair.state == State.MERGED and pair.merge_id is not None:
        merge_undo(record=MergeRecord.objects.get(pk=pair.merge_id), by=by)
    pair = _locked(pair)
    return _decide(pair, State.OPEN, None) if pair.state != State.OPEN else pair


def survivor_first(one: Customer, other: Customer) -> tuple[Customer, Customer]:
    """(who stays, who is absorbed)."""
    return (one, other) if _standing(one) >= _standing(other) else (other, one)


def _standing(customer: Customer) -> tuple[int, float, int]:
    return customer.metrics.orders_count, -customer.created_at.timestamp(), -customer.pk


def _locked(pair: DuplicatePair) -> DuplicatePair:
    found: DuplicatePair | None = DuplicatePair.objects.select_for_update().filter(pk=pair.pk).first()
    if found is None:
        raise NotFound()
    return found


def _open(pair: DuplicatePair) -> DuplicatePair:
    pair = _locked(pair)
    if pair.state != State.OPEN:
        raise AlreadyDecided(pair)
    return pair


def _decide(
    pair: DuplicatePair, state: str, by: Membership | None, *, merge_id: int | None = None
) -> DuplicatePair:
    pair.state, pair.decided_by, pair.merge_id = state, by, merge_id
    pair.decided_at = None if state == State.OPEN else timezone.now()
    pair.save(update_fields=["state", "decided_by", "decided_at", "merge_id"])
    return pair
