"""Indexes that rest while a big shop is loaded: keeping them row by row costs several times what it costs to
build them once at the end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.db import connection, models, transaction

from crm.demo.parallel import may_everything, side_by_side

# Fewer rows than these are sooner written than an index is built.
WORTH_ROWS = 200_000
BUILD_MEMORY = "512MB"


@contextmanager
def resting(kinds: Sequence[type[models.Model]], *, rows: int) -> Iterator[None]:
    """No index that only serves reading is kept on these tables inside; all of them are built at the end.

    `rows` is how many are about to come to each table, roughly. Nothing rests where that is not worth it:
    few rows come, the tables hold more than that already (others' pages would become slow), or the
    database's user is no superuser. What enforces a rule is kept always. Killed inside, `wake_all` mends it.
    """
    rests = rows >= WORTH_ROWS and may_everything() and all(_held(kind) < rows for kind in kinds)
    if rests:
        _lay_down(kinds)
    try:
        yield
    finally:
        if rests:
            wake_all()


def _held(kind: type[models.Model]) -> float:
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples FROM pg_class WHERE oid = %s::regclass", [kind._meta.db_table])
        return float(cursor.fetchone()[0])


@transaction.atomic
def _lay_down(kinds: Sequence[type[models.Model]]) -> None:
    with connection.cursor() as cursor:
        # As REINDEX CONCURRENTLY leaves one that it could not finish: not read, not written, and known to
        # whoever looks for such indexes.
        cursor.execute(
            """
            UPDATE pg_index SET indisready = false, indisvalid = false
            WHERE indrelid = ANY(%s::text[]::regclass[]) AND NOT indisunique AND NOT indisexclusion
            """,
            [[kind._meta.db_table for kind in kinds]],
        )


def asleep() -> list[str]:
    """Indexes of ours that nothing keeps, by name."""
    with connection.cursor() as cursor:
        cursor.execute(
            r"""
            SELECT indexrelid::regclass::text FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
            WHERE NOT indisready AND NOT indisunique AND relnamespace = current_schema()::regnamespace
              AND strpos(indexrelid::regclass::text, '_ccnew') = 0  -- REINDEX CONCURRENTLY's, another's work
            ORDER BY pg_relation_size(indrelid) DESC, 1
            """
        )
        return [name for (name,) in cursor.fetchall()]


def wake_all() -> int:
    """Builds every index that is asleep, side by side; their number."""
    return sum(side_by_side(_build, asleep()))


def _build(name: str) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL max_parallel_maintenance_workers = 0")  # a process for each core is ours
        cursor.execute(f"SET LOCAL maintenance_work_mem = '{BUILD_MEMORY}'")
        cursor.execute(f"REINDEX INDEX {name}")
    return 1
