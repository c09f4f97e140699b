"""Cells as shops write them become values, or a sentence that says what is wrong."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.imports.converting import (
    Bad,
    Reading,
    to_currency,
    to_decimal,
    to_instant,
    to_integer,
    to_money,
    to_text,
)
from crm.imports.guessing import guess_mapping, guess_preset
from orders.importing.fields import FIELDS, PRESETS

SHANGHAI = Reading(ZoneInfo("Asia/Shanghai"))
LONDON = Reading(ZoneInfo("Europe/London"))
AMERICAN = Reading(ZoneInfo("America/New_York"), date_order="mdy")


@pytest.mark.parametrize(
    "cell, reading, instant",
    [
        ("2024-05-31 18:30", SHANGHAI, "2024-05-31T10:30:00+00:00"),
        ("2024/5/31 18:30:15", SHANGHAI, "2024-05-31T10:30:15+00:00"),
        ("2024年5月31日 下午6:30", SHANGHAI, "2024-05-31T10:30:00+00:00"),
        ("2024-05-31T18:30:00.123Z", SHANGHAI, "2024-05-31T18:30:00+00:00"),
        ("2024-05-31 18:30:00 -0500", SHANGHAI, "2024-05-31T23:30:00+00:00"),
        ("2024-05-31T18:30:00+08:00", LONDON, "2024-05-31T10:30:00+00:00"),
        ("31/05/2024", LONDON, "2024-05-30T23:00:00+00:00"),
        ("31.5.2024 09:05", LONDON, "2024-05-31T08:05:00+00:00"),
        ("5/31/2024 9:05 PM", AMERICAN, "2024-06-01T01:05:00+00:00"),
        ("12/1/2010 12:26 AM", AMERICAN, "2010-12-01T05:26:00+00:00"),
        ("Dec 1, 2009", LONDON, "2009-12-01T00:00:00+00:00"),
        ("1-Dec-2009 07:45", LONDON, "2009-12-01T07:45:00+00:00"),
        ("20240531", LONDON, "2024-05-30T23:00:00+00:00"),
        ("1717180200", LONDON, "2024-05-31T18:30:00+00:00"),
        ("1717180200000", LONDON, "2024-05-31T18:30:00+00:00"),
        (datetime(2024, 5, 31, 18, 30), SHANGHAI, "2024-05-31T10:30:00+00:00"),
        (datetime(2024, 5, 31, 18, 30, tzinfo=UTC), SHANGHAI, "2024-05-31T18:30:00+00:00"),
        (date(2024, 1, 1), LONDON, "2024-01-01T00:00:00+00:00"),
        # The hour that London's clock skips is read an hour later, the one that it repeats is the first.
        ("2024-03-31 01:30", LONDON, "2024-03-31T01:30:00+00:00"),
        ("2024-10-27 01:30", LONDON, "2024-10-27T00:30:00+00:00"),
        ("", LONDON, None),
        (None, LONDON, None),
    ],
)
def test_instants(cell, reading, instant):
    assert to_instant(cell, reading) == instant


@pytest.mark.parametrize(
    "cell", ["yesterday", "2024-02-30", "31/31/2024", "1850-01-01", "2024-05-31 25:00", "٣"]
)
def test_what_is_no_instant_is_told(cell):
    assert isinstance(to_instant(cell, LONDON), Bad)


def test_a_date_in_the_other_order_says_so():
    bad = to_instant("05/31/2024", LONDON)
    assert isinstance(bad, Bad)
    assert "day/month/year" in bad.message


@pytest.mark.parametrize(
    "cell, sign, number",
    [
        ("1234.5", ".", "1234.5"),
        ("1,234.50", ".", "1234.50"),
        ("1.234,50", ",", "1234.50"),
        ("12,5", ",", "12.5"),
        ("￥1,288.00", ".", "1288.00"),
        ("$ 12", ".", "12"),
        ("99元", ".", "99"),
        ("(12.00)", ".", "-12.00"),
        ("12-", ".", "-12"),
        ("−3", ".", "-3"),
        ("1 234,5", ",", "1234.5"),
        ("１２．５", ".", "12.5"),
        (6.95, ".", "6.95"),
        (Decimal("1.10"), ".", "1.10"),
        (7, ".", "7"),
    ],
)
def test_numbers(cell, sign, number):
    assert to_decimal(cell, sign) == Decimal(number)


@pytest.mark.parametrize("cell", ["abc", "1.2.3", "--1", "1e999", True, "inf", "NaN", "0x10"])
def test_what_is_no_number_is_told(cell):
    assert isinstance(to_money(cell, "."), Bad)


def test_missing_numbers_of_parquet_are_empty():
    assert to_money(float("nan"), ".") is None
    assert isinstance(to_integer(1.5, "."), Bad)
    assert to_integer("12.0", ".") == "12"


@given(st.one_of(st.text(max_size=60), st.floats(), st.integers(), st.booleans(), st.none(), st.datetimes()))
def test_no_cell_crashes_a_converter(cell):
    for value in (
        to_text(cell, 20),
        to_money(cell, ","),
        to_integer(cell, "."),
        to_currency(cell),
        to_instant(cell, AMERICAN),
    ):
        assert value is None or isinstance(value, str | Bad)


@given(st.decimals(-(10**9), 10**9, places=2), st.sampled_from([".", ","]))
def test_an_amount_printed_in_either_sign_is_read_back(amount, sign):
    text = f"{amount:,}".translate(str.maketrans(",.", ".,") if sign == "," else {})
    assert to_money(text, sign) == str(amount.quantize(Decimal("0.0001")))


@pytest.mark.parametrize(
    "case, header, expected",
    [
        (
            "Chinese",
            ["订单号", "下单时间", "客户邮箱", "商品名称", "数量", "单价"],
            {
                "order_ref": "订单号",
                "placed_at": "下单时间",
                "email": "客户邮箱",
                "quantity": "数量",
                "unit_price": "单价",
            },
        ),
        (
            "English with signs",
            ["Order-No.", "ORDER DATE", "E-Mail", "Qty", "Unit_Price", "SKU"],
            {
                "order_ref": "Order-No.",
                "placed_at": "ORDER DATE",
                "email": "E-Mail",
                "quantity": "Qty",
                "sku": "SKU",
            },
        ),
    ],
)
def test_headers_are_recognised(case, header, expected):
    mapping = guess_mapping(FIELDS, header, [])
    assert {key: mapping.get(key) for key in expected} == expected


def test_without_known_headers_the_shape_of_the_values_tells():
    sample = [["A-1", "li@example.com", "2024-01-01 10:00"], ["A-2", "wang@example.com", "2024-01-02 10:00"]]
    mapping = guess_mapping(FIELDS, ["x", "y", "z"], sample)
    assert (mapping["placed_at"], mapping["email"]) == ("z", "y")


@pytest.mark.parametrize(
    "preset", [preset for preset in PRESETS if preset.columns], ids=lambda preset: preset.key
)
def test_a_preset_recognises_its_own_header(preset):
    header = [names[0] for names in preset.columns.values()]
    assert guess_preset(PRESETS, header) is preset
    assert set(preset.match(header)) == set(preset.columns)
