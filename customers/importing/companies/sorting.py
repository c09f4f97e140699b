"""The dry run: every row is read as it will be written, matched, hung into the tree, refused or counted.
Writes the batch's own tables only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from django.utils.translation import gettext as _

from crm.imports.duplicates import mark_duplicates
from crm.imports.models import ImportBatch
from crm.imports.rows import Refuse, Wrong, refuse_wrong, staged
from crm.imports.sql import execute, fetch, fetch_one
from customers.identities import Kind, erased_owners
from customers.importing.companies.matching import (
    add_of_file,
    add_parents_of_file,
    known_here,
    parents_here,
)
from customers.importing.companies.reading import CompanyReader, CompanyTold
from customers.importing.companies.tables import found_make, found_note, names
from customers.importing.companies.tree import Tree
from customers.models import Company
from customers.recognising import keys_known

CHUNK_ROWS = 1_000
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


def prepare_chunk(batch: ImportBatch, cursor: int) -> int | None:
    """Marks exact repetitions and makes the table of what was found."""
    if cursor:
        return None
    mark_duplicates(batch)
    found_make(batch)
    batch.counts["entries"] = 0
    return 1


def rows_chunk(batch: ImportBatch, cursor: int) -> int | None:
    """Reads and matches the next rows; refuses those that can't be."""
    rows = list(staged(batch, cursor, CHUNK_ROWS))
    if not rows:
        return None
    told, wrong = CompanyReader(batch, batch.merchant).read_all(rows)
    wrong |= erased_contacts(batch, told)
    told = [one for one in told if one.row not in wrong]
    known = known_here(told)
    add_of_file(known, batch, told)
    lines = []
    for one in told:
        try:
            node = known.match(one) or -one.row
        except Refuse as refused:
            wrong[one.row] = refused.wrong
            continue
        known.add_told(one, node)
        keys = (one.external_id, one.tax_number, one.folded)
        lines.append((one.row, node, *keys, one.parent, one.contact is not None))
    refuse_wrong(batch, wrong)
    found_note(batch, lines)
    batch.counts["entries"] += len(lines)
    return rows[-1][0]


def erased_contacts(batch: ImportBatch, told: Sequence[CompanyTold]) -> dict[int, Wrong]:
    """Row → why, where its contact was erased: a file brings nobody back."""
    keys = {key for one in told if one.contact for key in one.contact.keys if key.kind != Kind.PHONE}
    known = keys_known(batch.merchant, keys)
    erased = erased_owners([key for key in keys if key not in known], at=BEGINNING)
    wrong = Wrong("contact_email", "erased", _("this person was erased; a file doesn't bring them back"))
    return {one.row: wrong for one in told if one.contact and any(key in erased for key in one.contact.keys)}


def tree_chunk(batch: ImportBatch, cursor: int) -> int | None:
    """Who stands below whom: refuses rows whose parent is nowhere, is several, or would make a ring."""
    if cursor:
        return None
    sql = names(batch)
    rows = fetch("SELECT row, node, parent FROM {found} WHERE parent <> '' ORDER BY row".format(**sql))
    texts = sorted({parent for _row, _node, parent in rows})
    known = parents_here(texts)
    add_parents_of_file(known, batch, texts)
    hung = Company.objects.filter(parent__isnull=False).values_list("pk", "parent_id")
    tree = Tree(dict(hung), known.parent, batch.options.get("known", "fill"))
    makers: dict[int, set[int]] = {}
    for row, node in fetch("SELECT row, node FROM {found} WHERE node < 0".format(**sql)):
        makers.setdefault(node, set()).add(row)
    wrong = tree.refusals(rows, makers)
    refuse_wrong(batch, wrong)
    execute("DELETE FROM {found} WHERE row = ANY(%s)".format(**sql), [list(wrong)])
    batch.counts["entries"] -= len(wrong)
    count(batch)
    return 1


def count(batch: ImportBatch) -> None:
    """What the file holds."""
    sql = names(batch)
    (companies, known, contacts, below) = fetch_one(
        """
        SELECT count(DISTINCT node), count(DISTINCT node) FILTER (WHERE node > 0),
               count(*) FILTER (WHERE has_contact), count(DISTINCT node) FILTER (WHERE parent <> '')
        FROM {found}
        """.format(**sql)
    )
    batch.counts |= {
        "companies": companies,
        "known": known,
        "new": companies - known,
        "contacts_told": contacts,
        "below": below,
    }
