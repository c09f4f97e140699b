"""XLSX in bounded memory: the sheet is streamed through expat, shared texts wait in a temporary file.

openpyxl keeps every row element and every shared text in memory (about 1 GB for a million rows). Formulas
are never evaluated: the value that the spreadsheet stored is read."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path

from django.utils.translation import gettext as _

from .base import (
    BATCH_CHARS,
    BATCH_ROWS,
    BrokenRow,
    Cell,
    Limits,
    RowBatch,
    UnreadableFile,
    clean_columns,
    long_cell,
    refuse_too_many_rows,
    short_raw,
)
from .xlsx_package import Package, SharedTexts, column_index
from .xml_stream import XmlStream

MAX_ROWS_IN_A_SHEET = 1_048_576


class XlsxTable:
    """The first visible sheet of a workbook. Opening checks the archive, its texts and the header row."""

    format = "xlsx"
    row_count: int | None = None

    def __init__(self, path: Path, limits: Limits) -> None:
        self.path = path
        self.limits = limits
        with Package(path) as package:
            self.sheet = package.first_sheet()
            with package.shared_texts(limits.max_cell_chars) as texts:
                header = next(_rows(package, self.sheet.part, texts, limits), None)
        if header is None:
            raise UnreadableFile(_("The sheet “%(sheet)s” is empty.") % {"sheet": self.sheet.name})
        self.header_row = header[0]
        self.columns = clean_columns(header[1], limits)
        self.detected = {"encoding": "XLSX", "sheet": self.sheet.name}

    def batches(self, batch_rows: int = BATCH_ROWS) -> Iterator[RowBatch]:
        with Package(self.path) as package, package.shared_texts(self.limits.max_cell_chars) as texts:
            rows: list[int] = []
            good: list[list[Cell]] = []
            broken: list[BrokenRow] = []
            characters = 0
            for row, cells, position in _rows(package, self.sheet.part, texts, self.limits):
                if row <= self.header_row or not any(cell is not None for cell in cells):
                    continue
                refuse_too_many_rows(row - self.header_row + 1, self.limits)
                trouble = self._trouble(row, cells)
                if trouble:
                    broken.append(trouble)
                else:
                    rows.append(row)
                    good.append(cells[: len(self.columns)] + [None] * (len(self.columns) - len(cells)))
                characters += sum(len(cell) for cell in cells if isinstance(cell, str))
                if len(rows) + len(broken) >= batch_rows or characters >= BATCH_CHARS:
                    yield self._batch(rows, good, broken, position)
                    rows, good, broken, characters = [], [], [], 0
            if rows or broken:
                yield self._batch(rows, good, broken, 1.0)

    def _batch(
        self, rows: list[int], good: list[list[Cell]], broken: list[BrokenRow], position: float
    ) -> RowBatch:
        columns = list(zip(*good, strict=True)) if good else [() for _name in self.columns]
        return RowBatch(rows, list(columns), position, broken)

    def _trouble(self, row: int, cells: list[Cell]) -> BrokenRow | None:
        width = len(self.columns)
        if any(cell is not None for cell in cells[width:]):
            message = _(
                "Row %(row)s has a cell to the right of “%(column)s”, the last column that the header names."
            )
            column = self.columns[-1]
            return BrokenRow(
                row, column, "wrong_cell_count", message % {"row": row, "column": column}, short_raw(cells)
            )
        for index, cell in enumerate(cells[:width]):
            if isinstance(cell, CellError):
                message = _("Row %(row)s, column “%(column)s”: the cell shows the error %(error)s.")
                values = {"row": row, "column": self.columns[index], "error": cell.text}
                return BrokenRow(row, self.columns[index], "cell_error", message % values, short_raw(cells))
            if isinstance(cell, str) and len(cell) > self.limits.max_cell_chars:
                return long_cell(row, self.columns[index], len(cell), self.limits, cells)
        return None


class CellError:
    """A cell that holds #REF!, #N/A and the like."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        return self.text


def _rows(
    package: Package, part: str, texts: SharedTexts, limits: Limits
) -> Iterator[tuple[int, list[Cell], float]]:
    """(row number, cells, position in the file 0–1) of each row that the sheet has."""
    sheet = _SheetHandler(texts, package.date_styles(), package.uses_1904_dates, limits)
    try:
        with package.open(part) as stream:
            size = max(package.size(part), 1)
            for done in XmlStream(sheet.start, sheet.end, sheet.text).parse(stream):
                for row, cells in sheet.take():
                    yield row, cells, min(done / size, 1.0)
    except zipfile.BadZipFile as error:
        raise UnreadableFile(_("The workbook is damaged after row %(row)s.") % {"row": sheet.row}) from error


class _SheetHandler:
    """Turns the events of a worksheet's XML into rows of cells."""

    def __init__(self, texts: SharedTexts, dates: set[str], mac_dates: bool, limits: Limits) -> None:
        self.texts = texts
        self.dates = dates
        self.epoch = CALENDAR_MAC_1904 if mac_dates else CALENDAR_WINDOWS_1900
        self.limits = limits
        self.row = 0
        self._done: list[tuple[int, list[Cell]]] = []
        self._cells: list[Cell] = []
        self._column = -1
        self._kind = "n"
        self._style = "0"
        self._words: list[str] | None = None
        self._word_chars = 0
        self._value: str | None = None
        self._widest = limits.max_columns * 4  # empty styled cells to the right are common, up to a point

    def take(self) -> list[tuple[int, list[Cell]]]:
        done, self._done = self._done, []
        return done

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if name == "c":
            reference = attributes.get("r")
            self._column = column_index(reference, self.row) if reference else self._column + 1
            if self._column >= self._widest:
                self._refuse_width()
            self._kind = attributes.get("t", "n")
            self._style = attributes.get("s", "0")
            self._value = None
        elif name == "v" or name == "t":
            self._words = []
            self._word_chars = 0
        elif name == "row":
            number = attributes.get("r")
            self.row = int(number) if number and number.isdecimal() else self.row + 1
            if self.row > MAX_ROWS_IN_A_SHEET:
                raise UnreadableFile(_("The sheet counts more rows than a sheet can have."))
            self._cells = []
            self._column = -1

    def text(self, data: str) -> None:
        if self._words is not None:
            self._word_chars += len(data)
            if self._word_chars <= self.limits.max_cell_chars + 1_000:
                self._words.append(data)

    def end(self, name: str) -> None:
        if name == "v" or name == "t":
            words = self._words
            if words is not None:
                text = words[0] if len(words) == 1 else "".join(words)
                self._value = text if self._value is None else self._value + text
                self._words = None
        elif name == "c":
            if self._value is not None:
                self._put(self._read(self._value))
        elif name == "row":
            self._done.append((self.row, self._cells))
            self._cells = []

    def _put(self, value: Cell) -> None:
        cells, column = self._cells, self._column
        if column == len(cells):
            cells.append(value)
        elif column > len(cells):
            cells.extend([None] * (column - len(cells)))
            cells.append(value)
        else:
            cells[column] = value

    def _read(self, value: str) -> Cell:
        """The cell's value by its type; an Excel date as a naive datetime of the shop's clock."""
        kind = self._kind
        try:
            if kind == "s":
                return self.texts.get(int(value)) or None
            if kind == "n":
                return self._number(value)
            if kind == "b":
                return value == "1"
            if kind == "d":
                return datetime.fromisoformat(value)
        except (ValueError, IndexError, OverflowError):
            return CellError(value[:40])
        if kind == "e":
            return CellError(value[:40])
        return value or None

    def _number(self, value: str) -> Cell:
        if not value:
            return None
        number = float(value)
        if self._style in self.dates:
            return _date(number, self.epoch)
        return int(number) if number.is_integer() and abs(number) < 1e15 else number

    def _refuse_width(self) -> None:
        raise UnreadableFile(
            _("Row %(row)s has a cell in column %(column)s; at most %(limit)s columns can be read.")
            % {"row": self.row, "column": f"{self._column + 1:,}", "limit": self.limits.max_columns}
        )


# Day 0 of Excel's two calendars. The Windows one believes that 1900 was a leap year; from March 1900 on, this
# day 0 makes up for it.
CALENDAR_WINDOWS_1900 = datetime(1899, 12, 30)  # noqa: DTZ001 - a spreadsheet's clock has no zone
CALENDAR_MAC_1904 = datetime(1904, 1, 1)  # noqa: DTZ001


@lru_cache(maxsize=50_000)
def _date(number: float, epoch: datetime) -> Cell:
    """The moment to the second: a double can't tell 08:30 from 08:29:59.9999."""
    return epoch + timedelta(seconds=round(number * 86_400))
