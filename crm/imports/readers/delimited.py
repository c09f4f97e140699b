"""CSV and its cousins: separator, quotes and encoding found out, rows streamed."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from io import StringIO
from itertools import islice
from pathlib import Path
from typing import TextIO

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
from .encoding import detect_encoding

DELIMITERS = (",", ";", "\t", "|")
DELIMITER_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
# Characters of one physical line. Beyond it the line is no row of a table; without a cap one line would be
# read into memory whole, and a file can consist of a single one.
MAX_LINE_CHARS = 4_000_000
BLOCK_CHARS = 1 << 20
SNIFF_ROWS = 50
# Python's csv module gives up on a cell of more than this many characters (its default): the net that
# catches a quote which is opened and never closed.
CSV_FIELD_LIMIT = 131_072


class DelimitedTable:
    """A separated text file. Opening reads it once to prove its encoding, and its first rows."""

    format = "csv"
    row_count: int | None = None

    def __init__(self, path: Path, limits: Limits) -> None:
        self.path = path
        self.limits = limits
        self.encoding = detect_encoding(path)
        self.delimiter = self._sniff_delimiter()
        self.detected = {
            "encoding": self.encoding.upper().removesuffix("-SIG"),
            "delimiter": DELIMITER_NAMES[self.delimiter],
        }
        with self._open() as file:
            self.columns = clean_columns(next(self._records(file), []), limits)

    def batches(self, batch_rows: int = BATCH_ROWS) -> Iterator[RowBatch]:
        """Raises UnreadableFile with row and column where the file stops being a table."""
        size = max(self.path.stat().st_size, 1)
        with self._open() as file:
            records = self._records(file)
            next(records, None)
            row = 2
            while rows := _sized(records, batch_rows):
                refuse_too_many_rows(row + len(rows) - 1, self.limits)
                position = min(file.buffer.tell() / size, 1.0)
                yield self._batch(rows, row, position)
                row += len(rows)

    def _batch(self, records: list[list[str]], first_row: int, position: float) -> RowBatch:
        width = len(self.columns)
        longest = self.limits.max_cell_chars
        rows: list[int] = []
        good: list[list[str]] = []
        broken: list[BrokenRow] = []
        for row, record in enumerate(records, start=first_row):
            if len(record) == width and max(map(len, record)) <= longest:
                if any(record):
                    rows.append(row)
                    good.append(record)
            elif any(cell.strip() for cell in record):
                trouble = self._fit(record, row)
                if isinstance(trouble, BrokenRow):
                    broken.append(trouble)
                else:
                    rows.append(row)
                    good.append(trouble)
        cells: list[tuple[Cell, ...]] = list(zip(*good, strict=True)) if good else [()] * width
        return RowBatch(rows, list(cells), position, broken)

    def _fit(self, record: list[str], row: int) -> list[str] | BrokenRow:
        """The record with empty surplus cells cut off, or why it can't be a row of this table."""
        width = len(self.columns)
        for index, cell in enumerate(record[:width]):
            if len(cell) > self.limits.max_cell_chars:
                return long_cell(row, self.columns[index], len(cell), self.limits, record)
        if len(record) > width and not any(cell.strip() for cell in record[width:]):
            return record[:width]
        if len(record) == width:
            return record
        if len(record) > width:
            message = _(
                "Row %(row)s has %(found)s cells but the header names %(width)s columns: the "
                "surplus begins after "
                "“%(column)s”. Is a separator inside an unquoted text?"
            )
            column = self.columns[-1]
        else:
            message = _(
                "Row %(row)s ends before column “%(column)s”: it has %(found)s of %(width)s cells. "
                "Was the file cut off?"
            )
            column = self.columns[len(record)]
        values = {"row": row, "found": len(record), "width": width, "column": column}
        return BrokenRow(row, column, "wrong_cell_count", message % values, short_raw(record))

    def _open(self) -> TextIO:
        return self.path.open("r", encoding=self.encoding, newline="")

    def _records(self, file: TextIO) -> Iterator[list[str]]:
        """Raises UnreadableFile with the row, and column where it can be told, at which the table breaks
        off."""
        reader = csv.reader(_lines(file), delimiter=self.delimiter)
        row = 0
        try:
            for row, record in enumerate(reader, start=1):  # noqa: B007  # the errors below need it
                yield record
        except csv.Error as error:
            raise UnreadableFile(self._explain(row + 1, error)) from error
        except _LineTooLong as error:
            raise UnreadableFile(
                _(
                    "Row %(row)s, column %(column)s: a line of more than %(limit)s characters is no "
                    "row of a table."
                )
                % {"row": row + 1, "column": self._column_of(error.text), "limit": f"{MAX_LINE_CHARS:,}"}
            ) from error
        except _ZeroByte as error:
            raise UnreadableFile(
                _(
                    "Row %(row)s, column %(column)s holds a zero byte: this is not a text file, or "
                    "it is damaged."
                )
                % {"row": row + 1, "column": self._column_of(error.text)}
            ) from error

    def _explain(self, row: int, error: csv.Error) -> str:
        if "field larger than field limit" not in str(error):
            return _("Row %(row)s can't be read: %(error)s") % {"row": row, "error": error}
        return _(
            "Row %(row)s, column %(column)s: a quotation mark is opened and not closed, or the cell "
            "holds more than "
            "%(limit)s characters."
        ) % {"row": row, "column": self._column_of(self._line_of(row)), "limit": f"{CSV_FIELD_LIMIT:,}"}

    def _line_of(self, row: int) -> str:
        """The physical line on which the record begins; read again, for an error is rare."""
        with self._open() as file:
            reader = csv.reader(_lines(file), delimiter=self.delimiter)
            for _record in islice(reader, row - 1):
                pass
            skip = reader.line_num
        with self._open() as file:
            return next(islice(_lines(file), skip, None), "")

    def _column_of(self, line: str) -> int:
        """The number (1-based) of the column in which the line, or its readable beginning, ends."""
        try:
            record = next(csv.reader([line[: CSV_FIELD_LIMIT // 2]], delimiter=self.delimiter))
        except (csv.Error, StopIteration):
            return 1
        return max(len(record), 1)

    def _sniff_delimiter(self) -> str:
        """The separator that cuts the first rows into the same number of cells, most cells first."""
        with self._open() as file:
            try:
                sample = list(islice(_lines(file), SNIFF_ROWS))
            except _LineError as error:
                sample = [error.text]  # reading on will refuse it, naming the place
        if not any(line.strip() for line in sample):
            raise UnreadableFile(_("The file is empty."))
        best, best_score = ",", (0.0, 0)
        for delimiter in DELIMITERS:
            try:
                widths = [len(record) for record in csv.reader(sample, delimiter=delimiter) if record]
            except csv.Error:
                continue
            if not widths or widths[0] < 2:
                continue
            agreement = sum(1 for width in widths if width == widths[0]) / len(widths)
            score = (round(agreement, 1), widths[0])
            if score > best_score:
                best, best_score = delimiter, score
        return best


def _sized(records: Iterator[list[str]], most: int) -> list[list[str]]:
    """The next records, fewer when they are long."""
    taken, characters = [], 0
    for record in records:
        taken.append(record)
        characters += sum(map(len, record))
        if len(taken) >= most or characters >= BATCH_CHARS:
            break
    return taken


class _LineError(Exception):
    """`text` is the line up to the trouble."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class _LineTooLong(_LineError):
    pass


class _ZeroByte(_LineError):
    pass


def _lines(file: TextIO) -> Iterator[str]:
    """Physical lines, read in blocks of 1 MB, with a cap on a line's length and no zero bytes."""
    rest = ""
    while block := file.read(BLOCK_CHARS):
        has_zero = "\0" in block
        # Not splitlines(): it also cuts at form feeds and Unicode separators inside a cell.
        lines = StringIO(rest + block, newline="").readlines()
        # The last one may go on in the next block; so may a "\r" whose "\n" is still to come.
        rest = lines.pop()
        if len(rest) > MAX_LINE_CHARS:
            raise _LineTooLong(rest)
        for line in lines:
            if has_zero and "\0" in line:
                raise _ZeroByte(line[: line.index("\0")])
            yield line
        if has_zero and "\0" in rest:
            raise _ZeroByte(rest[: rest.index("\0")])
    if rest:
        yield rest
