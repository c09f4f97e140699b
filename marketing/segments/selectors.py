"""Asking a stored segment: what it says, who, how many, what was done by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.accounts.models import Membership
from crm.events.models import Event
from crm.lib.errors import Rejected
from crm.lib.ui.formats import number_text
from customers.models import Customer
from customers.visibility import narrowed
from marketing.models import Segment, SegmentMember, SegmentPin
from marketing.segments.compiling import Sql, compile_segment, scope_of
from marketing.segments.counting import SAMPLE, count_of, counted, customers_in_order
from marketing.segments.definition import parse
from marketing.segments.events import SEGMENT_ENTERED, SEGMENT_LEFT
from marketing.segments.sentences import Reader, sentence_of


def segment_member_ids_sql(segment: Segment) -> Sql:
    """(sql, params) of the SELECT of `customer_id`, unordered and without duplicates: one statement, bound to
    the merchant, to be used as a subquery. Raises Rejected when the definition can't be read any more."""
    return compile_segment(segment, scope_of(segment))


def segment_sentence(segment: Segment, membership: Membership | None) -> str:
    """What the segment says to the member, or to a program (None), in the active language; the reason when
    it can't be read."""
    if segment.is_list:
        return _("People who were put in by hand")
    try:
        group = parse(segment.definition, stored=True)
    except Rejected as refusal:
        return str(refusal.message)
    said = sentence_of(group, Reader(segment.merchant.base_currency, membership))
    hand = []
    if segment.pinned_in:
        hand.append(_("%(count)s put in by hand") % {"count": number_text(segment.pinned_in)})
    if segment.pinned_out:
        hand.append(_("%(count)s kept out by hand") % {"count": number_text(segment.pinned_out)})
    return f"{said} ({', '.join(hand)})" if hand else said


def segment_count(segment: Segment) -> int:
    """How many are in right now. One statement."""
    return count_of(segment_member_ids_sql(segment))


def segment_sample(segment: Segment, size: int = SAMPLE) -> list[Customer]:
    """A few of them, of the newest customers those who bought last."""
    _count, ids = counted(segment_member_ids_sql(segment), size)
    return customers_in_order(ids)


def pins_of(segment: Segment, membership: Membership | None) -> QuerySet[SegmentPin]:
    """What was done by hand, newest first, about people whom the member may see; for programs (None) about
    everybody."""
    rows = SegmentPin.objects.filter(segment=segment, customer__merged_into__isnull=True)
    rows = rows.select_related("customer", "by__user").order_by("-created_at", "-pk")
    return rows if membership is None else narrowed(rows, membership, "customer__")


def segments_of(customer: Customer) -> list[tuple[Segment, bool, SegmentPin | None]]:
    """(segment, whether they are in as of its last reading, what was done by hand) for every live segment
    that has something to say about the customer, by name. Two queries."""
    pins = {
        pin.segment_id: pin for pin in SegmentPin.objects.filter(customer=customer).select_related("by__user")
    }
    inside = SegmentMember.objects.filter(customer=customer, segment=OuterRef("pk"))
    rows = Segment.objects.live().annotate(holds=Exists(inside))
    found: Any = rows.filter(Q(holds=True) | Q(pk__in=list(pins))).order_by("name")
    return [(segment, segment.holds, pins.get(segment.pk)) for segment in found]


@dataclass(frozen=True)
class Moves:
    """Who came and went in the last 30 days, as far as it was announced person by person."""

    entered: int
    left: int


def counts_for(membership: Membership, segments: Sequence[Segment]) -> dict[int, int]:
    """How many people whom the member sees are in each; no query for who sees everything, else one."""
    if membership.sees_everything:
        return {segment.pk: segment.members_count for segment in segments}
    rows = narrowed(SegmentMember.objects.filter(segment__in=segments), membership, "customer__")
    found = dict(rows.order_by().values_list("segment").annotate(number=Count("pk")))
    return {segment.pk: found.get(segment.pk, 0) for segment in segments}


def segment_moves(segment: Segment, membership: Membership) -> Moves:
    since = timezone.now() - timedelta(days=30)
    news = Event.objects.filter(
        subject_type="marketing.segment", subject_id=segment.pk, occurred_at__gte=since
    )
    if not membership.sees_everything:
        news = news.filter(customer_id__in=Customer.objects.visible_to(membership).values("pk"))
    counts = dict(news.values_list("name").annotate(number=Count("pk")))
    return Moves(counts.get(SEGMENT_ENTERED.name, 0), counts.get(SEGMENT_LEFT.name, 0))
