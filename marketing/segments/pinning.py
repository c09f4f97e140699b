"""By hand: putting people into a segment, keeping them out of it, and leaving them to the rule again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Count, Q
from django.utils.translation import gettext as _

from crm.accounts.models import Membership
from crm.events.emitting import Draft, emit, emit_many
from crm.events.types import EventType
from crm.lib.errors import Conflict, Rejected
from customers.models import Customer
from marketing.models import Segment, SegmentPin
from marketing.segments import events, refreshing

# As many as one statement of an import writes; a file comes in pieces of it (file_members.py).
MOST_AT_ONCE = 1_000
IN, OUT, RULE = "in", "out", "rule"
STATES = (IN, OUT, RULE)
NEWS: dict[str, EventType] = {
    IN: events.SEGMENT_PINNED,
    OUT: events.SEGMENT_KEPT_OUT,
    RULE: events.SEGMENT_UNPINNED,
}


@dataclass(frozen=True)
class Pinned:
    """How many of those named are the shop's, and how many were not so already."""

    found: int
    changed: int


def members_pin(
    *,
    segment: Segment,
    customer_ids: Sequence[int],
    state: str,
    actor: Membership | None = None,
    one_by_one: bool = True,
) -> Pinned:
    """Puts these customers into the segment ("in"), keeps them out of it ("out"), or leaves them to the rule
    again ("rule"). The list of members follows in the same transaction, or within seconds while a build holds
    it. Everybody whose state changed is announced; not `one_by_one`, one event tells the number.

    Somebody merged into another counts as that other; who was erased or is another shop's is not found.
    Raises Rejected for another word, too many, or "out" of a list, which has no rule to keep anybody out of;
    Conflict for an archived segment.
    """
    ids = sorted(set(customer_ids))
    if state not in STATES or len(ids) > MOST_AT_ONCE:
        raise Rejected(_("At most %(most)s at once.") % {"most": f"{MOST_AT_ONCE:,}"}, code="bad_members")
    if segment.is_list and state == OUT:
        raise Rejected(_("Take them off the list instead: it has no rule."), code="no_rule")
    with transaction.atomic():
        locked = Segment.objects.select_for_update(of=("self",)).select_related("merchant").get(pk=segment.pk)
        if locked.archived_at is not None:
            raise Conflict(_("This segment is archived."), code="archived")
        present = _present(ids)
        changed = _write(locked, present, state, actor)
        count_pins([locked.pk])
        locked.refresh_from_db(fields=["pinned_in", "pinned_out"])
        _announce(locked, changed, state, one_by_one=one_by_one)
        refreshing.look_again(segment=locked, customer_ids=changed)
    segment.refresh_from_db()
    return Pinned(len(present), len(changed))


def _present(ids: Sequence[int]) -> list[int]:
    rows = Customer.objects.filter(pk__in=ids, erased_at__isnull=True).values_list("pk", "merged_into_id")
    return sorted({into or pk for pk, into in rows})


def _write(segment: Segment, ids: Sequence[int], state: str, actor: Membership | None) -> list[int]:
    """Those whose state changed. The segment's row is locked."""
    pins = SegmentPin.objects.filter(segment=segment, customer_id__in=ids)
    had = dict(pins.values_list("customer_id", "is_in"))
    if state == RULE:
        pins.delete()
        return sorted(had)
    wanted = state == IN
    changed = [pk for pk in ids if had.get(pk) is not wanted]
    rows = [
        SegmentPin(merchant_id=segment.merchant_id, segment=segment, customer_id=pk, is_in=wanted, by=actor)
        for pk in changed
    ]
    SegmentPin.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["merchant", "segment", "customer"],
        update_fields=["is_in", "by", "created_at"],
    )
    return changed


def count_pins(segment_ids: Iterable[int]) -> None:
    """Writes how many are in and out by hand beside each of the segments, in the order of their ids; what
    stayed with somebody who was merged away counts no more."""
    for segment_id in sorted(segment_ids):
        pins = SegmentPin.objects.filter(segment_id=segment_id, customer__merged_into__isnull=True)
        counts = pins.aggregate(
            pinned_in=Count("pk", filter=Q(is_in=True)), pinned_out=Count("pk", filter=Q(is_in=False))
        )
        Segment.objects.filter(pk=segment_id).update(**counts)


def _announce(segment: Segment, changed: Sequence[int], state: str, *, one_by_one: bool) -> None:
    data = {"segment": segment.name, "segment_id": segment.pk}
    if one_by_one:
        label = segment._meta.label_lower
        drafts = [Draft(NEWS[state], pk, label, segment.pk, data) for pk in changed]
        emit_many(drafts, merchant=segment.merchant_id)
    elif changed:
        data |= {"count": len(changed), "state": state}
        emit(events.SEGMENT_PINS_CHANGED, merchant=segment.merchant_id, subject=segment, data=data)
