"""Keeping the list of members in step with the rule: the whole set-based, touched customers in batches."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta

import structlog
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from crm.accounts.models import Merchant
from crm.events.emitting import Draft, emit, emit_many
from crm.events.ringing import ring_sweeper
from crm.events.types import EventType
from crm.lib.errors import CrmError
from crm.lib.locking import hold_if_free
from crm.lib.tenancy import all_merchants, merchant_scope
from customers.segmenting import Scope
from marketing.insight import scoring
from marketing.models import Segment, SegmentMember, TouchedCustomer
from marketing.segments import events
from marketing.segments.compiling import Sql, compile_group
from marketing.segments.definition import parse
from marketing.segments.touching import memberships

log = structlog.get_logger()

# More people moving at once is a changed rule or an import, not something that happened to each of them:
# then one event tells the numbers, and nobody's journey starts.
MOST_ANNOUNCED = 1_000
# A build has the whole statement to itself; the bound keeps a runaway from holding a worker for hours.
BUILD_SECONDS = 600
# Other handlers of the same event keep the metrics; they get this long before the segments look.
SETTLE_SECONDS = 3
TOUCHED_BATCH = 500


def segment_refresh(*, segment: Segment) -> bool:
    """Brings the list of members up to date; False when another build of this segment is under way.

    Entries and exits are announced, except by the first build and by masses. A rule that fails is written
    to `trouble` and leaves the list as it was.
    """
    started = time.monotonic()
    try:
        with transaction.atomic():
            if not _lock(segment):
                return False
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT set_config('statement_timeout', %s, true)", [str(BUILD_SECONDS * 1000)]
                )
                cursor.execute("SELECT set_config('work_mem', '64MB', true)")
            segment.refresh_from_db()
            entered, left = _diff(
                segment, compile_group(parse(segment.definition, stored=True), _scope(segment))
            )
            _announce(segment, entered, left)
            _note(segment, entered, left, time.monotonic() - started)
    except (DatabaseError, CrmError) as error:
        log.warning("segment build failed", segment=segment.pk, error=repr(error))
        Segment.objects.filter(pk=segment.pk).update(trouble=str(error)[:300])
    return True


def _scope(segment: Segment) -> Scope:
    return Scope(segment.merchant, inside=(segment.pk,))


def _lock(segment: Segment) -> bool:
    """Never two builds of one segment at once; the lock falls with the transaction."""
    return hold_if_free(f"segment:{segment.pk}")


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


def _announce(segment: Segment, entered: Sequence[int], left: Sequence[int]) -> None:
    first = segment.built_at is None
    if not first and len(entered) + len(left) <= MOST_ANNOUNCED:
        drafts = [_draft(events.SEGMENT_ENTERED, segment, pk) for pk in entered]
        drafts += [_draft(events.SEGMENT_LEFT, segment, pk) for pk in left]
        emit_many(drafts, merchant=segment.merchant_id)
    elif entered or left or first:
        data = {
            "segment": segment.name,
            "segment_id": segment.pk,
            "members": segment.members_count + len(entered) - len(left),
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


def _note(segment: Segment, entered: Sequence[int], left: Sequence[int], seconds: float) -> None:
    count = SegmentMember.objects.filter(segment=segment).count() if segment.built_at is None else None
    members = count if count is not None else max(0, segment.members_count + len(entered) - len(left))
    Segment.objects.filter(pk=segment.pk).update(
        members_count=members, built_at=timezone.now(), build_seconds=round(seconds, 3), trouble=""
    )


# --- the whole, by beat ------------------------------------------------------------------------------------


def refresh_all() -> int:
    """Every live segment of every merchant, one transaction each; how many were built."""
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
    segments = list(Segment.objects.live().filter(built_at__isnull=False))
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
            "SELECT id FROM unnest(%s::bigint[]) id"
            " WHERE pg_try_advisory_xact_lock(hashtextextended('segment:' || id, 0))",
            [[segment.pk for segment in segments]],
        )
        got = {row[0] for row in cursor.fetchall()}
    return [segment for segment in segments if segment.pk in got]


def _bring_up_to_date(segments: Sequence[Segment], found: dict[int, set[int]], people: Sequence[int]) -> None:
    """Writes and announces who came and went among these people: one read, and writes where it differs."""
    before: dict[int, set[int]] = {segment.pk: set() for segment in segments}
    listed = SegmentMember.objects.filter(customer_id__in=people, segment_id__in=list(before))
    for segment_id, customer_id in listed.values_list("segment_id", "customer_id"):
        before[segment_id].add(customer_id)
    for segment in segments:
        entered = sorted(found[segment.pk] - before[segment.pk])
        left = sorted(before[segment.pk] - found[segment.pk])
        if not entered and not left:
            continue
        SegmentMember.objects.bulk_create(
            [
                SegmentMember(merchant_id=segment.merchant_id, segment=segment, customer_id=pk)
                for pk in entered
            ],
            ignore_conflicts=True,
        )
        SegmentMember.objects.filter(segment=segment, customer_id__in=left).delete()
        _announce(segment, entered, left)
        count = max(0, segment.members_count + len(entered) - len(left))
        Segment.objects.filter(pk=segment.pk).update(members_count=count)
