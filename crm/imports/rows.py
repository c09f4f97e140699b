"""Staged rows as importers read them one by one: in the file's order, each either understood or refused with
its row and column."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from .models import ImportBatch
from .readers import BrokenRow
from .sql import execute, fetch
from .staging import save_refused, table_name


@dataclass(frozen=True)
class Wrong:
    """Why a row is refused; `key` is the field that it stands in, "" for the whole row."""

    key: str
    code: str
    message: str


class Refuse(Exception):
    """Raised while a row is read; becomes its `Wrong`."""

    def __init__(self, key: str, code: str, message: str) -> None:
        super().__init__(message)
        self.wrong = Wrong(key, code, message)


def names_of(batch: ImportBatch, parts: Iterable[str]) -> dict[str, str]:
    """The batch's working tables by part, for `.format` of a statement."""
    return {part: table_name(batch, part) for part in parts}


def row_count(batch: ImportBatch) -> int:
    return max(int(batch.counts.get("lines", 1)), 1)


def once(_batch: ImportBatch) -> int:
    """The size of a step that is done in one go."""
    return 1


def staged(batch: ImportBatch, after: int, size: int) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """(row, mapped cells) of the next rows that are neither refused nor repeated, in the file's order."""
    columns = ", ".join(key for key in batch.mapping if batch.mapping[key])
    rows = fetch(
        f"SELECT row, {columns} FROM {table_name(batch)} WHERE row > %s AND NOT bad AND NOT duplicate"
        " ORDER BY row LIMIT %s",
        [after, size],
    )
    for row, *cells in rows:
        yield row, tuple(cells)


def refusal(batch: ImportBatch, row: int, wrong: Wrong) -> BrokenRow:
    """The row with its reason, in words that name row and column."""
    column = batch.mapping.get(wrong.key, "")
    if column:
        text = _("Row %(row)s, column “%(column)s”: %(what)s.")
        message = text % {"row": row, "column": column, "what": wrong.message.rstrip(".。")}
    else:
        message = _("Row %(row)s: %(what)s") % {"row": row, "what": wrong.message}
    return BrokenRow(row, column, wrong.code, message, _as_read(batch, row))


def _as_read(batch: ImportBatch, row: int) -> tuple[str, ...]:
    """The row's mapped cells in the places of the file's columns; the download reads the file itself."""
    mapped = {column: key for key, column in batch.mapping.items() if column}
    keys = [mapped[column] for column in batch.columns if column in mapped]
    cells = fetch(f"SELECT {', '.join(keys)} FROM {table_name(batch)} WHERE row = %s", [row])[0]
    told = dict(zip(keys, cells, strict=True))
    return tuple(_shown(told.get(mapped.get(column, ""))) for column in batch.columns)


def _shown(cell: object) -> str:
    return "" if cell is None else str(cell)


def refuse_wrong(batch: ImportBatch, wrong: Mapping[int, Wrong]) -> None:
    """Row → why: listed in the file's order, and taken out."""
    refuse(batch, [refusal(batch, row, one) for row, one in sorted(wrong.items())])


def refuse(batch: ImportBatch, refused: Sequence[BrokenRow]) -> None:
    """Lists the rows with their reasons and takes them out of what will be written."""
    if not refused:
        return
    save_refused(batch, refused)
    rows = [bad.row for bad in refused]
    execute(f"UPDATE {table_name(batch)} SET bad = true WHERE row = ANY(%s)", [rows])
    batch.counts["refused_rows"] = batch.counts.get("refused_rows", 0) + len(refused)
