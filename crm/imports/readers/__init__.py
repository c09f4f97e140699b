"""Files in: CSV, XLSX, Parquet and vCard become the same stream of row batches, whatever their size."""

from __future__ import annotations

from pathlib import Path

from django.utils.translation import gettext as _

from .base import (
    BATCH_ROWS,
    STREAM_LIMITS,
    UPLOAD_LIMITS,
    BrokenRow,
    Cell,
    Limits,
    RowBatch,
    Table,
    UnreadableFile,
)
from .delimited import DelimitedTable
from .parquet import ParquetTable
from .vcard import VcardTable, looks_like_vcard
from .xlsx import XlsxTable

__all__ = [
    "BATCH_ROWS",
    "STREAM_LIMITS",
    "UPLOAD_LIMITS",
    "BrokenRow",
    "Cell",
    "Limits",
    "RowBatch",
    "Table",
    "UnreadableFile",
    "open_table",
]


def open_table(path: Path, limits: Limits = STREAM_LIMITS) -> Table:
    """The table in the file, by what the file is and not by what it is called. Raises UnreadableFile."""
    size = path.stat().st_size
    if size == 0:
        raise UnreadableFile(_("The file is empty."))
    if limits.max_bytes is not None and size > limits.max_bytes:
        raise UnreadableFile(
            _(
                "The file has %(found)s MB; an upload may have %(limit)s MB. The import_orders "
                "command has no limit."
            )
            % {"found": f"{size >> 20:,}", "limit": limits.max_bytes >> 20}
        )
    with path.open("rb") as file:
        start = file.read(64)
        file.seek(max(size - 4, 0))
        tail = file.read(4)
    head = start[:8]
    if head[:4] == b"PAR1":
        if tail != b"PAR1":
            raise UnreadableFile(_("The Parquet file was cut off: its end is missing."))
        return ParquetTable(path, limits)
    if head[:4] == b"PK\x03\x04":
        return XlsxTable(path, limits)
    if looks_like_vcard(start):
        return VcardTable(path, limits)
    _refuse_strangers(head)
    return DelimitedTable(path, limits)


def _refuse_strangers(head: bytes) -> None:
    """Raises UnreadableFile for kinds of file that people mistake for a table."""
    strangers = (
        (b"\xd0\xcf\x11\xe0", _("This is an old Excel workbook (.xls). Save it as .xlsx or CSV.")),
        (b"%PDF", _("This is a PDF. Export the orders as CSV or XLSX.")),
        (b"\x1f\x8b", _("This is a gzip archive. Unpack it first.")),
        (b"7z\xbc\xaf", _("This is a 7z archive. Unpack it first.")),
        (b"Rar!", _("This is a RAR archive. Unpack it first.")),
        (b"\x89PNG", _("This is a picture. Export the orders as CSV or XLSX.")),
        (b"\xff\xd8\xff", _("This is a picture. Export the orders as CSV or XLSX.")),
        (b"SQLite f", _("This is a database. Export the orders as CSV or XLSX.")),
    )
    for magic, message in strangers:
        if head.startswith(magic):
            raise UnreadableFile(message)
    if head.lstrip()[:1] in {b"<", b"{", b"["}:
        raise UnreadableFile(
            _("This is HTML, XML or JSON, whatever its name says. Export the orders as CSV, XLSX or Parquet.")
        )
