"""Custom fields as columns of an imported file: what the customers' importer asks of them.

A column `attributes.<key>`, the field's label or its key is recognised; the cells are text and are read
by the same module as every other way in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from crm.imports.fields import Field, Kind
from customers.fields.values import Reader, clean_attributes
from customers.models import FieldDefinition

PREFIX = "attributes."


def field_targets(definitions: Iterable[FieldDefinition]) -> list[Field]:
    """A target of the mapping for each field, keyed `attributes.<key>`; staged as text. No queries."""
    return [
        Field(
            key=f"{PREFIX}{one.key}",
            label=one.label,
            kind=Kind.TEXT,
            max_chars=5_000,
            synonyms=(f"{PREFIX}{one.key}", one.label, one.key),
            help=one.help,
        )
        for one in definitions
    ]


def cells_read(
    definitions: Iterable[FieldDefinition], cells: Mapping[str, Any], reader: Reader
) -> tuple[dict[str, Any], dict[str, str]]:
    """(key → normal form, target → what is wrong) of one row's cells by target; empty cells change nothing.

    Give the same `reader` for every row of a chunk: it looks a colleague or company up once.
    """
    sent = {name[len(PREFIX) :]: cell for name, cell in cells.items() if name.startswith(PREFIX)}
    filled = {key: cell for key, cell in sent.items() if cell not in (None, "")}
    values, faults = clean_attributes(definitions, filled, reader)
    return values, {f"{PREFIX}{key}": text for key, text in faults.items()}
