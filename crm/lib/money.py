"""Money: Decimal plus an ISO 4217 currency, never a float."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

ZERO = Decimal("0")
# What the database keeps of an amount; SQL that writes amounts rounds to it as well.
STORED_PLACES = 4
# ISO 4217 minor units that differ from 2 (list one, amendment 177).
MINOR_UNITS = {
    **dict.fromkeys(
        ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV"), 0
    ),
    **dict.fromkeys(("XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}
# What shops sell in; anything else of three letters is accepted by the API as well.
CURRENCIES = [
    *("CNY", "HKD", "TWD", "USD", "EUR", "GBP", "JPY", "KRW", "SGD", "MYR", "THB", "VND", "IDR", "PHP"),
    *("AUD", "NZD", "CAD", "CHF", "SEK", "NOK", "DKK", "PLN", "CZK", "HUF", "RON", "BGN", "TRY", "INR"),
    *("BRL", "MXN", "CLP", "COP", "PEN", "ARS", "ZAR", "AED", "SAR", "KWD", "ILS", "MOP", "UAH", "EGP"),
]


def minor_units(currency: str) -> int:
    """Decimal places of the currency by ISO 4217."""
    return MINOR_UNITS.get(currency, 2)


def rounded(amount: Decimal, currency: str) -> Decimal:
    """The amount to the currency's minor unit, half up as invoices round."""
    return amount.quantize(Decimal(1).scaleb(-minor_units(currency)), rounding=ROUND_HALF_UP)


def stored(amount: Decimal) -> Decimal:
    """The amount as a MoneyField keeps it, half up as PostgreSQL's round()."""
    return amount.quantize(Decimal(1).scaleb(-STORED_PLACES), rounding=ROUND_HALF_UP)


def in_base(amount: Decimal, rate: Decimal | None) -> Decimal | None:
    """The amount in the merchant's currency by an order's frozen rate; None while there is none.

    All four places stay, whichever way the order came: sums are rounded once, where they are shown.
    """
    return None if rate is None else stored(amount * rate)


def in_base_sql(amount: str, rate: str) -> str:
    """`in_base` as an expression over two SQL expressions."""
    return f"round({amount} * {rate}, {STORED_PLACES})"


def validate_currency(value: str) -> None:
    """Three capital letters, as ISO 4217 writes them."""
    if len(value) != 3 or not (value.isascii() and value.isalpha() and value.isupper()):
        raise ValidationError(_("Use a three-letter currency code such as CNY or EUR."), code="currency")


class MoneyField(models.DecimalField[Any, Any]):
    """numeric(19,4): four places hold unit prices below a cent; `rounded` is for showing."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_digits", 19)
        kwargs.setdefault("decimal_places", STORED_PLACES)
        super().__init__(*args, **kwargs)


class CurrencyField(models.CharField[Any, Any]):
    """An ISO 4217 code."""

    default_validators = [validate_currency]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 3)
        super().__init__(*args, **kwargs)
