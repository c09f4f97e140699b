"""The file as rows in the database: one unlogged table per batch, filled by COPY, dropped when the work is
done.

Unlogged, because it can be read again from the file: a crash of PostgreSQL empties it, which `is_intact`
sees."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Sequence

from django.db import connection
from django.utils.translation import gettext as _

from .converting import Bad, Converted, Converter, converter_for
from .fields import SQL_TYPES, Field
from .files import path_of
from .mapping import reading_of
from .models import ImportBatch, RefusedRow
from .readers import STREAM_LIMITS, BrokenRow, Cell, RowBatch, open_table
from .readers.base import short_raw

# Distinct cells of a column whose reading is remembered; the cells of a shop's export repeat themselves.
REMEMBERED = 100_000


def table_name(batch: ImportBatch, part: str = "rows") -> str:
    """The batch's own working table; the name holds nothing but a number and a word of the code."""
    return f"imports_tmp_{batch.pk}_{part}"


def table_exists(name: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [name])
        return bool(cursor.fetchone()[0])


def is_intact(name: str) -> bool:
    """Whether the table is there and was not emptied by a crash of the database."""
    if not table_exists(name):
        return False
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT EXISTS (SELECT FROM {name})")
        return bool(cursor.fetchone()[0])


def drop_tables(batch: ImportBatch, parts: Iterable[str]) -> None:
    with connection.cursor() as cursor:
        for part in parts:
            cursor.execute(f"DROP TABLE IF EXISTS {table_name(batch, part)}")


class FileStaging:
    """Reads the batch's file into its table, a reader's batch at a time; goes on after `cursor` when resumed.

    The table has `row` (the number in the file), `fp` (a fingerprint of all its cells, for exact duplicates),
    `bad`, and one typed column per field of the importer, NULL where the mapping names none. A refused row is
    staged as `bad` with what could be read of it, so that the rest of its document can be held back too.
    """

    def __init__(self, fields: Sequence[Field], key_field: str) -> None:
        self.fields = fields
        self.key_field = key_field
        self._batches: Iterable[RowBatch] | None = None
        self._at = -1
        self._mapped: list[tuple[Field, int, Converter, dict[Cell, Converted]]] = []
        self._columns: list[str] = []

    def run(self, batch: ImportBatch, cursor: int) -> int | None:
        """Stages the next rows; the number of the last one, or None at the end. Raises UnreadableFile."""
        if self._batches is None or self._at != cursor:
            self._open(batch, cursor)
        rows = next(iter(self._batches or ()), None)
        if rows is None:
            self._batches = None
            return None
        last = max([rows.rows[-1] if rows.rows else 0, *(bad.row for bad in rows.broken)], default=cursor)
        if last > cursor:
            self._stage(batch, rows, cursor)
        self._at = max(last, cursor)
        batch.counts["position"] = round(rows.position, 4)
        return self._at

    def _open(self, batch: ImportBatch, cursor: int) -> None:
        path = path_of(batch)
        table = open_table(path, STREAM_LIMITS)
        self._columns = table.columns
        reading = reading_of(batch)
        places = {name: place for place, name in enumerate(table.columns)}
        self._mapped = [
            (field, places[batch.mapping[field.key]], converter_for(field, reading), {})
            for field in self.fields
            if batch.mapping.get(field.key) in places
        ]
        if cursor == 0:
            RefusedRow.objects.filter(batch=batch).delete()
            batch.counts = {}
            self._create(batch)
        self._batches = iter(table.batches())

    def _create(self, batch: ImportBatch) -> None:
        columns = ", ".join(f"{field.key} {SQL_TYPES[field.kind]}" for field in self.fields)
        name = table_name(batch)
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE IF EXISTS {name}")
            cursor.execute(f"CREATE UNLOGGED TABLE {name} (row bigint, fp uuid, bad boolean, {columns})")

    def _stage(self, batch: ImportBatch, rows: RowBatch, cursor: int) -> None:
        converted, refused = self._convert(rows)
        bad = {each.row for each in refused}
        flags = ["t" if row in bad else "f" for row in rows.rows] if bad else ["f"] * len(rows)
        lines: Iterable[tuple[object, ...]] = zip(
            rows.rows, _fingerprints(rows.cells, len(rows)), flags, *converted, strict=True
        )
        if rows.rows and rows.rows[0] <= cursor:  # resumed in the middle of a reader's batch
            lines = [line for line in lines if isinstance(line[0], int) and line[0] > cursor]
        buffer = io.StringIO()
        writer = csv.writer(buffer, lineterminator="\n")
        writer.writerows(lines)
        broken = [each for each in rows.broken if each.row > cursor]
        writer.writerows(self._broken_line(each) for each in broken)
        buffer.seek(0)
        names = ", ".join(["row", "fp", "bad", *(field.key for field, *_rest in self._mapped)])
        with connection.cursor() as db:
            db.copy_expert(f"COPY {table_name(batch)} ({names}) FROM STDIN (FORMAT csv)", buffer)
        refused = broken + [each for each in refused if each.row > cursor]
        save_refused(batch, refused)
        fresh = sum(1 for row in rows.rows if row > cursor) + len(broken)
        batch.counts["lines"] = batch.counts.get("lines", 0) + fresh
        batch.counts["refused_rows"] = batch.counts.get("refused_rows", 0) + len(refused)

    def _broken_line(self, broken: BrokenRow) -> list[object]:
        """A row of the wrong shape: only its key, if it got that far."""
        line: list[object] = [broken.row, None, "t"]
        for field, place, convert, _known in self._mapped:
            text = broken.raw[place] if field.key == self.key_field and place < len(broken.raw) else None
            value = convert(text)
            line.append(None if isinstance(value, Bad) else value)
        return line

    def _convert(self, rows: RowBatch) -> tuple[list[list[Converted]], list[BrokenRow]]:
        """The mapped columns in COPY's words, refused cells as None, and the refused rows."""
        converted: list[list[Converted]] = []
        refused: dict[int, BrokenRow] = {}
        for field, place, convert, known in self._mapped:
            values, bad = _convert_column(rows.cells[place], convert, known)
            for i, _reason in bad:
                values[i] = None
            if field.key == self.key_field:
                missing = Bad("missing", _("is empty"))
                bad += [(i, missing) for i, value in enumerate(values) if value is None]
            for i, reason in bad:
                if i not in refused:
                    raw = short_raw([column[i] for column in rows.cells])
                    refused[i] = _refusal(rows.rows[i], self._columns[place], reason, raw)
            converted.append(values)
        return converted, list(refused.values())


def _convert_column(
    cells: Sequence[Cell], convert: Converter, known: dict[Cell, Converted]
) -> tuple[list[Converted], list[tuple[int, Bad]]]:
    if len(known) > REMEMBERED:
        known.clear()
    for cell in set(cells).difference(known):
        known[cell] = convert(cell)
    values = [known[cell] for cell in cells]
    bad = [(i, value) for i, value in enumerate(values) if type(value) is Bad]
    return values, bad


def _fingerprints(cells: Sequence[Sequence[Cell]], count: int) -> list[str]:
    """A 128-bit BLAKE2 of each row's cells as text; equal rows have equal ones."""
    if not count:
        return []
    texts = [[str(cell) if cell is not None else "" for cell in column] for column in cells]
    digest = hashlib.blake2b
    return [
        digest("\x1f".join(row).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
        for row in zip(*texts, strict=True)
    ]


def _refusal(row: int, column: str, bad: Bad, raw: tuple[str, ...]) -> BrokenRow:
    message = _("Row %(row)s, column “%(column)s”: %(what)s.") % {
        "row": row,
        "column": column,
        "what": bad.message,
    }
    return BrokenRow(row, column, bad.code, message, raw)


def save_refused(batch: ImportBatch, refused: Iterable[BrokenRow]) -> None:
    """Keeps refused rows for the person to download; zero bytes, which PostgreSQL can't hold, are shown as
    ␀."""
    RefusedRow.objects.bulk_create(
        [
            RefusedRow(
                merchant_id=batch.merchant_id,
                batch=batch,
                row=bad.row,
                column=bad.column[:160],
                code=bad.code,
                message=bad.message.replace("\0", "␀"),
                raw=[cell.replace("\0", "␀") for cell in bad.raw],
            )
            for bad in refused
        ],
        batch_size=1_000,
    )


def file_position(batch: ImportBatch) -> float:
    """How far the file was read, 0 to 1."""
    return float(batch.counts.get("position", 0))


__all__ = [
    "FileStaging",
    "drop_tables",
    "file_position",
    "is_intact",
    "save_refused",
    "table_exists",
    "table_name",
]
