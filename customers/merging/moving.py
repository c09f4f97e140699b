"""The SQL that carries rows over and back, whatever their number, and the journal of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.db import connection

from customers.merging.registry import Mover, Taker, movers, takers
from customers.models import MergeMove, MergeRecord

Kind = MergeMove.Kind
# Ids in one row of the journal: 80 kB.
CHUNK = 10_000


def query(sql: str, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall() if cursor.description else []


def chunks(found: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(found), CHUNK):
        yield found[start : start + CHUNK]


def marks_now() -> dict[str, int]:
    """Model → the highest id given out so far, committed or not. One query."""
    tables = {one.model: one.table for one in movers()}
    columns = ", ".join(
        f"coalesce(pg_sequence_last_value(pg_get_serial_sequence('{table}', 'id')::regclass), 0)"
        for table in tables.values()
    )
    row = query(f"SELECT {columns}", {})[0]
    return dict(zip(tables, map(int, row), strict=True))


# --- over ---------------------------------------------------------------------------------------------------


def carry_over(record: MergeRecord) -> dict[str, int]:
    """Everything of the absorbed goes to the survivor or is set aside, and stands in the journal; model →
    rows that moved. Two or three statements for each model."""
    counts: dict[str, int] = {}
    for taker in takers():
        _take_out(record, taker)
    for mover in movers():
        counts[mover.model] = move(record, mover)
    return counts


def move(record: MergeRecord, mover: Mover) -> int:
    """The rows that go over now; they are written to the journal."""
    values = _names(record)
    for change in mover.changes:
        _change(record, mover, change.values, change.where, values)
    stays = f"AND NOT ({mover.staying})" if mover.staying else ""
    rows = query(
        f"UPDATE {mover.table} t SET {mover.column} = %(survivor)s WHERE t.merchant_id = %(merchant)s::bigint"
        f" AND t.{mover.column} = %(absorbed)s {stays} RETURNING t.id",
        values,
    )
    ids = sorted(row[0] for row in rows)
    _note(record, mover.model, ids)
    return len(ids)


def is_left(record: MergeRecord, mover: Mover) -> bool:
    """Whether the absorbed has rows that should have gone over."""
    stays = f"AND NOT ({mover.staying})" if mover.staying else ""
    rows = query(
        f"SELECT 1 FROM {mover.table} t WHERE t.merchant_id = %(merchant)s::bigint"
        f" AND t.{mover.column} = %(absorbed)s {stays} LIMIT 1",
        _names(record),
    )
    return bool(rows)


def _names(record: MergeRecord) -> dict[str, Any]:
    return {"merchant": record.merchant_id, "survivor": record.survivor_id, "absorbed": record.absorbed_id}


def _note(record: MergeRecord, model: str, ids: Sequence[int]) -> None:
    MergeMove.objects.bulk_create(
        MergeMove(merchant_id=record.merchant_id, record=record, model=model, ids=list(chunk))
        for chunk in chunks(ids)
    )


def _note_rows(record: MergeRecord, model: str, kind: str, rows: Sequence[Any]) -> None:
    MergeMove.objects.bulk_create(
        MergeMove(merchant_id=record.merchant_id, record=record, model=model, kind=kind, rows=list(chunk))
        for chunk in chunks(rows)
    )


def _change(record: MergeRecord, mover: Mover, columns: Any, where: str, values: dict[str, Any]) -> None:
    where = f"t.merchant_id = %(merchant)s::bigint AND t.{mover.column} = %(absorbed)s AND ({where})"
    kept = ", ".join(f"'{name}', t.{name}" for name in ("id", *columns))
    before = query(f"SELECT jsonb_build_object({kept})::text FROM {mover.table} t WHERE {where}", values)
    if before:
        _note_rows(record, mover.model, Kind.CHANGED, [json.loads(row[0]) for row in before])
        new = ", ".join(f"{name} = {sql}" for name, sql in columns.items())
        query(f"UPDATE {mover.table} t SET {new} WHERE {where}", values)


def _take_out(record: MergeRecord, taker: Taker) -> None:
    values = _names(record)
    where = f"t.merchant_id = %(merchant)s::bigint AND t.{taker.column} ="
    kept = query(f"SELECT to_jsonb(t)::text FROM {taker.table} t WHERE {where} %(survivor)s", values)
    taken = query(
        f"DELETE FROM {taker.table} t WHERE {where} %(absorbed)s RETURNING to_jsonb(t)::text", values
    )
    _note_rows(record, taker.model, Kind.KEPT, [json.loads(row[0]) for row in kept])
    rows = [json.loads(row[0]) for row in taken]
    _note_rows(record, taker.model, Kind.TAKEN, rows)
    if rows and taker.tally:
        taker.tally(record.merchant_id, rows, -1)


# --- back ---------------------------------------------------------------------------------------------------


def carry_back(record: MergeRecord, mover: Mover, holder_id: int) -> list[int]:
    """The rows of the journal that are still with the holder go back; their ids."""
    gone: list[int] = []
    for part in record.moves.filter(model=mover.model, kind=Kind.MOVED).order_by("id").iterator():
        gone += give(record, mover, holder_id, "t.id = ANY(%(ids)s::bigint[])", {"ids": part.ids})
    for part in record.moves.filter(model=mover.model, kind=Kind.CHANGED).order_by("id").iterator():
        _restore(record, mover, part.rows)
    return gone


def give(
    record: MergeRecord, mover: Mover, holder_id: int, where: str, values: dict[str, Any] | None = None
) -> list[int]:
    """The holder's rows `t` for which `where` holds go to the absorbed; their ids."""
    column = mover.column
    # A person merged into somebody points at the survivor; the absorbed stands alone again by itself.
    names = _names(record) | {"holder": holder_id} | (values or {})
    rows = query(
        f"UPDATE {mover.table} t SET {column} = %(absorbed)s WHERE t.merchant_id = %(merchant)s::bigint"
        f" AND t.{column} = %(holder)s AND ({where}) RETURNING t.id",
        names,
    )
    return [row[0] for row in rows]


def _restore(record: MergeRecord, mover: Mover, rows: Sequence[dict[str, Any]]) -> None:
    """The columns as they were, on rows that are the absorbed's again."""
    columns = [name for name in rows[0] if name != "id"]
    put = ", ".join(f"{name} = f.{name}" for name in columns)
    query(
        f"UPDATE {mover.table} t SET {put}"
        f" FROM jsonb_populate_recordset(NULL::{mover.table}, %(rows)s::jsonb) f"
        f" WHERE t.merchant_id = %(merchant)s::bigint AND t.id = f.id AND t.{mover.column} = %(absorbed)s",
        _names(record) | {"rows": json.dumps(list(rows))},
    )


def put_back(record: MergeRecord, taker: Taker, *, with_survivor: bool) -> None:
    """What was taken out of the absorbed's, and what the survivor has lost of theirs since, as it was."""
    kinds = [Kind.TAKEN, Kind.KEPT] if with_survivor else [Kind.TAKEN]
    for part in record.moves.filter(model=taker.model, kind__in=kinds).order_by("id").iterator():
        columns = sorted(part.rows[0])
        names = ", ".join(f'"{name}"' for name in columns)
        put = ", ".join(f'"{name}" = excluded."{name}"' for name in columns if name != "id")
        gone = query(
            f"DELETE FROM {taker.table} t"
            f" USING jsonb_populate_recordset(NULL::{taker.table}, %(rows)s::jsonb) f"
            f" WHERE t.merchant_id = %(merchant)s::bigint AND t.{taker.column} = f.{taker.column}"
            f" AND {_same(taker)} AND t.id <> f.id RETURNING to_jsonb(t)::text",
            _names(record) | {"rows": json.dumps(part.rows)},
        )
        put_in = query(
            f"INSERT INTO {taker.table} ({names})"
            f" SELECT {names} FROM jsonb_populate_recordset(NULL::{taker.table}, %(rows)s::jsonb) t"
            f" WHERE {taker.still} ON CONFLICT (id) DO UPDATE SET {put}"
            f" RETURNING to_jsonb({taker.table})::text, xmax = 0",
            _names(record) | {"rows": json.dumps(part.rows)},
        )
        if taker.tally:
            taker.tally(record.merchant_id, [json.loads(row[0]) for row in gone], -1)
            taker.tally(record.merchant_id, [json.loads(row) for row, is_new in put_in if is_new], 1)


def _same(taker: Taker) -> str:
    return " AND ".join(f"t.{name} = f.{name}" for name in taker.once)


def forget_moved(records: Iterable[MergeRecord], model: str, ids: Sequence[int]) -> None:
    """Takes the ids out of these journals: their rows went elsewhere and must not come back with them."""
    if not ids:
        return
    for part in MergeMove.objects.filter(record__in=list(records), model=model, kind=Kind.MOVED):
        left = sorted(set(part.ids) - set(ids))
        if len(left) < len(part.ids):
            part.ids = left
            part.save(update_fields=["ids"])
