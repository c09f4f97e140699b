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
from marketing.segments import building, events, refreshing

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
    *, segment: Segment, customer_ids: Sequence[int], state: str, actor: Membership | None = None
) -> Pinned:
    """Puts these customers into the segment ("in"), keeps them out of it ("out"), or leaves them to the rule
    again ("rule"). The list of members follows in the same transaction, or within seconds while a build holds
    it. Everybody whose state changed is announced.

    Somebody merged into another counts as that other; who was erased or is another shop's is not found.
    Raises Rejected for another word, too many, or "out" of a list, which has no rule to keep anybody out of;
    Conflict for an archived segment.
    """
    ids = sorted(set(customer_ids))
    if len(ids) > MOST_AT_ONCE:
        raise Rejected(_("At most %(most)s at once.") % {"most": f"{MOST_AT_ONCE:,}"}, code="bad_members")
    with transaction.atomic():
        locked, found, changed = _pin(segment, ids, state, actor)
        label, data = locked._meta.label_lower, {"segment": locked.name, "segment_id": locked.pk}
        drafts = [Draft(NEWS[state], pk, label, locked.pk, data) for pk in changed]
        emit_many(drafts, merchant=locked.merchant_id)
        refreshing.look_again(segment=locked, customer_ids=changed)
    segment.refresh_from_db()
    return Pinned(found, len(changed))


def members_pin_many(
    *, segment: Segment, customer_ids: Sequence[int], state: str, actor: Membership | None = None
) -> Pinned:
    """The same for any number. More than `MOST_AT_ONCE` are pinned by the thousand, a transaction and an
    event with the number each; the list of members is then built anew in the background, as for masses."""
    if len(customer_ids) <= MOST_AT_ONCE:
        return members_pin(segment=segment, customer_ids=customer_ids, state=state, actor=actor)
    ids = sorted(set(customer_ids))
    found = changed = 0
    for start in range(0, len(ids), MOST_AT_ONCE):
        with transaction.atomic():
            locked, here, moved = _pin(segment, ids[start : start + MOST_AT_ONCE], state, actor)
            if moved:
                data = {"segment": locked.name, "segment_id": locked.pk, "count": len(moved), "state": state}
                emit(events.SEGMENT_PINS_CHANGED, merchant=locked.merchant_id, subject=locked, data=data)
        found, changed = found + here, changed + len(moved)
    building.build_ask(segment=segment)
    segment.refresh_from_db()
    return Pinned(found, changed)


def _pin(
    segment: Segment, ids: Sequence[int], state: str, actor: Membership | None
) -> tuple[Segment, int, list[int]]:
    """(the segment, locked; how many of them are the shop's; those whose state changed). Inside a
    transaction."""
    if state not in STATES:
        raise Rejected(_("Choose what to do."), code="bad_members")
    if segment.is_list and state == OUT:
        raise Rejected(_("Take them off the list instead: it has no rule."), code="no_rule")
    # The people before the segment, as a merge of theirs does.
    present = _present(ids)
    locked = Segment.objects.select_for_update(of=("self",)).select_related("merchant").get(pk=segment.pk)
    if locked.archived_at is not None:
        raise Conflict(_("This segment is archived."), code="archived")
    changed = _write(locked, present, state, actor)
    count_pins([locked.pk])
    locked.refresh_from_db(fields=["pinned_in", "pinned_out"])
    return locked, len(present), changed


def _present(ids: Sequence[int]) -> list[int]:
    """Who they are now; held, so that nobody is merged away before they are written."""
    found = Customer.objects.filter(pk__in=ids, erased_at__isnull=True).order_by("pk")
    rows = found.select_for_update(of=("self",), no_key=True).values_list("pk", "merged_into_id")
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
