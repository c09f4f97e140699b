"""What every reader promises: uniform batches of rows in bounded memory, and errors that name row and
column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from django.utils.translation import gettext as _

from crm.lib.errors import Rejected

Cell = Any  # str, int, float, Decimal, bool, date, datetime or None; a converter of the mapping decides

# Rows read and handed on at a time: a few MB in Python. Bigger batches are no faster and cost 20 MB more.
BATCH_ROWS = 3_000
# Long texts make a batch shorter: about this many characters are read at a time, whatever the rows hold.
BATCH_CHARS = 4_000_000
# Excel's own limit for the text of one cell.
MAX_CELL_CHARS = 32_767
# More columns than any shop's export has; a "CSV" of ten thousand is a mistake or an attack.
MAX_COLUMNS = 500


class UnreadableFile(Rejected):
    """The file as a whole can't be read: nothing of it was imported. Says what to do about it."""

    code = "unreadable_file"


@dataclass(frozen=True)
class Limits:
    """How much a reader accepts. None means that the file may be of any size."""

    max_bytes: int | None = None
    max_rows: int | None = None
    max_columns: int = MAX_COLUMNS
    max_cell_chars: int = MAX_CELL_CHARS


UPLOAD_LIMITS = Limits(max_bytes=100 * 1024 * 1024, max_rows=1_000_000)
STREAM_LIMITS = Limits()


@dataclass(frozen=True)
class BrokenRow:
    """One row that can't be understood by its shape; the rows around it are fine."""

    row: int
    column: str
    code: str
    message: str
    raw: tuple[str, ...]


@dataclass
class RowBatch:
    """Rows turned on their side: `cells[c][i]` is column c of the row numbered `rows[i]` in the file."""

    rows: list[int]
    cells: list[Sequence[Cell]]
    # How far into the file we are, 0 to 1.
    position: float
    broken: list[BrokenRow] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.rows)


class Table(Protocol):
    """An opened file: its columns are known, its rows are streamed once per call of `batches`."""

    format: str
    columns: list[str]
    # What was detected, for the page to show: encoding, delimiter, sheet …
    detected: dict[str, str]
    # None where only reading the whole file would tell.
    row_count: int | None

    def batches(self, batch_rows: int = BATCH_ROWS) -> Iterator[RowBatch]: ...


def clean_columns(names: Sequence[Cell], limits: Limits) -> list[str]:
    """The header as unique, trimmed names. Raises UnreadableFile for a header that can't name the columns."""
    while names and (names[-1] is None or not str(names[-1]).strip()):
        names = names[:-1]
    if not names:
        raise UnreadableFile(_("The file has no header: its first row must name the columns."))
    if len(names) > limits.max_columns:
        raise UnreadableFile(
            _("The file has %(found)s columns; at most %(limit)s can be read. Is the right separator used?")
            % {"found": f"{len(names):,}", "limit": limits.max_columns}
        )
    seen: dict[str, int] = {}
    columns = []
    for position, value in enumerate(names, start=1):
        name = " ".join(str(value).split()) if value is not None else ""
        name = name[:120] or _("Column %(number)s") % {"number": position}
        seen[name] = seen.get(name, 0) + 1
        columns.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return columns


def refuse_too_many_rows(row: int, limits: Limits, header_rows: int = 1) -> None:
    if limits.max_rows is not None and row - header_rows > limits.max_rows:
        raise UnreadableFile(
            _(
                "The file has more than %(limit)s rows. Split it, or use the import_orders command, "
                "which has no limit."
            )
            % {"limit": f"{limits.max_rows:,}"}
        )


def long_cell(row: int, column: str, length: int, limits: Limits, raw: Sequence[Cell]) -> BrokenRow:
    message = _(
        "Row %(row)s, column “%(column)s”: the cell holds %(length)s characters; at most %(limit)s fit."
    ) % {
        "row": row,
        "column": column,
        "length": f"{length:,}",
        "limit": f"{limits.max_cell_chars:,}",
    }
    return BrokenRow(row, column, "cell_too_long", message, short_raw(raw))


def short_raw(cells: Sequence[Cell], limit: int = 500) -> tuple[str, ...]:
    """The row as text for the list of refused rows; a monstrous cell is cut."""
    texts = ("" if cell is None else str(cell) for cell in cells[:MAX_COLUMNS])
    return tuple(text if len(text) <= limit else text[:limit] + "…" for text in texts)
