"""What an importer asks of a file: its fields, their kinds and the headers by which they are recognised."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from django.utils.functional import Promise

Text = str | Promise


class Kind(StrEnum):
    """How a cell is read and in which column type it is staged."""

    TEXT = "text"
    REFERENCE = "reference"  # an identifier: 13085.0 of a spreadsheet is 13085
    INTEGER = "integer"
    MONEY = "money"
    INSTANT = "instant"
    DATE = "date"
    FLAG = "flag"  # yes or no
    EMAIL = "email"
    CURRENCY = "currency"


SQL_TYPES = {
    Kind.TEXT: "text",
    Kind.REFERENCE: "text",
    Kind.INTEGER: "bigint",
    Kind.MONEY: "numeric(19,4)",
    Kind.INSTANT: "timestamptz",
    Kind.DATE: "date",
    Kind.FLAG: "boolean",
    Kind.EMAIL: "text",
    Kind.CURRENCY: "text",
}


@dataclass(frozen=True)
class Field:
    """One thing that a file may tell. `max_chars` is what the database column holds; longer text is refused.

    `synonyms` are headers in any language, compared without case, spaces and punctuation. `vague` ones may
    mean other things as well ("name", "status"): they are asked last, after every field took its clear
    header, and only count when the values fit.
    """

    key: str
    label: Text
    kind: Kind
    required: bool = False
    max_chars: int = 300
    synonyms: tuple[str, ...] = ()
    vague: tuple[str, ...] = ()
    help: Text = ""


@dataclass(frozen=True)
class Preset:
    """A known kind of file: exact headers, and how its contents are meant.

    `columns` maps a field's key to the header; `options` are the importer's own words (see its docs) and the
    common ones: time_zone, date_order, decimal_sign, currency.
    """

    key: str
    label: Text
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    options: Mapping[str, str] = field(default_factory=dict)

    def match(self, header: list[str]) -> dict[str, str]:
        """field → column for the headers that are there."""
        known = {name.casefold(): name for name in header}
        mapping = {}
        for key, names in self.columns.items():
            found = next((known[name.casefold()] for name in names if name.casefold() in known), None)
            if found:
                mapping[key] = found
        return mapping
