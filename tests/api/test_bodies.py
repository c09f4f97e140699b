"""Bodies from strangers: what is no JSON, too much, too deep, or can't be kept."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from rest_framework import serializers
from rest_framework.exceptions import ParseError

from crm.api.errors import flattened
from crm.api.parsing import MAX_DEPTH, read_json
from crm.api.serializers import ApiSerializer, CurrencyField, MoneyField
from crm.lib.errors import Rejected


class LineInput(ApiSerializer):
    quantity = serializers.IntegerField(min_value=1)


class SampleInput(ApiSerializer):
    text = serializers.CharField(required=False, allow_null=True)
    flag = serializers.BooleanField(required=False)
    number = serializers.IntegerField(required=False)
    amount = MoneyField(required=False)
    currency = CurrencyField(required=False)
    at = serializers.DateTimeField(required=False)
    on = serializers.DateField(required=False)
    choice = serializers.ChoiceField(["a", "b"], required=False)
    tags = serializers.ListField(child=serializers.CharField(), required=False)
    lines = LineInput(many=True, required=False)
    calm = serializers.CharField(read_only=True)


@pytest.mark.parametrize(
    "case, raw",
    [
        ("nothing", b""),
        ("cut", b'{"a": '),
        ("words", b"hello"),
        ("single quotes", b"{'a': 1}"),
        ("gb18030", "名".encode("gb18030")),
        ("utf-16", '{"a": 1}'.encode("utf-16")),
        ("byte order mark", b'\xef\xbb\xbf{"a": 1}'),
        ("nan", b'{"a": NaN}'),
        ("infinity", b'{"a": -Infinity}'),
        ("overflow", b'{"a": 1e999}'),
        ("digits without end", b'{"a": ' + b"9" * 5000 + b"}"),
        ("raw control", b'{"a": "\x00"}'),
        ("bottomless", b"[" * 200_000),
    ],
)
def test_what_is_no_json_is_400(case, raw):
    with pytest.raises(ParseError):
        read_json(raw)


@pytest.mark.parametrize(
    "case, raw",
    [
        ("nul", b'{"a": "x\\u0000"}'),
        ("nul in a name", b'{"\\u0000": 1}'),
        ("high half", b'{"a": ["\\ud800"]}'),
        ("low half", b'"\\udc00x"'),
        ("deep", b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1)),
    ],
)
def test_what_cannot_be_kept_is_422(case, raw):
    with pytest.raises(Rejected):
        read_json(raw)


@pytest.mark.parametrize(
    "value", [{"a": "😀 名 \\ud800"}, [[[]]], "x" * 10_000, 1.5, None, {"a": {"b": [1, True, "\n"]}}]
)
def test_what_is_fine_comes_through(value):
    assert read_json(json.dumps(value).encode()) == value


@pytest.mark.parametrize(
    "data, field",
    [
        ({"text": 1}, "text"),
        ({"text": True}, "text"),
        ({"text": ["x"]}, "text"),
        ({"flag": "true"}, "flag"),
        ({"flag": 1}, "flag"),
        ({"number": "1"}, "number"),
        ({"number": 1.5}, "number"),
        ({"number": True}, "number"),
        ({"amount": 1.1}, "amount"),
        ({"amount": 1}, "amount"),
        ({"amount": "1,10"}, "amount"),
        ({"amount": "NaN"}, "amount"),
        ({"amount": "1.23456"}, "amount"),
        ({"amount": "9" * 16}, "amount"),
        ({"currency": "eur"}, "currency"),
        ({"at": "2026-11-11T08:00:00"}, "at"),
        ({"at": "2026-11-11"}, "at"),
        ({"at": "2026-13-11T08:00:00Z"}, "at"),
        ({"at": 1}, "at"),
        ({"on": "20261111"}, "on"),
        ({"on": "2026-11-11T00:00:00Z"}, "on"),
        ({"choice": 1}, "choice"),
        ({"choice": "c"}, "choice"),
        ({"tags": [1]}, "tags"),
        ({"tags": "a"}, "tags"),
        ({"lines": [{"quantity": 1}, {"quantity": 0}]}, "lines.1.quantity"),
        ({"lines": [{"quantity": "1"}]}, "lines.0.quantity"),
        ({"lines": [{"quantity": 1, "x": 1}]}, "lines.0.x"),
        ({"lines": {}}, "lines"),
        ({"calm": "x"}, "calm"),
        ({"unknown": None}, "unknown"),
        ([], "body"),
        ("x", "body"),
        (None, "body"),
    ],
)
def test_types_are_not_guessed(data, field):
    reader = SampleInput(data=data)
    assert not reader.is_valid()
    assert field in dict(flattened(reader.errors)), reader.errors


def test_right_types_are_taken():
    data = {
        "text": None,
        "flag": False,
        "number": 2.0,
        "amount": "-1.5",
        "currency": "CNY",
        "at": "2026-11-11T08:00:00+08:00",
        "on": "2026-11-11",
        "choice": "a",
        "tags": ["x"],
        "lines": [{"quantity": 3}],
    }
    reader = SampleInput(data=data)
    assert reader.is_valid(), reader.errors
    assert reader.validated_data["number"] == 2
    assert reader.validated_data["amount"] == Decimal("-1.5")


@pytest.mark.parametrize(
    "stored, shown",
    [("12.5000", "12.50"), ("0", "0.00"), ("1.2345", "1.2345"), ("1000", "1000.00"), ("1.2340", "1.234")],
)
def test_money_is_shown_as_people_write_it(stored, shown):
    assert MoneyField().to_representation(Decimal(stored)) == shown
