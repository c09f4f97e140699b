"""Every kind of file becomes the same rows; what can't be read is refused with its place."""

from __future__ import annotations

import csv
import io
import struct
import zipfile
from datetime import datetime
from pathlib import Path

import duckdb
import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.imports.readers import Limits, UnreadableFile, open_table

HEADER = ["Order", "Name", "Qty", "Price"]
ROWS = [
    ["1001", "李晓梅", "2", "10.50"],
    ["1002", 'Say "hi", Zoë', "1", "3"],
    ["1003", "two\nlines", "4", ""],
]


def rows_of(table, batch_rows: int = 2) -> list[tuple]:
    found = []
    for batch in table.batches(batch_rows):
        found += list(zip(*batch.cells, strict=True)) if batch.rows else []
    return found


def broken_of(table) -> list:
    return [broken for batch in table.batches() for broken in batch.broken]


def write_csv(path: Path, rows: list[list[str]], encoding: str = "utf-8", delimiter: str = ",") -> Path:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    path.write_bytes(text.getvalue().encode(encoding))
    return path


CHINESE = [
    ["订单号", "客户姓名", "数量", "单价"],
    ["1001", "李晓梅", "2", "10.50"],
    ["1002", "欧阳志远", "1", "3"],
]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "gb18030", "gbk"]
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_csv_is_read_in_any_common_encoding_and_separator(tmp_path, encoding, delimiter):
    table = open_table(write_csv(tmp_path / "orders.csv", CHINESE, encoding, delimiter))
    assert table.columns == CHINESE[0]
    assert rows_of(table) == [tuple(row) for row in CHINESE[1:]]


def test_gb18030_with_rare_characters_is_read(tmp_path):
    rows = [["订单号", "客户姓名"], ["1", "㐂田"], *[[str(n), "收货人王小明先生"] for n in range(20)]]
    table = open_table(write_csv(tmp_path / "orders.csv", rows, "gb18030"))
    assert table.detected["encoding"] == "GB18030"
    assert rows_of(table)[0] == ("1", "㐂田")


@pytest.mark.parametrize(
    "case, text, encoding, named",
    [
        (
            "French",
            "Order,Nom\n1,Crème brûlée à l'été\n2,Noël façade\n",
            "windows-1252",
            "windows-125|cp125|latin",
        ),
        ("Taiwanese", "訂單編號,姓名\n" + "1,陳怡君與張雅婷購買繁體中文書籍\n" * 9, "big5", "big5|cp950"),
        ("Japanese", "番号,名前\n" + "1,ひらがなとカタカナの注文です\n" * 9, "shift_jis", "shift|cp932"),
        (
            "Russian",
            "Заказ,Имя\n" + "1,Иван Петров купил книгу и тетрадь\n" * 9,
            "windows-1251",
            "1251|koi8|mac",
        ),
    ],
)
def test_other_encodings_are_named_and_the_row_told(tmp_path, case, text, encoding, named):
    path = tmp_path / "orders.csv"
    path.write_bytes(text.encode(encoding))
    with pytest.raises(UnreadableFile, match=rf"(?is)row \d+.*({named}).*UTF-8"):
        open_table(path)


def test_values_that_look_alike_are_not_touched(tmp_path):
    """Reading keeps text as it is: formulas, leading zeros, blanks; turning it into values comes later."""
    rows = [HEADER, ["007", "=1+1", " x ", "1,5"]]
    assert rows_of(open_table(write_csv(tmp_path / "a.csv", rows))) == [("007", "=1+1", " x ", "1,5")]


def test_broken_rows_are_told_by_row_and_column_and_the_rest_is_read(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(
        f"Order,Name,Qty,Price\n1,a,1,2\n2,b\n\n3,c,1,2,surplus\n4,d,1,2,,\n5,{'x' * 40_000},1,2\n6,e,1,2\n"
    )
    table = open_table(path)
    assert [row[0] for row in rows_of(table)] == ["1", "4", "6"]
    found = {broken.row: (broken.column, broken.code) for broken in broken_of(table)}
    assert found == {
        3: ("Qty", "wrong_cell_count"),
        5: ("Price", "wrong_cell_count"),
        7: ("Name", "cell_too_long"),
    }


def bomb_xlsx(path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", "<workbook/>")
        archive.writestr("xl/worksheets/sheet1.xml", b"<a>" + b" " * 300_000_000)
    return path


def small_xlsx(path: Path, **parts: str) -> Path:
    """A workbook by hand; `sheet` and `strings` are XML."""
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    rel = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr(
            "xl/workbook.xml",
            f'<workbook {main} {rel}><sheets><sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>',
        )
        archive.writestr(
            "xl/_rels/workbook.xml.rels",
            '<Relationships><Relationship Id="rId1" Target="worksheets/sheet1.xml"/></Relationships>',
        )
        archive.writestr("xl/worksheets/sheet1.xml", parts["sheet"])
        if "strings" in parts:
            archive.writestr("xl/sharedStrings.xml", parts["strings"])
    return path


LAUGHS = (
    '<!DOCTYPE x [<!ENTITY a "haha">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(9))
    + "]>"
)
CELLS = '<row r="1"><c r="A1" t="inlineStr"><is><t>Order</t></is></c></row>'


def one_cell(name: str) -> str:
    return f'<worksheet><sheetData><row r="1"><c r="{name}"><v>1</v></c></row></sheetData></worksheet>'


def malicious(folder: Path) -> dict[str, tuple[Path, str]]:
    def raw(name: str, content: bytes) -> Path:
        path = folder / name
        path.write_bytes(content)
        return path

    wide = ",".join(f"c{n}" for n in range(10_000)).encode()
    parquet = folder / "deep.parquet"
    duckdb.sql(f"COPY (SELECT 1 AS a, [1,2] AS b) TO '{parquet}'")
    empty = folder / "empty.parquet"
    duckdb.sql(f"COPY (SELECT 1 AS a WHERE false) TO '{empty}'")
    whole = folder / "whole.parquet"
    duckdb.sql(f"COPY (SELECT range AS a, range::text AS b FROM range(50000)) TO '{whole}'")
    cut = whole.read_bytes()
    return {
        "empty": (raw("a", b""), "empty"),
        "blank lines": (raw("b", b"\n\n \n"), "empty"),
        "nothing but NUL": (raw("c", b"\0" * 5000), "zero byte"),
        "NUL after the start": (
            raw("d", b"a,b\n" + b"1,2\n" * 40_000 + b"3,\0\n"),
            r"[Rr]ow 40,?002, column 2",
        ),
        "10,000 columns": (raw("e", wide + b"\n" + wide), "10,000 columns"),
        "unclosed quote": (raw("f", b'a,b\n1,2\n2,"' + b"x,y\n" * 60_000), "[Rr]ow 3, column 2.*quotation"),
        "one endless line": (raw("g", b"a,b\n1," + b"x" * 5_000_000), "[Rr]ow 2, column 2"),
        "zip bomb": (bomb_xlsx(folder / "bomb.xlsx"), "trap"),
        "billion laughs": (
            small_xlsx(
                folder / "laughs.xlsx", sheet=f"{LAUGHS}<worksheet><sheetData>{CELLS}</sheetData></worksheet>"
            ),
            "entities",
        ),
        "laughing strings": (
            small_xlsx(
                folder / "laughs2.xlsx",
                sheet=f"<worksheet><sheetData>{CELLS}</sheetData></worksheet>",
                strings=f"{LAUGHS}<sst><si><t>&j;</t></si></sst>",
            ),
            "entities",
        ),
        "broken sheet": (small_xlsx(folder / "cut.xlsx", sheet="<worksheet><sheetData><row"), "damaged"),
        "column ZZZ": (
            small_xlsx(
                folder / "far.xlsx",
                sheet=one_cell("ZZZ1"),
            ),
            "columns can be read",
        ),
        "cell named ../..": (
            small_xlsx(
                folder / "odd.xlsx",
                sheet=one_cell("../1"),
            ),
            "calls itself",
        ),
        "zip that is no workbook": (raw("h.xlsx", _zip_of("readme.txt")), "not an XLSX"),
        "zip cut off": (raw("i.xlsx", _zip_of("readme.txt")[:40]), "XLSX"),
        "old Excel": (raw("j.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 900), r"\.xls"),
        "HTML named xls": (raw("k.xls", b"<html><table><tr><td>1</td></tr></table>"), "HTML"),
        "PDF": (raw("l.csv", b"%PDF-1.7 ..."), "PDF"),
        "nested Parquet": (parquet, "lists or records"),
        "Parquet without rows": (empty, "no rows"),
        "Parquet cut off": (raw("m.parquet", cut[: len(cut) // 2]), "cut off"),
        "Parquet with a torn middle": (raw("n.parquet", _torn(cut)), "damaged|not a Parquet"),
        "UTF-32": (raw("o.csv", "a,b\n1,2".encode("utf-32")), "UTF-32"),
        "UTF-16 cut off": (raw("p.csv", "a,b\n1,2\n".encode("utf-16")[:-1]), "cut off|not"),
    }


def _zip_of(name: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, "hello " * 100)
    return buffer.getvalue()


def _torn(data: bytes) -> bytes:
    middle = len(data) // 3
    return data[:middle] + struct.pack("<I", 0xDEADBEEF) * 200 + data[middle + 800 :]


CASES = sorted([
    "empty", "blank lines", "nothing but NUL", "NUL after the start", "10,000 columns", "unclosed quote",
    "one endless line", "zip bomb", "billion laughs", "laughing strings", "broken sheet", "column ZZZ",
    "cell named ../..", "zip that is no workbook", "zip cut off", "old Excel", "HTML named xls", "PDF",
    "nested Parquet", "Parquet without rows", "Parquet cut off", "Parquet with a torn middle", "UTF-32",
    "UTF-16 cut off",
])  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_broken_or_malicious_file_is_refused_in_words(tmp_path, case):
    path, words = malicious(tmp_path)[case]
    with pytest.raises(UnreadableFile, match=f"(?s){words}") as refusal:
        for _batch in open_table(path).batches():
            pass
    assert "Traceback" not in str(refusal.value)


def test_a_header_without_rows_has_columns_and_no_batches(tmp_path):
    table = open_table(write_csv(tmp_path / "a.csv", [HEADER]))
    assert table.columns == HEADER
    assert rows_of(table) == []


def test_upload_limits_are_told(tmp_path):
    path = write_csv(tmp_path / "a.csv", [HEADER, *[["1", "a", "1", "1"]] * 50])
    with pytest.raises(UnreadableFile, match="0 MB"):
        open_table(path, Limits(max_bytes=100))
    with pytest.raises(UnreadableFile, match="more than 20 rows"):
        rows_of(open_table(path, Limits(max_rows=20)))
    assert len(rows_of(open_table(path, Limits(max_rows=50)))) == 50


# ------------------------------------------------------------------------------------------------ XLSX and
# Parquet
def test_xlsx_dates_numbers_texts_errors_and_formulas(tmp_path):
    path = tmp_path / "a.xlsx"
    book = xlsxwriter.Workbook(str(path))
    sheet = book.add_worksheet("Orders")
    date = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
    chinese = book.add_format({"num_format": '[$-804]yyyy"年"m"月"d"日"'})
    money = book.add_format({"num_format": '#,##0.00 "RMB"'})
    sheet.write_row(0, 0, ["Order", "At", "Paid", "Price", "Sum", "Note"])
    sheet.write_row(1, 0, [1001, "", "", 10.5])
    sheet.write_datetime(1, 1, datetime(2024, 5, 31, 18, 30), date)
    sheet.write_datetime(1, 2, datetime(2024, 6, 1), chinese)
    sheet.write_number(1, 3, 10.5, money)
    sheet.write_formula(1, 4, "=1+2", None, 3)
    sheet.write_string(1, 5, "李晓梅")
    sheet.write_row(3, 0, [1002])
    sheet.write_formula(3, 4, "=NA()", None, "#N/A")
    book.add_worksheet("Second").write(0, 0, "not this one")
    book.close()
    table = open_table(path)
    assert table.detected["sheet"] == "Orders"
    assert rows_of(table) == [(1001, datetime(2024, 5, 31, 18, 30), datetime(2024, 6, 1), 10.5, 3, "李晓梅")]
    (error,) = broken_of(table)
    assert (error.row, error.column, error.code) == (4, "Sum", "cell_error")


def test_xlsx_shared_string_number_out_of_range_is_one_refused_row(tmp_path):
    sheet = (
        "<worksheet><sheetData>" + CELLS + '<row r="2"><c r="A2" t="s"><v>7</v></c></row>'
        '<row r="3"><c r="A3"><v>5</v></c></row></sheetData></worksheet>'
    )
    table = open_table(
        small_xlsx(tmp_path / "a.xlsx", sheet=sheet, strings="<sst><si><t>only</t></si></sst>")
    )
    assert rows_of(table) == [(5,)]
    assert [broken.row for broken in broken_of(table)] == [2]


def test_parquet_that_repeats_a_huge_text_is_refused_row_by_row_in_small_batches(tmp_path):
    path = tmp_path / "a.parquet"
    duckdb.sql(
        f"COPY (SELECT range AS n, CASE WHEN range % 2 = 0 THEN repeat('x', 1000000) ELSE 'ok' END AS t "
        f"FROM range(400)) TO '{path}'"
    )
    table = open_table(path)
    sizes = [len(batch) + len(batch.broken) for batch in table.batches()]
    assert max(sizes) <= 200
    assert len(rows_of(table)) == 200
    assert {broken.code for broken in broken_of(table)} == {"cell_too_long"}


cell = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0\ufeff"), max_size=20).map(
    lambda text: text.strip("\r\n\t ")
)
tables = st.integers(2, 5).flatmap(
    lambda width: st.lists(st.lists(cell, min_size=width, max_size=width), min_size=1, max_size=12)
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=tables, encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
def test_what_csv_wrote_is_read_back(tmp_path, rows, encoding):
    """Any text, quotes, separators and line ends inside cells included."""
    rows = [row for row in rows if any(row)]
    header = [f"Column {n}" for n in range(len(rows[0]))] if rows else ["a", "b"]
    table = open_table(write_csv(tmp_path / "x.csv", [header, *rows], encoding))
    assert table.columns == header
    assert rows_of(table, 3) == [tuple(row) for row in rows]


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused_never_a_crash(tmp_path, data):
    path = tmp_path / "x.bin"
    path.write_bytes(data)
    try:
        for batch in open_table(path).batches():
            assert all(len(column) == len(batch.rows) for column in batch.cells)
    except UnreadableFile:
        pass  # a refusal is one of the two good ends
