"""Files for spreadsheets: readable, complete, and nothing in them runs."""

import csv
import io
from datetime import UTC, datetime
from decimal import Decimal

import openpyxl
import pytest
from django.utils import timezone

from crm.lib.errors import Rejected
from crm.lib.exporting import export_response, harmless

ROWS = [
    ("李晓梅", Decimal("12.50"), -3, datetime(2026, 11, 18, 6, 5, tzinfo=UTC), ["vip", "tea"], True, None),
    ('=HYPERLINK("http://evil")', Decimal("-1"), 0, None, [], False, "line\nbreak"),
]
HEADS = ["name", "net", "orders", "last", "tags", "consent", "note"]


def body(response):
    return b"".join(response.streaming_content)


def test_csv_is_utf8_with_a_mark_and_local_time():
    with timezone.override("Asia/Shanghai"):
        response = export_response(name="customers", columns=HEADS, rows=ROWS, format="csv")
    data = body(response)

    assert data.startswith("\ufeff".encode())
    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))
    assert rows[0] == HEADS
    assert rows[1] == ["李晓梅", "12.50", "-3", "2026-11-18 14:05:00", "vip, tea", "yes", ""]
    assert rows[2][0] == '\'=HYPERLINK("http://evil")'
    assert rows[2][1] == "-1"
    assert response["Content-Disposition"] == 'attachment; filename="customers.csv"'


def test_xlsx_keeps_text_as_text_and_figures_as_figures():
    response = export_response(name="customers", columns=HEADS, rows=ROWS, format="xlsx")
    sheet = openpyxl.load_workbook(io.BytesIO(body(response))).active

    assert [cell.value for cell in sheet[1]] == HEADS
    assert sheet["B2"].value == 12.5
    assert sheet["A3"].value == '=HYPERLINK("http://evil")'
    assert sheet["A3"].data_type == "s"


@pytest.mark.parametrize("start", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1"], ids=repr)
def test_text_that_a_spreadsheet_would_run_is_quoted(start):
    assert harmless(start) == f"'{start}"


def test_ordinary_text_and_figures_stay_as_they_are():
    assert harmless("a=b") == "a=b"
    assert harmless(-5) == -5


def test_another_format_is_refused():
    with pytest.raises(Rejected):
        export_response(name="x", columns=[], rows=[], format="pdf")
