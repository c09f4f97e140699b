"""Names of the working tables of a batch of customers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from crm.imports.models import ImportBatch
from crm.imports.sql import fetch
from crm.imports.staging import table_name

PARTS = ("rows", "found")


def names(batch: ImportBatch) -> dict[str, str]:
    """The batch's working tables by part, for `.format` of a statement."""
    return {part: table_name(batch, part) for part in PARTS}


def staged(batch: ImportBatch, after: int, size: int) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """(row, mapped cells) of the next rows that are neither refused nor repeated, in the file's order."""
    columns = ", ".join(key for key in batch.mapping if batch.mapping[key])
    rows = fetch(
        f"SELECT row, {columns} FROM {{rows}} WHERE row > %s AND NOT bad AND NOT duplicate"
        " ORDER BY row LIMIT %s".format(**names(batch)),
        [after, size],
    )
    for row, *cells in rows:
        yield row, tuple(cells)
