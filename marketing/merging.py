"""What moves of marketing when two customers become one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from django.db import connection
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext_lazy as _

from crm.accounts.models import Merchant
from customers.identities import Contact, Key, keys_of
from customers.merging.registry import (
    Change,
    Keeper,
    Mover,
    Row,
    Taker,
    add,
    when_merged,
    when_undone,
)
from customers.models import MergeMove, MergeRecord, Metrics
from customers.models.consent import Channel, Purpose
from marketing.models import Delivery, Segment, SegmentPin
from marketing.segments.pinning import count_pins

# Mails not yet handed over; who has one of the same campaign already gets no second one.
OPEN = "('queued', 'deferred')"
ONE_MAIL = (
    f"t.state IN {OPEN} AND EXISTS (SELECT 1 FROM marketing_delivery s WHERE s.merchant_id = t.merchant_id"
    " AND s.campaign_id = t.campaign_id AND s.customer_id = %(survivor)s AND s.state <> 'skipped')"
)
# Who is on the way twice goes on once.
ONE_WAY = Change(
    {"state": "'left'", "reason": "'merged'", "ended_at": "now()"},
    "t.state = 'active' AND EXISTS (SELECT 1 FROM marketing_enrolment s WHERE s.merchant_id = t.merchant_id"
    " AND s.journey_id = t.journey_id AND s.key = t.key AND s.customer_id = %(survivor)s)",
)
SEEN = ("last_sent_at", "last_opened_at", "last_clicked_at")


def delivery_keys(merchant: Merchant, row: Row) -> list[Key]:
    return keys_of(merchant, Contact(email=row["address"]))


def count_members(merchant_id: int, rows: Sequence[Row], sign: int) -> None:
    """Keeps the segments' counts true; locks them in the order of their ids."""
    moved = sorted(Counter(row["segment_id"] for row in rows).items())
    with connection.cursor() as cursor:
        for segment_id, number in moved:
            cursor.execute(
                f"UPDATE {Segment._meta.db_table} SET members_count = greatest(0, members_count + %s)"
                " WHERE merchant_id = %s AND id = %s",
                [sign * number, merchant_id, segment_id],
            )


add(
    Mover(
        "marketing.Delivery",
        _("Campaign mails"),
        stays=ONE_MAIL,
        key_columns=("address",),
        keys=delivery_keys,
    ),
    Mover("marketing.Enrolment", _("Journeys"), once=("journey_id", "key"), changes=(ONE_WAY,)),
    Mover(
        "marketing.Attribution",
        _("Orders that followed a campaign"),
        follows=(("order_id", "orders.Order"),),
    ),
    Taker(
        "marketing.SegmentMember",
        "segments are worked out anew; the places as they were come back when the merge is undone",
        once=("segment_id",),
        still="EXISTS (SELECT 1 FROM marketing_segment g WHERE g.merchant_id = t.merchant_id"
        " AND g.id = t.segment_id AND g.archived_at IS NULL)",
        tally=count_members,
    ),
    # Who was put in or kept out by hand stays so under the name they have now.
    Mover("marketing.SegmentPin", once=("segment_id",)),
    Keeper("marketing.TouchedCustomer", "a queue of seconds; who was merged away is in no segment"),
)


@when_merged
def newest_figures(record: MergeRecord) -> None:
    """When they were last written to and what they did with it: the later of the two."""
    mine, theirs = record.figures["survivor"], record.figures["absorbed"]
    later = {
        name: theirs[name] for name in SEEN if theirs.get(name) and (mine.get(name) or "") < theirs[name]
    }
    if later:
        Metrics.objects.filter(pk=record.survivor_id).update(**later)


@when_merged
@when_undone
def count_twice_pinned(record: MergeRecord) -> None:
    """Done by hand with both in one segment, it counts once while they are one."""
    pins = SegmentPin.objects.filter(customer_id=record.absorbed_id)
    count_pins(pins.values_list("segment_id", flat=True))


@when_merged
def spare_the_unasked(record: MergeRecord) -> None:
    """A permission that only one side gave opens none of the mails that wait at the other's address."""
    said = next((one for one in record.consents if _is_campaigns(one)), None)
    if said is None or said["result"] is not True or said["survivor"] is said["absorbed"]:
        return
    moved = [pk for part in _moved(record) for pk in part.ids]
    waiting = Delivery.objects.filter(customer_id=record.survivor_id, state__in=["queued", "deferred"])
    waiting = waiting.exclude(pk__in=moved) if said["survivor"] is None else waiting.filter(pk__in=moved)
    waiting.update(state=Delivery.State.SKIPPED, reason="no_consent")


def _is_campaigns(said: Row) -> bool:
    return bool(said["channel"] == Channel.EMAIL and said["purpose"] == Purpose.MARKETING)


def _moved(record: MergeRecord) -> Sequence[MergeMove]:
    return list(record.moves.filter(model=Delivery._meta.label, kind=MergeMove.Kind.MOVED))


@when_undone
def own_figures(record: MergeRecord) -> None:
    """The survivor's own times come back where nothing happened since."""
    mine, theirs = record.figures["survivor"], record.figures["absorbed"]
    now = Metrics.objects.filter(pk=record.survivor_id).values(*SEEN).first() or {}
    own = {}
    for name in SEEN:
        at = parse_datetime(theirs.get(name) or "")
        if at is not None and now.get(name) == at and mine.get(name) != theirs[name]:
            own[name] = mine.get(name)
    if own:
        Metrics.objects.filter(pk=record.survivor_id).update(**own)
