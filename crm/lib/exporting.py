"""Rows to a file that opens in a spreadsheet and does nothing there: CSV streamed, XLSX by a temporary file.

Who may export and the audit event are crm/accounts/exports.py's business.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import xlsxwriter
from django.db.models import Choices
from django.http import FileResponse, HttpResponseBase, StreamingHttpResponse
from django.utils import timezone, translation
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from crm.lib.errors import Rejected

FORMATS = ("csv", "xlsx")
# A cell that starts so is a formula to Excel, LibreOffice and Google Sheets (OWASP, CSV injection).
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
XLSX_MAX_ROWS = 1_048_575  # the sheet's 2^20 rows without the header
CSV_CHUNK_ROWS = 500
Row = Sequence[Any]


def plain(value: Any) -> Any:
    """The value as a cell: figures stay figures, instants become local time, the rest text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, int | float | Decimal):
        return value
    if isinstance(value, datetime):
        local = timezone.localtime(value) if timezone.is_aware(value) else value
        return local.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, list | tuple):
        return ", ".join(str(plain(one)) for one in value)
    return str(value.label if isinstance(value, Choices) else value)


def harmless(value: Any) -> Any:
    """Text that a spreadsheet would run as a formula gets an apostrophe before it."""
    cell = plain(value)
    if isinstance(cell, str) and cell.startswith(FORMULA_STARTS):
        return f"'{cell}"
    return cell


def export_response(
    *, name: str, columns: Sequence[str | Promise], rows: Iterable[Row], format: str
) -> HttpResponseBase:
    """A download of `<name>.<format>`. `rows` is read lazily, possibly after the view has returned, so it
    must not need the merchant's scope: build its queryset before. Raises Rejected for another format."""
    if format not in FORMATS:
        raise Rejected(_("Choose CSV or XLSX."), code="bad_format")
    heads = [str(column) for column in columns]
    if format == "xlsx":
        return _xlsx(name, heads, rows)
    response = StreamingHttpResponse(
        _csv(heads, rows, translation.get_language(), timezone.get_current_timezone()),
        content_type="text/csv; charset=utf-8",
    )
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    response["X-Accel-Buffering"] = "no"
    return response


class _Echo:
    """A file that hands back what is written to it."""

    def write(self, text: str) -> str:
        return text


def _csv(heads: Row, rows: Iterable[Row], language: str | None, zone: Any) -> Iterator[bytes]:
    """UTF-8 with a byte order mark: without it Excel reads Chinese as Latin-1."""
    writer = csv.writer(_Echo())
    with translation.override(language), timezone.override(zone):
        chunk = ["\ufeff", writer.writerow(heads)]
        for row in rows:
            chunk.append(writer.writerow([harmless(value) for value in row]))
            if len(chunk) >= CSV_CHUNK_ROWS:
                yield "".join(chunk).encode()
                chunk = []
        yield "".join(chunk).encode()


def _xlsx(name: str, heads: Row, rows: Iterable[Row]) -> FileResponse:
    """Text is written as text, never as a formula, so nothing needs quoting."""
    file = tempfile.TemporaryFile(suffix=".xlsx")  # noqa: SIM115  FileResponse closes it
    book = xlsxwriter.Workbook(file, {"constant_memory": True, "strings_to_formulas": False})
    sheet = book.add_worksheet()
    sheet.freeze_panes(1, 0)
    bold = book.add_format({"bold": True})
    for column, head in enumerate(heads):
        sheet.write_string(0, column, head, bold)
    for number, row in enumerate(rows, start=1):
        if number > XLSX_MAX_ROWS:
            raise Rejected(_("These are more rows than a sheet holds. Take CSV."), code="too_many_rows")
        for column, value in enumerate(row):
            cell = plain(value)
            if isinstance(cell, str):
                sheet.write_string(number, column, cell[:32_767])  # the most that a cell holds
            else:
                sheet.write_number(number, column, cell)
    book.close()
    file.seek(0)
    return FileResponse(file, as_attachment=True, filename=f"{name}.xlsx")
