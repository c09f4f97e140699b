"""The dry run: every row is read as it will be written, its person looked for, refused or counted. Writes the
batch's own tables only."""

from __future__ import annotations

from crm.imports.duplicates import mark_duplicates
from crm.imports.models import ImportBatch
from crm.imports.rows import Wrong, refusal, refuse, staged
from crm.imports.sql import execute
from crm.imports.staging import table_name
from customers.importing.consents.people import people_named, people_refused
from customers.importing.consents.reading import AnswerReader, Told

CHUNK_ROWS = 2_000


def prepare_chunk(batch: ImportBatch, cursor: int) -> int | None:
    """Marks exact repetitions."""
    if cursor:
        return None
    mark_duplicates(batch)
    execute(f"CREATE INDEX ON {table_name(batch)} (row)")
    batch.counts |= dict.fromkeys(("entries", "yes", "no", "unknown"), 0)
    return 1


def rows_chunk(batch: ImportBatch, cursor: int) -> int | None:
    """Reads the next rows; refuses those that can't be."""
    reader = AnswerReader(batch, batch.merchant)
    rows = list(staged(batch, cursor, CHUNK_ROWS))
    if not rows:
        return None
    read = [(row, reader.read(row, cells)) for row, cells in rows]
    wrong = {row: one for row, one in read if isinstance(one, Wrong)}
    told = [one for _row, one in read if isinstance(one, Told)]
    wrong |= people_named(batch, told)
    told = [one for one in told if one.row not in wrong]
    wrong |= people_refused(batch, told)
    told = [one for one in told if one.row not in wrong]
    refuse(batch, [refusal(batch, row, one) for row, one in sorted(wrong.items())])
    counts = batch.counts
    counts["entries"] += len(told)
    counts["yes"] += sum(1 for one in told if one.granted)
    counts["no"] += sum(1 for one in told if not one.granted)
    counts["unknown"] += sum(1 for one in told if one.customer_id is None)
    return rows[-1][0]
