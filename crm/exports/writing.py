"""Rows into a file on disk, a few thousand in memory at a time, whatever the size of the list."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from django.utils.translation import gettext as _

from crm.lib.errors import Rejected
from crm.lib.exporting import XLSX_MAX_ROWS, Row, harmless, plain

from .registry import CHUNK, Column

CELL_CHARS = 32_767  # the most that a cell of a sheet holds
AMOUNT_DIGITS, AMOUNT_PLACES = 28, 4


class File(Protocol):
    def append(self, rows: Sequence[Row]) -> None: ...

    def close(self) -> None: ...


def write(
    *, path: Path, format: str, columns: Sequence[Column], rows: Iterable[Row], after: Callable[[int], None]
) -> int:
    """How many rows were written. `after` hears how many there are so far, each 2,000 rows and at the end,
    and may raise to stop. Raises Rejected when a sheet can't hold them all."""
    written = 0
    with closing(FILES[format](path, columns)) as file:
        for chunk in _chunks(rows):
            written += len(chunk)
            if format == "xlsx" and written > XLSX_MAX_ROWS:
                raise Rejected(_("These are more rows than a sheet holds. Take CSV."), code="too_many_rows")
            file.append(chunk)
            after(written)
    return written


def _chunks(rows: Iterable[Row]) -> Iterator[list[Row]]:
    pending = iter(rows)
    while chunk := list(islice(pending, CHUNK)):
        yield chunk


class CsvFile:
    """UTF-8 with a byte order mark: without it Excel reads Chinese as Latin-1."""

    def __init__(self, path: Path, columns: Sequence[Column]) -> None:
        self.file = path.open("w", encoding="utf-8-sig", newline="")
        self.writer = csv.writer(self.file)
        self.writer.writerow([column.name for column in columns])

    def append(self, rows: Sequence[Row]) -> None:
        self.writer.writerows([harmless(value) for value in row] for row in rows)

    def close(self) -> None:
        self.file.close()


class XlsxFile:
    """Text is written as text, never as a formula, so nothing needs quoting."""

    def __init__(self, path: Path, columns: Sequence[Column]) -> None:
        import xlsxwriter

        self.book = xlsxwriter.Workbook(str(path), {"constant_memory": True, "strings_to_formulas": False})
        self.sheet = self.book.add_worksheet()
        self.sheet.freeze_panes(1, 0)
        bold = self.book.add_format({"bold": True})
        for place, column in enumerate(columns):
            self.sheet.write_string(0, place, column.name, bold)
        self.number = 0

    def append(self, rows: Sequence[Row]) -> None:
        for row in rows:
            self.number += 1
            for place, value in enumerate(row):
                cell = plain(value)
                if isinstance(cell, str):
                    self.sheet.write_string(self.number, place, cell[:CELL_CHARS])
                else:
                    self.sheet.write_number(self.number, place, cell)

    def close(self) -> None:
        self.book.close()


class ParquetFile:
    """One row group for each 2,000 rows, typed as the columns say. PyArrow is loaded only here: it costs
    memory that other tasks should not carry."""

    def __init__(self, path: Path, columns: Sequence[Column]) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self.pa = pa
        types = {
            "text": pa.string(),
            "integer": pa.int64(),
            "amount": pa.decimal128(AMOUNT_DIGITS, AMOUNT_PLACES),
            "instant": pa.timestamp("us", tz="UTC"),
            "day": pa.date32(),
            "flag": pa.bool_(),
        }
        self.kinds = [column.kind for column in columns]
        self.schema = pa.schema([(column.name, types[column.kind]) for column in columns])
        self.writer = pq.ParquetWriter(str(path), self.schema, compression="zstd")

    def append(self, rows: Sequence[Row]) -> None:
        arrays = [
            self.pa.array([_typed(row[place], kind) for row in rows], type=self.schema.field(place).type)
            for place, kind in enumerate(self.kinds)
        ]
        self.writer.write_table(self.pa.Table.from_arrays(arrays, schema=self.schema))

    def close(self) -> None:
        self.writer.close()


class VcardFile:
    """Cards one after the other, UTF-8 without a byte order mark (RFC 6350 §3.1)."""

    def __init__(self, path: Path, columns: Sequence[Column]) -> None:
        self.file = path.open("w", encoding="utf-8", newline="")

    def append(self, rows: Sequence[Row]) -> None:
        self.file.writelines(str(card) for (card,) in rows)

    def close(self) -> None:
        self.file.close()


def _typed(value: Any, kind: str) -> Any:
    """NULL stays NULL; amounts get the places that the column has."""
    if value is None:
        return None
    if kind == "amount":
        return Decimal(value).quantize(Decimal(1).scaleb(-AMOUNT_PLACES))
    if kind == "text":
        return str(plain(value))
    if kind in ("instant", "day"):
        assert isinstance(value, datetime | date)
    return value


FILES: dict[str, Callable[[Path, Sequence[Column]], File]] = {
    "csv": CsvFile,
    "xlsx": XlsxFile,
    "parquet": ParquetFile,
    "vcf": VcardFile,
}
