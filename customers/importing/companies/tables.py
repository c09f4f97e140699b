"""The working tables of a batch of companies.

`found` has a line for each row that can be imported: `node` is the company that it names (an id here, or less
than nothing for one that the file makes), `company_id` the same once it is written.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import connection
from psycopg2.extras import execute_values

from crm.imports.models import ImportBatch
from crm.imports.rows import names_of
from crm.imports.sql import execute

PARTS = ("rows", "found")


def names(batch: ImportBatch) -> dict[str, str]:
    """The batch's working tables by part, for `.format` of a statement."""
    return names_of(batch, PARTS)


def found_make(batch: ImportBatch) -> None:
    sql = names(batch)
    execute("DROP TABLE IF EXISTS {found}".format(**sql))
    execute(
        """
        CREATE UNLOGGED TABLE {found} (
            row bigint, node bigint, external_id text, tax_number text, name text, parent text,
            has_contact boolean, company_id bigint
        )
        """.format(**sql)
    )
    for column in ("row", "external_id", "tax_number", "name"):
        execute(f"CREATE INDEX ON {{found}} ({column})".format(**sql))
    execute("CREATE INDEX ON {rows} (row)".format(**sql))


def found_note(batch: ImportBatch, lines: Iterable[tuple[Any, ...]]) -> None:
    """(row, node, external id, tax number, folded name, parent, has a contact)."""
    table = names(batch)["found"]
    columns = "row, node, external_id, tax_number, name, parent, has_contact"
    with connection.cursor() as cursor:
        execute_values(cursor, f"INSERT INTO {table} ({columns}) VALUES %s", list(lines), page_size=1_000)


def found_written(batch: ImportBatch, companies: dict[int, int]) -> None:
    """Row → the company that it became."""
    execute(
        """
        UPDATE {found} f SET company_id = w.company FROM unnest(%s::bigint[], %s::bigint[]) AS w(row, company)
        WHERE f.row = w.row
        """.format(**names(batch)),
        [list(companies), list(companies.values())],
    )
