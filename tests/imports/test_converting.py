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
        (
            "WooCommerce with a column less than its preset asks for",
            [
                *("Order Number", "Order Status", "Order Date", "Customer Note", "Email (Billing)"),
                *("Phone (Billing)", "Country Code (Billing)", "City (Billing)", "Order Total Amount"),
                *("SKU", "Item #", "Item Name", "Quantity", "Item Cost"),
            ],
            {
                "order_ref": "Order Number",
                "placed_at": "Order Date",
                "payment": "Order Status",
                "email": "Email (Billing)",
                "phone": "Phone (Billing)",
                "city": "City (Billing)",
                "country": "Country Code (Billing)",
                "total": "Order Total Amount",
                "sku": "SKU",
                "title": "Item Name",
                "quantity": "Quantity",
                "unit_price": "Item Cost",
                "note": "Customer Note",
                "customer_name": None,
                "fulfilment": None,
            },
        ),
        (
            "Taobao",
            [
                *(
                    "订单编号",
                    "买家会员名",
                    "买家应付邮费",
                    "总金额",
                    "买家实际支付金额",
                    "订单状态",
                    "买家留言",
                ),
                *("收货人姓名", "联系电话", "联系手机", "订单创建时间", "订单付款时间", "宝贝标题"),
            ],
            {
                "order_ref": "订单编号",
                "customer_name": "收货人姓名",
                "shipping": "买家应付邮费",
                "total": "买家实际支付金额",
                "payment": "订单状态",
                "note": "买家留言",
                "title": "宝贝标题",
                "phone": "联系手机",
                "placed_at": "订单创建时间",
                "paid_at": "订单付款时间",
            },
        ),
        (
            "two states share one word",
            ["order_id", "created_at", "payment_status", "status"],
            {"payment": "payment_status", "fulfilment": "status"},
        ),
    ],
)
def test_headers_are_recognised(case, header, expected):
    mapping = guess_mapping(FIELDS, header, [])
    assert {key: mapping.get(key) for key in expected} == expected


SHOPIFY_ROWS = [
    ["#1001", "li@example.com", "2024-05-31 18:30:00 +0800", "Teapot 0.6 l", "2", "35.00", "Li Mei", "5512"],
    ["#1001", "li@example.com", "", "Cup", "1", "5.00", "", ""],
]


@pytest.mark.parametrize(
    "case, header, rows, expected",
    [
        (
            "Shopify's number is called Name, and its Id stands in the first row only",
            [
                *("Name", "Email", "Created at", "Lineitem name", "Lineitem quantity", "Lineitem price"),
                *("Billing Name", "Id"),
            ],
            SHOPIFY_ROWS,
            {"order_ref": "Name", "customer_name": "Billing Name", "title": "Lineitem name"},
        ),
        (
            "with a better number Name is the buyer",
            ["order_id", "name", "email", "date", "total"],
            [["77", "Li Mei", "li@example.com", "2024-05-31", "12.50"]],
            {"order_ref": "order_id", "customer_name": "name", "placed_at": "date", "total": "total"},
        ),
        (
            "a vague number comes before Name",
            ["id", "name", "email", "date", "amount"],
            [["77", "Li Mei", "li@example.com", "2024-05-31", "12.50"]],
            {"order_ref": "id", "customer_name": "name", "total": "amount"},
        ),
        (
            "people are no order numbers",
            ["Name", "Date", "Amount"],
            [["Li Mei", "2024-05-31", "12.50"], ["Wang Wei", "2024-06-01", "9.90"]],
            {"order_ref": None, "customer_name": "Name"},
        ),
        (
            "order numbers are no people",
            ["order_id", "name", "date"],
            [["77", "#1001", "2024-05-31"]],
            {"order_ref": "order_id", "customer_name": None},
        ),
        (
            "after the buyer Name is the product",
            ["order_no", "customer_name", "name", "qty", "price"],
            [["77", "Li Mei", "Teapot", "1", "35"]],
            {"customer_name": "customer_name", "title": "name", "unit_price": "price"},
        ),
        (
            "Customer by number",
            ["order no", "customer", "date"],
            [["77", "13085", "2024-05-31"]],
            {"customer_ref": "customer", "customer_name": None},
        ),
        (
            "Customer by name",
            ["order no", "customer", "date"],
            [["77", "Li Mei", "2024-05-31"]],
            {"customer_ref": None, "customer_name": "customer"},
        ),
        (
            "Chinese",
            ["订单号", "姓名", "手机", "日期", "商品", "数量", "价格", "状态"],
            [["202405310001", "李晓梅", "13800138000", "2024-05-31", "茶壶", "1", "35", "已付款"]],
            {
                "order_ref": "订单号",
                "customer_name": "姓名",
                "phone": "手机",
                "placed_at": "日期",
                "title": "商品",
                "quantity": "数量",
                "unit_price": "价格",
                "payment": "状态",
            },
        ),
        (
            "Chinese with a customer of both kinds",
            ["编号", "客户", "时间", "金额"],
            [["A-1", "李晓梅", "2024-05-31 10:00", "¥35.00"]],
            {"order_ref": "编号", "customer_name": "客户", "customer_ref": None, "total": "金额"},
        ),
        (
            "a description beside the product's name is a note",
            ["order no", "item name", "description"],
            [["77", "Teapot", "wrap it, please"]],
            {"title": "item name", "note": "description"},
        ),
    ],
)
def test_a_vague_header_is_what_is_left_and_fits(case, header, rows, expected):
    mapping = guess_mapping(FIELDS, header, rows)
    assert {key: mapping.get(key) for key in expected} == expected
    assert len(set(mapping.values())) == len(mapping)


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
