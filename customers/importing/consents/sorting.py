"""The dry run: every row is read as it will be written, its person looked for, refused or counted. Writes the
batch's own tables only."""

from __future__ import annotations

from crm.imports.duplicates import mark_duplicates
from crm.imports.models import ImportBatch
from crm.imports.rows import refuse_wrong, staged
from crm.imports.sql import execute
from crm.imports.staging import table_name
from customers.importing.consents.people import people_named, people_refused
from customers.importing.consents.reading import AnswerReader

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
    rows = list(staged(batch, cursor, CHUNK_ROWS))
    if not rows:
        return None
    told, wrong = AnswerReader(batch, batch.merchant).read_all(rows)
    wrong |= people_named(batch, told)
    told = [one for one in told if one.row not in wrong]
    wrong |= people_refused(batch, told)
    told = [one for one in told if one.row not in wrong]
    refuse_wrong(batch, wrong)
    counts = batch.counts
    counts["entries"] += len(told)
    counts["yes"] += sum(1 for one in told if one.granted)
    counts["no"] += sum(1 for one in told if not one.granted)
    counts["unknown"] += sum(1 for one in told if one.customer_id is None)
    return rows[-1][0]
