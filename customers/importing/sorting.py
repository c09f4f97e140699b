"""The dry run: every row is read as it will be written, refused or counted. Writes the batch's own tables
only."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from django.db import connection
from django.utils.translation import gettext as _

from crm.imports.duplicates import mark_duplicates
from crm.imports.models import ImportBatch
from crm.imports.readers import BrokenRow
from crm.imports.rows import Wrong, refusal, refuse, staged
from crm.imports.sql import execute, fetch, fetch_one
from customers.importing.reading import Entry, RowReader
from customers.importing.tables import names
from customers.models import Customer, Identity

CHUNK_ROWS = 5_000
CUSTOMER, IDENTITY = Customer._meta.db_table, Identity._meta.db_table


def prepare_chunk(batch: ImportBatch, cursor: int) -> int | None:
    """Marks exact repetitions and makes the table of what was found."""
    if cursor:
        return None
    execute("SET LOCAL work_mem = '64MB'")
    mark_duplicates(batch)
    sql = names(batch)
    execute("DROP TABLE IF EXISTS {found}".format(**sql))
    execute(
        """
        CREATE UNLOGGED TABLE {found} (row bigint, number bigint, email text, phone text, customer_id bigint)
        """.format(**sql)
    )
    execute("CREATE INDEX ON {rows} (row)".format(**sql))
    batch.counts |= dict.fromkeys(("entries", "mail_yes", "mail_no", "sms_yes", "sms_no", "addresses"), 0)
    return 1


def rows_chunk(batch: ImportBatch, cursor: int) -> int | None:
    """Reads the next rows; refuses those that can't be."""
    reader = RowReader(batch, batch.merchant)
    rows = list(staged(batch, cursor, CHUNK_ROWS))
    if not rows:
        return None
    entries: list[Entry] = []
    refused: list[BrokenRow] = []
    for row, cells in rows:
        read = reader.read(row, cells)
        if isinstance(read, Wrong):
            refused.append(refusal(batch, row, read))
        else:
            entries.append(read)
    refuse(batch, refused)
    _note(batch, entries)
    _count(batch, entries)
    return rows[-1][0]


def _note(batch: ImportBatch, entries: Sequence[Entry]) -> None:
    buffer = io.StringIO()
    lines = ((one.row, one.number, one.email or None, one.phone or None) for one in entries)
    csv.writer(buffer, lineterminator="\n").writerows(lines)
    buffer.seek(0)
    with connection.cursor() as cursor:
        table = names(batch)["found"]
        cursor.copy_expert(f"COPY {table} (row, number, email, phone) FROM STDIN (FORMAT csv)", buffer)


def _count(batch: ImportBatch, entries: Sequence[Entry]) -> None:
    counts = batch.counts
    counts["entries"] += len(entries)
    counts["addresses"] += sum(1 for one in entries if one.address)
    for channel, name in (("email", "mail"), ("sms", "sms")):
        said = [allowed for one in entries for way, allowed in one.answers.items() if way == channel]
        counts[f"{name}_yes"] += said.count(True)
        counts[f"{name}_no"] += said.count(False)


def match_chunk(batch: ImportBatch, cursor: int) -> int | None:
    """Who of them is known already; numbers that nobody has are refused."""
    if cursor:
        return None
    sql = names(batch) | {"identity": IDENTITY, "customer": CUSTOMER}
    execute("CREATE INDEX ON {found} (email)".format(**sql))
    execute("ANALYZE {found}".format(**sql))
    values = [batch.merchant_id]
    execute(
        """
        UPDATE {found} f SET customer_id = i.customer_id FROM {identity} i
        WHERE f.email IS NOT NULL AND i.merchant_id = %s::bigint AND i.kind = 'email' AND i.scope = ''
              AND i.value = f.email
        """.format(**sql),
        values,
    )
    execute(
        """
        UPDATE {found} f SET customer_id = i.customer_id FROM {identity} i
        WHERE f.customer_id IS NULL AND f.email IS NULL AND i.merchant_id = %s::bigint AND i.kind = 'phone'
              AND i.scope = '' AND i.value = f.phone
        """.format(**sql),
        values,
    )
    _numbers(batch, sql)
    (known, people) = fetch_one(
        """
        SELECT count(DISTINCT customer_id),
               count(DISTINCT coalesce(customer_id::text, email, phone)) FROM {found}
        """.format(**sql)
    )
    batch.counts |= {"known": known, "people": people, "new": people - known}
    return 1


def _numbers(batch: ImportBatch, sql: dict[str, str]) -> None:
    """By number a row names one of our own: the number must be somebody's, and the e-mail nobody else's."""
    rows = fetch(
        """
        SELECT f.row, f.number, f.customer_id, coalesce(c.merged_into_id, c.id) FROM {found} f
        LEFT JOIN {customer} c ON c.merchant_id = %s::bigint AND c.id = f.number AND c.erased_at IS NULL
        WHERE f.number IS NOT NULL AND (c.id IS NULL OR f.customer_id <> coalesce(c.merged_into_id, c.id))
        ORDER BY f.row
        """.format(**sql),
        [batch.merchant_id],
    )
    refused = []
    for row, number, by_email, by_number in rows:
        if by_number is None:
            wrong = Wrong("number", "number", _("no customer has the number %(number)s") % {"number": number})
        else:
            text = _("the number is customer %(one)s, the e-mail address customer %(other)s")
            wrong = Wrong("number", "two_customers", text % {"one": by_number, "other": by_email})
        refused.append(refusal(batch, row, wrong))
    refuse(batch, refused)
    execute("DELETE FROM {found} WHERE row = ANY(%s)".format(**sql), [[bad.row for bad in refused]])
    execute(
        """
        UPDATE {found} f SET customer_id = coalesce(c.merged_into_id, c.id) FROM {customer} c
        WHERE c.merchant_id = %s::bigint AND c.id = f.number
        """.format(**sql),
        [batch.merchant_id],
    )
    batch.counts["entries"] -= len(refused)
