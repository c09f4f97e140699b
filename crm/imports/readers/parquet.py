"""Parquet, by DuckDB inside a fixed memory limit, one small batch at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

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
)

if TYPE_CHECKING:
    import duckdb

# What unpacking may take. Row groups of usual writers need a tenth of it; a bomb hits the limit and is
# refused.
MEMORY_LIMIT = "96MB"
# A figure, a date: what a cell that is no text may take.
PLAIN_CHARS = 32


class ParquetTable:
    """A Parquet file. Opening reads its footer and measures its texts; rows are numbered from 1, as it has no
    header row. DuckDB is loaded only here: it costs 40 MB that other requests should not carry."""

    format = "parquet"

    def __init__(self, path: Path, limits: Limits) -> None:
        self.path = path
        self.limits = limits
        with self._open() as database:
            described = database.execute("DESCRIBE SELECT * FROM read_parquet(?)", [str(path)]).fetchall()
            names = [row[0] for row in described]
            self.columns = clean_columns(names, limits)
            self._kinds = [str(row[1]) for row in described]
            self._names = [f'"{name.replace(chr(34), chr(34) * 2)}"' for name in names]
            self._refuse_nested()
            count = database.execute("SELECT count(*) FROM read_parquet(?)", [str(path)]).fetchone()
            self.row_count: int | None = int(count[0]) if count else 0
            if not self.row_count:
                raise UnreadableFile(_("The file has columns but no rows."))
            refuse_too_many_rows(self.row_count, limits, header_rows=0)
            self._longest = self._measure(database)
        self.detected = {"encoding": "Parquet"}

    def batches(self, batch_rows: int = BATCH_ROWS) -> Iterator[RowBatch]:
        """Raises UnreadableFile where the file is damaged."""
        total = max(self.row_count or 1, 1)
        row_chars = sum(min(longest, self.limits.max_cell_chars + 1) for longest in self._longest)
        size = max(1, min(batch_rows, BATCH_CHARS // max(row_chars, 1)))
        done = 0
        with self._open() as database:
            # One character more than may be, so that a longer text is seen to be longer and costs no more.
            wanted = [
                f"left({name}, {self.limits.max_cell_chars + 1})"
                if longest > self.limits.max_cell_chars
                else name
                for name, longest in zip(self._names, self._longest, strict=True)
            ]
            result = database.execute(f"SELECT {', '.join(wanted)} FROM read_parquet(?)", [str(self.path)])
            while rows := result.fetchmany(size):
                first = done + 1
                done += len(rows)
                yield self._batch(rows, first, done / total)

    @contextmanager
    def _open(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A database in memory that touches no other file and loads no extension; its errors in our words."""
        import duckdb

        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": MEMORY_LIMIT,
            "threads": 1,
            "temp_directory": "",
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_persistent_secrets": False,
        }
        database = duckdb.connect(":memory:", config=config)
        try:
            yield database
        except duckdb.OutOfMemoryException as error:
            raise UnreadableFile(
                _("The file unpacks to more than fits: it is refused as a trap. Write smaller row groups.")
            ) from error
        except (duckdb.Error, UnicodeDecodeError) as error:
            raise UnreadableFile(
                _("This is not a Parquet file, or it is damaged: %(error)s")
                % {"error": str(error).splitlines()[0][:200]}
            ) from error
        finally:
            database.close()

    def _refuse_nested(self) -> None:
        for column, kind in zip(self.columns, self._kinds, strict=True):
            if kind.endswith("]") or kind.startswith(("STRUCT", "MAP", "UNION", "VARIANT")):
                raise UnreadableFile(
                    _("Column “%(column)s” holds lists or records inside cells; a flat table is needed.")
                    % {"column": column}
                )

    def _measure(self, database: duckdb.DuckDBPyConnection) -> list[int]:
        """The longest text of each column. A tiny file can repeat a huge text in every row (its dictionary
        holds it once), so batches are sized by this before any row is made."""
        pairs = zip(self._names, self._kinds, strict=True)
        texts = [(name, kind) for name, kind in pairs if kind in ("VARCHAR", "BLOB")]
        longest = dict.fromkeys(self._names, PLAIN_CHARS)
        if texts:
            wanted = ", ".join(
                f"coalesce(max({'octet_length' if kind == 'BLOB' else 'strlen'}({name})), 0)"
                for name, kind in texts
            )
            found = database.execute(f"SELECT {wanted} FROM read_parquet(?)", [str(self.path)]).fetchone()
            longest |= {name: int(size) for (name, _kind), size in zip(texts, found or (), strict=True)}
        return [longest[name] for name in self._names]

    def _batch(self, records: list[tuple[Cell, ...]], first_row: int, position: float) -> RowBatch:
        rows = list(range(first_row, first_row + len(records)))
        broken: list[BrokenRow] = []
        if any(longest > self.limits.max_cell_chars for longest in self._longest):
            broken = [
                each for row, cells in zip(rows, records, strict=True) if (each := self._too_long(row, cells))
            ]
            bad = {each.row for each in broken}
            records = [cells for row, cells in zip(rows, records, strict=True) if row not in bad]
            rows = [row for row in rows if row not in bad]
        columns = list(zip(*records, strict=True)) if records else [() for _name in self.columns]
        cells = [
            [value.decode("utf-8", "replace") if isinstance(value, bytes) else value for value in column]
            if kind == "BLOB"
            else column
            for column, kind in zip(columns, self._kinds, strict=True)
        ]
        return RowBatch(rows, list(cells), position, broken)

    def _too_long(self, row: int, cells: tuple[Cell, ...]) -> BrokenRow | None:
        for name, cell in zip(self.columns, cells, strict=True):
            if isinstance(cell, str | bytes) and len(cell) > self.limits.max_cell_chars:
                return long_cell(row, name, len(cell), self.limits, cells)
        return None
