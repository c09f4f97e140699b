"""Currencies and the places of their amounts."""

from __future__ import annotations

from decimal import Decimal

import pytest

from crm.lib.money import MINOR_UNITS, in_base, minor_units, rounded, stored

# ISO 4217 list one, every currency whose minor unit is not 2.
ISO = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}


def test_the_table_is_the_standards() -> None:
    assert {code: places for places, codes in ISO.items() for code in codes.split()} == MINOR_UNITS


@pytest.mark.parametrize(
    "currency, amount, shown",
    [
        ("CNY", "1.005", "1.01"),
        ("UYI", "10.5", "11"),
        ("KWD", "1.0005", "1.001"),
        ("UYW", "1.00005", "1.0001"),
        ("CLF", "-1.00005", "-1.0001"),
        ("XXX", "1.234", "1.23"),
    ],
)
def test_an_amount_is_rounded_half_up_to_its_minor_unit(currency: str, amount: str, shown: str) -> None:
    assert str(rounded(Decimal(amount), currency)) == shown
    assert len(shown.partition(".")[2]) == minor_units(currency)


def test_stored_amounts_keep_four_places() -> None:
    assert str(stored(Decimal("2.00005"))) == "2.0001"
    assert str(in_base(Decimal("33.33"), Decimal("7.1234"))) == "237.4229"
    assert in_base(Decimal("33.33"), None) is None
