"""Parquet, by Arrow, one small batch at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from django.utils.translation import gettext as _

from .base import (
    BATCH_ROWS,
    BrokenRow,
    Cell,
    Limits,
    RowBatch,
    UnreadableFile,
    clean_columns,
    long_cell,
    refuse_too_many_rows,
)

# A column of one row group, unpacked. Writers make them 1 to 128 MB; a tiny file that declares more is a
# bomb.
MAX_CHUNK_BYTES = 256 * 1024 * 1024
# Unpacked bytes that a file may have for each of its own bytes, past the first 64 MB. Repetitive shop data
# reaches 30 to 60.
MAX_RATIO = 200
SMALL_BYTES = 64 * 1024 * 1024


class ParquetTable:
    """A Parquet file. Opening reads its footer only; rows are numbered from 1, for it has no header row."""

    format = "parquet"

    def __init__(self, path: Path, limits: Limits) -> None:
        self.path = path
        self.limits = limits
        with self._open() as file:
            self._refuse_bombs(file)
            schema = file.schema_arrow
            self.columns = clean_columns(schema.names, limits)
            nested = [field.name for field in schema if pa.types.is_nested(field.type)]
            if nested:
                raise UnreadableFile(
                    _("Column “%(column)s” holds lists or records inside cells; a flat table is needed.")
                    % {"column": nested[0]}
                )
            self.row_count: int | None = file.metadata.num_rows
        self.detected = {"encoding": "Parquet"}
        if not self.row_count:
            raise UnreadableFile(_("The file has columns but no rows."))
        refuse_too_many_rows(self.row_count, limits, header_rows=0)

    def batches(self, batch_rows: int = BATCH_ROWS) -> Iterator[RowBatch]:
        total = max(self.row_count or 1, 1)
        done = 0
        with self._open() as file:
            try:
                for batch in file.iter_batches(batch_size=batch_rows, use_threads=False):
                    first = done + 1
                    done += batch.num_rows
                    yield self._batch(batch, first, done / total)
            except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
                raise UnreadableFile(
                    _("The Parquet file is damaged after row %(row)s: %(error)s")
                    % {"row": f"{done:,}", "error": str(error)[:200]}
                ) from error

    def _open(self) -> pq.ParquetFile:
        try:
            schema = pq.read_schema(self.path)
            texts = [field.name for field in schema if _is_text(field.type)]
            return pq.ParquetFile(self.path, buffer_size=1 << 20, pre_buffer=False, read_dictionary=texts)
        except (pa.ArrowException, OSError) as error:
            raise UnreadableFile(
                _("This is not a Parquet file, or it was cut off: %(error)s") % {"error": str(error)[:200]}
            ) from error

    def _refuse_bombs(self, file: pq.ParquetFile) -> None:
        metadata = file.metadata
        if metadata.num_columns > self.limits.max_columns:
            raise UnreadableFile(
                _("The file has %(found)s columns; at most %(limit)s can be read.")
                % {"found": f"{metadata.num_columns:,}", "limit": self.limits.max_columns}
            )
        unpacked = 0
        for group in range(metadata.num_row_groups):
            row_group = metadata.row_group(group)
            for column in range(row_group.num_columns):
                size = row_group.column(column).total_uncompressed_size
                unpacked += size
                if size > MAX_CHUNK_BYTES:
                    raise UnreadableFile(
                        _("Column %(column)s unpacks to more than 256 MB at once. Write smaller row groups.")
                        % {"column": row_group.column(column).path_in_schema}
                    )
        if unpacked > SMALL_BYTES + MAX_RATIO * self.path.stat().st_size:
            raise UnreadableFile(_("The file unpacks to far more than it should: it is refused as a trap."))

    def _batch(self, batch: pa.RecordBatch, first_row: int, position: float) -> RowBatch:
        rows = list(range(first_row, first_row + batch.num_rows))
        cells: list[list[Cell]] = []
        broken: dict[int, BrokenRow] = {}
        for name, column in zip(self.columns, batch.columns, strict=True):
            values, too_long = self._values(column)
            for i in too_long:
                broken.setdefault(i, long_cell(rows[i], name, len(values[i]), self.limits, [values[i]]))
            cells.append(values)
        if broken:
            keep = [i for i in range(len(rows)) if i not in broken]
            rows = [rows[i] for i in keep]
            cells = [[column[i] for i in keep] for column in cells]
        return RowBatch(rows, list(cells), position, list(broken.values()))

    def _values(self, column: pa.Array) -> tuple[list[Cell], list[int]]:
        """The cells as Python values, and the places of those that are too long.

        Text arrives as a dictionary (asked for in `_open`), so that a long text which a bomb repeats in every
        row stands in memory once.
        """
        if not pa.types.is_dictionary(column.type):
            return column.to_pylist(), []
        words = [_text(word) for word in column.dictionary.to_pylist()]
        long = {
            i
            for i, word in enumerate(words)
            if isinstance(word, str) and len(word) > self.limits.max_cell_chars
        }
        indices = column.indices.to_pylist()
        values = [None if i is None else words[i] for i in indices]
        return values, [place for place, i in enumerate(indices) if i in long] if long else []


def _is_text(kind: pa.DataType) -> bool:
    types = pa.types
    return bool(
        types.is_string(kind)
        or types.is_large_string(kind)
        or types.is_binary(kind)
        or types.is_large_binary(kind)
    )


def _text(word: Cell) -> Cell:
    return word.decode("utf-8", errors="replace") if isinstance(word, bytes) else word
