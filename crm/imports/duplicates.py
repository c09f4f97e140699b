"""Rows that a file holds twice."""

from __future__ import annotations

from .models import ImportBatch
from .sql import execute
from .staging import table_name


def mark_duplicates(batch: ImportBatch) -> None:
    """Flags each exact repetition of an earlier row; it counts once."""
    table = table_name(batch)
    execute(f"ALTER TABLE {table} ADD COLUMN IF NOT EXISTS duplicate boolean NOT NULL DEFAULT false")
    count = 0
    if batch.options.get("duplicates") == "once":
        count = execute(
            f"""
            UPDATE {table} SET duplicate = true FROM (
                SELECT ctid AS place, row_number() OVER (PARTITION BY fp ORDER BY row) AS nth
                FROM {table} WHERE NOT bad
            ) seen WHERE {table}.ctid = seen.place AND seen.nth > 1
            """
        )
    batch.counts["duplicate_lines"] = count
    execute(f"ANALYZE {table}")
