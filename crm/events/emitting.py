"""Announcing facts: in the caller's transaction or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, models, transaction
from django.utils import timezone
from psycopg2.extras import execute_values

from crm.events.actor import current_actor
from crm.events.backfilling import is_history
from crm.events.handling import handlers_of
from crm.events.models import Delivery, Event
from crm.events.ringing import ring
from crm.events.types import EventType
from crm.lib import live

# One INSERT carries this many events; more gains nothing and holds memory.
BATCH = 1_000


@dataclass(frozen=True)
class Draft:
    """An event to be, for `emit_many`."""

    type: EventType
    customer_id: int | None = None
    subject_type: str = ""
    subject_id: int | None = None
    data: dict[str, Any] = field(default_factory=dict)
    dedupe_key: str | None = None
    occurred_at: datetime | None = None


def emit(
    kind: EventType,
    *,
    merchant: Any,
    customer: Any = None,
    subject: models.Model | None = None,
    data: dict[str, Any] | None = None,
    dedupe_key: str | None = None,
    occurred_at: datetime | None = None,
) -> int | None:
    """The new event's id, or None when `dedupe_key` was announced before.

    `merchant` and `customer` are rows or ids. Raises TransactionManagementError outside a transaction: the
    fact and its announcement commit together.
    """
    draft = Draft(
        kind,
        _id(customer),
        subject._meta.label_lower if subject is not None else "",
        _id(subject),
        data or {},
        dedupe_key,
        occurred_at,
    )
    written = emit_many([draft], merchant=merchant, backfill=is_history())
    return written[0] if written else None


def emit_many(drafts: Iterable[Draft], *, merchant: Any, backfill: bool = False) -> list[int]:
    """Ids of the events written, those with a known `dedupe_key` left out. `backfill` marks imported history:
    only handlers that opted in hear of it, and pages are not nudged once per event."""
    _need_transaction()
    merchant_id = _id(merchant)
    assert merchant_id is not None
    written: list[tuple[int, str]] = []
    deliveries: list[int] = []
    topics: set[str] = set()
    batch: list[Draft] = []
    for draft in drafts:
        batch.append(draft)
        if not backfill:
            topics.update(_topics(draft))
        if len(batch) == BATCH:
            new = _insert(batch, merchant_id, backfill)
            written += new
            deliveries += _owe(new, merchant_id, backfill)
            batch = []
    if batch:
        new = _insert(batch, merchant_id, backfill)
        written += new
        deliveries += _owe(new, merchant_id, backfill)
    if deliveries:
        transaction.on_commit(partial(ring, deliveries), robust=True)
    if topics:
        transaction.on_commit(partial(live.publish, merchant_id, topics), robust=True)
    return [event_id for event_id, _name in written]


def emit_selected(
    kind: EventType, *, merchant: Any, select: str, params: Mapping[str, Any], topics: Iterable[str]
) -> int:
    """Announces a row of `select` each, in one statement; how many events are new.

    For thousands of like facts at once. The SELECT yields customer_id, subject_type, subject_id, data
    (jsonb), dedupe_key and occurred_at; its parameters are %(name)s, of which `event_…` are taken. Open pages
    are nudged by `topics` and the app's own, not once for each customer. Needs the fact's transaction.
    """
    _need_transaction()
    merchant_id = _id(merchant)
    assert merchant_id is not None
    owed = [one.name for one in handlers_of(merchant_id, kind.name, backfill=False)]
    sql = f"""
        WITH written AS (
            INSERT INTO {Event._meta.db_table} (merchant_id, name, customer_id, subject_type, subject_id,
                                                data, dedupe_key, occurred_at, actor, backfill, created_at)
            SELECT %(event_merchant)s, %(event_name)s, f.*, %(event_actor)s, false, %(event_at)s
            FROM ({select}) f ON CONFLICT DO NOTHING RETURNING id
        ), owed AS (
            INSERT INTO {Delivery._meta.db_table} (merchant_id, event_id, handler, state, attempts, error,
                                                   due_at)
            SELECT %(event_merchant)s, w.id, h.name, '{Delivery.State.PENDING.value}', 0, '', %(event_at)s
            FROM written w CROSS JOIN unnest(%(event_owed)s::text[]) AS h (name) RETURNING id
        )
        SELECT (SELECT count(*) FROM written), ARRAY(SELECT id FROM owed)
    """
    told = {
        **params,
        "event_merchant": merchant_id,
        "event_name": kind.name,
        "event_actor": current_actor(),
        "event_at": timezone.now(),
        "event_owed": owed,
    }
    with connection.cursor() as cursor:
        cursor.execute(sql, told)
        number, deliveries = cursor.fetchone()
    if deliveries:
        transaction.on_commit(partial(ring, deliveries), robust=True)
    if number:
        nudged = {kind.name.partition(".")[0], *topics}
        transaction.on_commit(partial(live.publish, merchant_id, nudged), robust=True)
    return int(number)


def _need_transaction() -> None:
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError(
            "emit() needs the transaction that the fact is written in"
        )


def _id(row: Any) -> int | None:
    if row is None:
        return None
    return int(getattr(row, "pk", row))


def _topics(draft: Draft) -> Iterable[str]:
    """What open pages may listen to: the app, the customer, the subject."""
    yield draft.type.name.partition(".")[0]
    if draft.customer_id:
        yield f"customer:{draft.customer_id}"
    if draft.subject_id:
        yield f"{draft.subject_type}:{draft.subject_id}"


def _insert(batch: Sequence[Draft], merchant_id: int, backfill: bool) -> list[tuple[int, str]]:
    now, actor = timezone.now(), current_actor()
    rows = [
        (
            merchant_id,
            draft.type.name,
            draft.customer_id,
            draft.subject_type,
            draft.subject_id,
            actor,
            json.dumps(draft.data, cls=DjangoJSONEncoder, ensure_ascii=False),
            draft.dedupe_key,
            backfill,
            draft.occurred_at or now,
            now,
        )
        for draft in batch
    ]
    sql = f"""
        INSERT INTO {Event._meta.db_table} (merchant_id, name, customer_id, subject_type, subject_id, actor,
                                            data, dedupe_key, backfill, occurred_at, created_at)
        VALUES %s ON CONFLICT DO NOTHING RETURNING id, name
    """
    with connection.cursor() as cursor:
        found: list[tuple[int, str]] = execute_values(cursor.cursor, sql, rows, page_size=BATCH, fetch=True)
    return found


def _owe(events: Sequence[tuple[int, str]], merchant_id: int, backfill: bool) -> list[int]:
    """One delivery row for each (event, handler); their ids."""
    now = timezone.now()
    handlers = {
        name: handlers_of(merchant_id, name, backfill=backfill) for name in {name for _, name in events}
    }
    rows = [
        (merchant_id, event_id, handler.name, Delivery.State.PENDING.value, 0, "", now)
        for event_id, name in events
        for handler in handlers[name]
    ]
    if not rows:
        return []
    sql = f"""
        INSERT INTO {Delivery._meta.db_table} (merchant_id, event_id, handler, state, attempts, error, due_at)
        VALUES %s RETURNING id
    """
    with connection.cursor() as cursor:
        return [row[0] for row in execute_values(cursor.cursor, sql, rows, page_size=BATCH, fetch=True)]
