"""Guessing which column is which field, and how its dates and numbers are written."""

from __future__ import annotations

import re
import time
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from .converting import Bad, ambiguous_parts, parse_date, to_flag
from .fields import Field, Kind, Preset
from .readers import Cell, Table

# Scanning for the order of dates stops here; it is decided within the first thousand rows of nearly any file.
SCAN_ROWS = 200_000
SCAN_SECONDS = 3.0
SAMPLE_ROWS = 8


@dataclass
class Profile:
    """What looking into the file found.

    `date_orders` is per column: "dmy", "mdy", "mixed", or "ambiguous" when every date reads both ways;
    columns without such dates are left out. `decimal_signs` likewise: ",", ".", or "ambiguous" (only 1,234
    was seen)."""

    sample: list[list[str]] = field(default_factory=list)
    date_orders: dict[str, str] = field(default_factory=dict)
    decimal_signs: dict[str, str] = field(default_factory=dict)
    scanned_rows: int = 0

    def as_json(self) -> dict[str, object]:
        return {
            "sample": self.sample,
            "date_orders": self.date_orders,
            "decimal_signs": self.decimal_signs,
            "scanned_rows": self.scanned_rows,
        }


def profile_table(table: Table) -> Profile:
    """The first rows, and the order of dates and decimals by scanning until it is clear. Raises
    UnreadableFile."""
    profile = Profile()
    scans = [_ColumnScan() for _name in table.columns]
    deadline = time.monotonic() + SCAN_SECONDS
    for batch in table.batches(batch_rows=2_000):
        if not profile.sample:
            profile.sample = _sample(batch.cells)
        for scan, cells in zip(scans, batch.cells, strict=True):
            scan.look(cells)
        profile.scanned_rows += len(batch)
        undecided = any(scan.undecided for scan in scans)
        if not undecided or profile.scanned_rows >= SCAN_ROWS or time.monotonic() > deadline:
            break
    for name, scan in zip(table.columns, scans, strict=True):
        if scan.date_order:
            profile.date_orders[name] = scan.date_order
        if scan.decimal_sign:
            profile.decimal_signs[name] = scan.decimal_sign
    return profile


def _sample(columns: Sequence[Sequence[Cell]]) -> list[list[str]]:
    rows = list(zip(*(cells[:SAMPLE_ROWS] for cells in columns), strict=True))
    return [["" if cell is None else str(cell)[:200] for cell in row] for row in rows]


_COMMA_DECIMAL = re.compile(r"[-+(]?\d{1,3}(?:\.\d{3})*,\d{1,2}\)?|[-+(]?\d+,\d{1,2}\)?|[-+(]?0,\d+\)?")
_POINT_DECIMAL = re.compile(r"[-+(]?(?:\d{1,3}(?:,\d{3})+|\d+)\.\d+\)?")
_GROUPED = re.compile(r"[-+(]?\d{1,3},\d{3}\)?")
_NUMBER_SHAPE = re.compile(r"[-+(]?[$€£¥￥]?\s?\d[\d.,\s]*\)?")


class _ColumnScan:
    """Evidence from one column's texts; distinct values are looked at once."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._day_first = self._month_first = self._either = False
        self._comma = self._point = self._grouped = False

    def look(self, cells: Iterable[Cell]) -> None:
        for cell in cells:
            if (
                not isinstance(cell, str)
                or not cell
                or cell in self._seen
                or not cell[0].isalnum() | (cell[0] in "-+($€£¥￥")
            ):
                continue
            if len(self._seen) < 50_000:
                self._seen.add(cell)
            if not any(character.isdecimal() for character in cell[:3]):
                continue
            parts = ambiguous_parts(cell) if "/" in cell or "-" in cell or "." in cell else None
            if parts:
                self._note_date(*parts)
            elif "," in cell or "." in cell:
                self._note_number(cell.strip("$€£¥￥ 元"))

    def _note_date(self, first: int, second: int) -> None:
        if first > 12 >= second:
            self._day_first = True
        elif second > 12 >= first:
            self._month_first = True
        elif first <= 12 and second <= 12:
            self._either = True

    def _note_number(self, text: str) -> None:
        if _GROUPED.fullmatch(text):
            self._grouped = True
        elif _COMMA_DECIMAL.fullmatch(text):
            self._comma = True
        elif _POINT_DECIMAL.fullmatch(text):
            self._point = True

    @property
    def undecided(self) -> bool:
        return self.date_order == "ambiguous" or self.decimal_sign == "ambiguous"

    @property
    def date_order(self) -> str:
        if self._day_first and self._month_first:
            return "mixed"
        if self._day_first or self._month_first:
            return "dmy" if self._day_first else "mdy"
        return "ambiguous" if self._either else ""

    @property
    def decimal_sign(self) -> str:
        if self._comma != self._point:
            return "," if self._comma else "."
        return "ambiguous" if self._grouped and not self._comma else ""


# ------------------------------------------------------------------------------------------------ mapping
def comparable(header: str) -> str:
    """A header without case, spaces and punctuation: "Order-No." and "order no" are one."""
    text = unicodedata.normalize("NFKC", header).casefold()
    return re.sub(r"[\W_]+", "", text)


def guess_preset(presets: Sequence[Preset], columns: list[str]) -> Preset | None:
    """The preset all of whose columns are in the header, most columns first."""
    fitting = [
        preset for preset in presets if preset.columns and len(preset.match(columns)) == len(preset.columns)
    ]
    return max(fitting, key=lambda preset: len(preset.columns), default=None)


def guess_mapping(fields: Sequence[Field], columns: list[str], sample: list[list[str]]) -> dict[str, str]:
    """field → column, each column once: by clear headers, then by vague ones, then by the values' shape.

    Among fields that share a vague header the first one without a column gets it: "Name" is the order's
    number where nothing else is, else the customer's name, else the product's.
    """
    values = {
        column: [row[position] for row in sample if position < len(row)]
        for position, column in enumerate(columns)
    }
    mapping: dict[str, str] = {}
    names = {comparable(column): column for column in reversed(columns)}
    for wanted in fields:
        for synonym in (wanted.key, str(wanted.label), *wanted.synonyms):
            column = names.get(comparable(synonym))
            if column and column not in mapping.values():
                mapping[wanted.key] = column
                break
    for wanted in fields:
        if wanted.key in mapping:
            continue
        for header in wanted.vague:
            column = names.get(comparable(header))
            if column and column not in mapping.values() and _may_hold(wanted, values[column]):
                mapping[wanted.key] = column
                break
    for wanted in fields:
        tells = wanted.kind == Kind.EMAIL or (wanted.required and wanted.kind != Kind.FLAG)
        if wanted.key in mapping or not tells:  # a yes or no may answer any question
            continue
        for column in columns:
            cells = [cell for cell in values[column] if cell]
            if column not in mapping.values() and cells and all(_has_shape(wanted.kind, v) for v in cells):
                mapping[wanted.key] = column
                break
    return mapping


def _may_hold(wanted: Field, cells: list[str]) -> bool:
    """Whether a column with a vague header can be this field, by its first values; without any it can.

    What every row needs stands in every row: an export that tells an order in several rows repeats its
    number, while other columns are filled in the first row only.
    """
    if wanted.required and cells and not all(cells):
        return False
    filled = [cell for cell in cells if cell]
    match wanted.kind:
        case Kind.REFERENCE:
            return all(any(letter.isdecimal() for letter in cell) for cell in filled)
        case Kind.TEXT:
            return all(any(letter.isalpha() for letter in cell) and "@" not in cell for cell in filled)
        case Kind.MONEY:
            return all(_NUMBER_SHAPE.fullmatch(cell) for cell in filled)
        case _:
            return all(_has_shape(wanted.kind, cell) for cell in filled)


def _has_shape(kind: Kind, value: str) -> bool:
    match kind:
        case Kind.EMAIL:
            return bool(re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", value))
        case Kind.INSTANT | Kind.DATE:
            if value.isdecimal():
                return False
            try:
                return parse_date(value, "dmy") is not None or parse_date(value, "mdy") is not None
            except ValueError:
                return False
        case Kind.FLAG:
            return not isinstance(to_flag(value), Bad)
        case Kind.MONEY:
            return bool(_NUMBER_SHAPE.fullmatch(value)) and ("." in value or "," in value)
        case Kind.INTEGER:
            return value.lstrip("-").isdecimal() and len(value) <= 4
        case _:
            return False
