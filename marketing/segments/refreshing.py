"""Keeping the list of members in step with the rule: the whole set-based, touched customers in batches."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from functools import partial

import structlog
from django.db import DatabaseError, connection, transaction
from django.db.models import F, Value
from django.db.models.functions import Greatest
from django.utils import timezone

from crm.accounts.models import Merchant
from crm.events.emitting import Draft, emit, emit_many
from crm.events.ringing import ring_sweeper
from crm.events.types import EventType
from crm.lib.errors import CrmError
from crm.lib.locking import hold, hold_if_free
from crm.lib.tenancy import all_merchants, merchant_scope
from customers.segmenting import Scope
from marketing.insight import scoring
from marketing.models import Segment, SegmentMember, TouchedCustomer
from marketing.segments import building, events
from marketing.segments.compiling import Sql, compile_segment, scope_of
from marketing.segments.counting import was_cancelled
from marketing.segments.touching import memberships

log = structlog.get_logger()

# More people moving at once is a changed rule or an import, not something that happened to each of them:
# then one event tells the numbers, and nobody's journey starts.
MOST_ANNOUNCED = 1_000
# Other handlers of the same event keep the metrics; they get this long before the segments look.
SETTLE_SECONDS = 3
TOUCHED_BATCH = 500


def segment_refresh(*, segment: Segment) -> bool:
    """Brings the list of members up to date; False when another build of this segment is under way.

    Entries and exits are announced, except by the first build, by masses and where the rule is another one. A
    build that fails writes its code to `trouble`, one that was stopped announces it; both leave the list as
    it was. What was asked for in the middle of it is rung for again.
    """
    if not _claim(segment):
        return False
    asked = segment.asked
    started = time.monotonic()
    try:
        with transaction.atomic():
            # A batch of touched customers may have come in between; it is done in a moment.
            hold(building.lock_name(segment.pk))
            _bound()
            segment.refresh_from_db()
            asked = segment.asked
            _build(segment, started)
    except _Stopped:
        building.stopped(segment)
    except (DatabaseError, CrmError) as error:
        _failed(segment, error, asked)
    except Exception:  # whatever it is, the round goes on with the next segment, and staff see it
        log.exception("segment build failed", segment=segment.pk)
        building.failed(segment, building.UNEXPECTED, answered=asked)
    building.tell(segment)
    if Segment.objects.filter(pk=segment.pk).exclude(asked=F("answered")).exists():
        building.ring_build(segment.merchant_id, segment.pk)
    return True


class _Stopped(Exception):
    """Somebody asked for the build to stop."""


def _claim(segment: Segment) -> bool:
    """Shows the build to everybody, unless the segment is held by another one."""
    with transaction.atomic():
        if not hold_if_free(building.lock_name(segment.pk)):
            return False
        building.begin(segment)
    return True


def _bound() -> None:
    with connection.cursor() as cursor:
        milliseconds = str(building.BUILD_SECONDS * 1000)
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [milliseconds])
        cursor.execute("SELECT set_config('work_mem', '64MB', true)")


def _build(segment: Segment, started: float) -> None:
    if segment.cancel_asked_at is not None:
        raise _Stopped
    digest = building.rule_digest(segment)
    is_other_rule = bool(segment.built_rule) and segment.built_rule != digest
    entered, left = _diff(segment, compile_segment(segment, scope_of(segment)))
    if building.is_cancelled(segment):
        raise _Stopped
    members = _count_members(segment)
    _announce(segment, entered, left, members, as_one=segment.built_at is None or is_other_rule)
    Segment.objects.filter(pk=segment.pk).update(
        members_count=members,
        built_at=timezone.now(),
        built_rule=digest,
        build_seconds=round(time.monotonic() - started, 3),
        trouble="",
        answered=segment.asked,
        build_started_at=None,
        build_pid=None,
    )


def _count_members(segment: Segment) -> int:
    """Counted anew, under the lock of the segment's row: a merge that takes somebody out meanwhile writes its
    own difference before or after, never in between."""
    Segment.objects.select_for_update(of=("self",)).get(pk=segment.pk)
    return int(SegmentMember.objects.filter(segment=segment).count())


def _failed(segment: Segment, error: DatabaseError | CrmError, asked: int) -> None:
    cancelled = was_cancelled(error)
    if cancelled and building.is_cancelled(segment):
        building.stopped(segment)
        return
    log.warning("segment build failed", segment=segment.pk, error=repr(error))
    trouble = building.RULE if isinstance(error, CrmError) else building.UNEXPECTED
    building.failed(segment, building.TOO_LONG if cancelled else trouble, answered=asked)


def _diff(segment: Segment, sql: Sql) -> tuple[list[int], list[int]]:
    """(customers who entered, customers who left); the table is changed accordingly, in one statement."""
    table = SegmentMember._meta.db_table
    statement = f"""
        WITH now_in AS MATERIALIZED ({sql[0]}),
        gone AS (
            DELETE FROM {table} k WHERE k.merchant_id = %s::bigint AND k.segment_id = %s::bigint
              AND NOT EXISTS (SELECT 1 FROM now_in n WHERE n.customer_id = k.customer_id)
            RETURNING k.customer_id
        ), come AS (
            INSERT INTO {table} (merchant_id, segment_id, customer_id, entered_at)
            SELECT %s::bigint, %s::bigint, n.customer_id, now() FROM now_in n
            WHERE NOT EXISTS (SELECT 1 FROM {table} k WHERE k.merchant_id = %s::bigint
                              AND k.segment_id = %s::bigint AND k.customer_id = n.customer_id)
            ON CONFLICT DO NOTHING
            RETURNING customer_id
        )
        SELECT customer_id, TRUE FROM come UNION ALL SELECT customer_id, FALSE FROM gone
    """
    ids = [segment.merchant_id, segment.pk]
    with connection.cursor() as cursor:
        cursor.execute(statement, [*sql[1], *ids, *ids, *ids])
        moved = cursor.fetchall()
    return [pk for pk, came in moved if came], [pk for pk, came in moved if not came]


def _announce(
    segment: Segment, entered: Sequence[int], left: Sequence[int], members: int, *, as_one: bool = False
) -> None:
    """Person by person, or `as_one` event with the numbers."""
    if not as_one and len(entered) + len(left) <= MOST_ANNOUNCED:
        drafts = [_draft(events.SEGMENT_ENTERED, segment, pk) for pk in entered]
        drafts += [_draft(events.SEGMENT_LEFT, segment, pk) for pk in left]
        emit_many(drafts, merchant=segment.merchant_id)
    elif entered or left or segment.built_at is None:
        data = {
            "segment": segment.name,
            "segment_id": segment.pk,
            "members": members,
            "entered": len(entered),
            "left": len(left),
        }
        emit(events.SEGMENT_BUILT, merchant=segment.merchant_id, subject=segment, data=data)


def _draft(kind: EventType, segment: Segment, customer_id: int) -> Draft:
    return Draft(
        kind,
        customer_id=customer_id,
        subject_type="marketing.segment",
        subject_id=segment.pk,
        data={"segment": segment.name, "segment_id": segment.pk},
    )


# --- the whole, by beat ------------------------------------------------------------------------------------


def refresh_all() -> int:
    """Every live segment of every merchant, one transaction each; how many were built. One that fails keeps
    nobody else's from being built."""
    with all_merchants(reason="beat keeps every merchant's segments"):
        todo = list(Segment.objects.live().select_related("merchant").order_by("built_at", "pk"))
    built = 0
    for segment in todo:
        with merchant_scope(segment.merchant):
            built += segment_refresh(segment=segment)
    return built


# --- touched customers ------------------------------------------------------------------------------------


def touch(*, merchant_id: int, customer_ids: Sequence[int]) -> None:
    """Has these customers looked at again soon; doing it twice looks once."""
    due = timezone.now() + timedelta(seconds=SETTLE_SECONDS)
    TouchedCustomer.objects.bulk_create(
        [
            TouchedCustomer(merchant_id=merchant_id, customer_id=pk, due_at=due)
            for pk in sorted(set(customer_ids))
        ],
        update_conflicts=True,
        unique_fields=["merchant", "customer_id"],
        update_fields=["due_at"],
    )
    ring_sweeper("marketing.sweep_segments", after_seconds=SETTLE_SECONDS)


def touched_sweep() -> int:
    """Looks again at everybody who is due, merchant by merchant; how many customers."""
    with all_merchants(reason="the sweeper looks after every merchant"):
        due = TouchedCustomer.objects.filter(due_at__lte=timezone.now())
        merchants = list(Merchant.objects.filter(pk__in=due.values("merchant_id")))
    looked = 0
    for merchant in merchants:
        with merchant_scope(merchant):
            while batch := touched_reevaluate(merchant=merchant):
                looked += batch
    return looked


@transaction.atomic
def touched_reevaluate(*, merchant: Merchant) -> int:
    """One batch: their scores, then these customers against every live segment; how many customers.

    A segment being built at this moment is left to that build, and its people stay due.
    """
    rows = TouchedCustomer.objects.select_for_update(skip_locked=True).filter(due_at__lte=timezone.now())
    touched = dict(rows.order_by("due_at").values_list("pk", "customer_id")[:TOUCHED_BATCH])
    if not touched:
        return 0
    TouchedCustomer.objects.filter(pk__in=list(touched)).delete()
    people = sorted(set(touched.values()))
    scoring.refresh(merchant_id=merchant.pk, customer_ids=people)
    segments = list(Segment.objects.live().filter(built_at__isnull=False).order_by("pk"))
    free = _lock_many(segments)
    found = memberships(free, Scope(merchant, customer_ids=tuple(people)))
    _bring_up_to_date([segment for segment in free if segment.pk in found], found, people)
    if len(free) < len(segments):
        touch(merchant_id=merchant.pk, customer_ids=people)
    return len(people)


def _lock_many(segments: Sequence[Segment]) -> list[Segment]:
    """Those that no build holds; they are ours until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM unnest(%s::bigint[], %s::text[]) AS one(id, name)"
            " WHERE pg_try_advisory_xact_lock(hashtextextended(name, 0))",
            [[one.pk for one in segments], [building.lock_name(one.pk) for one in segments]],
        )
        got = {row[0] for row in cursor.fetchall()}
    return [segment for segment in segments if segment.pk in got]


def _bring_up_to_date(segments: Sequence[Segment], found: dict[int, set[int]], people: Sequence[int]) -> None:
    """Writes and announces who came and went among these people: one read, and writes where it differs."""
    before: dict[int, set[int]] = {segment.pk: set() for segment in segments}
    listed = SegmentMember.objects.filter(customer_id__in=people, segment_id__in=list(before))
    for segment_id, customer_id in listed.values_list("segment_id", "customer_id"):
        before[segment_id].add(customer_id)
    moves = []
    for segment in segments:
        entered = sorted(found[segment.pk] - before[segment.pk])
        left = sorted(before[segment.pk] - found[segment.pk])
        if entered or left:
            _move(segment, entered, left)
            moves.append((segment, len(entered) - len(left)))
    # Last: a merge holds its people when it comes to the segments' rows, and never the other way round.
    for segment, difference in moves:
        _count(segment, difference)


def _move(segment: Segment, entered: Sequence[int], left: Sequence[int]) -> None:
    SegmentMember.objects.bulk_create(
        [SegmentMember(merchant_id=segment.merchant_id, segment=segment, customer_id=pk) for pk in entered],
        ignore_conflicts=True,
    )
    SegmentMember.objects.filter(segment=segment, customer_id__in=left).delete()
    _announce(segment, entered, left, max(0, segment.members_count + len(entered) - len(left)))


def _count(segment: Segment, difference: int) -> None:
    """The difference and not the sum: a merge may have written its own since the row was read."""
    Segment.objects.filter(pk=segment.pk).update(
        members_count=Greatest(F("members_count") + difference, Value(0))
    )


@transaction.atomic
def look_again(*, segment: Segment, customer_ids: Sequence[int]) -> None:
    """These people against this one segment, now; while it is held they are touched instead, but after the
    commit: a sweep that holds it may have taken them off the queue, and wait for a row that we hold."""
    people = sorted(set(customer_ids))
    if segment.built_at is None:
        building.build_ask(segment=segment)
        return
    if not hold_if_free(building.lock_name(segment.pk)):
        again = partial(touch, merchant_id=segment.merchant_id, customer_ids=people)
        transaction.on_commit(again, robust=True)
        return
    found = memberships([segment], Scope(segment.merchant, customer_ids=tuple(people)))
    if segment.pk in found:
        _bring_up_to_date([segment], found, people)
    building.tell(segment)
