"""Money: Decimal plus an ISO 4217 currency, never a float."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

ZERO = Decimal("0")
# ISO 4217 minor units that differ from 2 (list one, amendment 177).
MINOR_UNITS = {
    **dict.fromkeys(
        ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV"), 0
    ),
    **dict.fromkeys(("XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
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


def validate_currency(value: str) -> None:
    """Three capital letters, as ISO 4217 writes them."""
    if len(value) != 3 or not (value.isascii() and value.isalpha() and value.isupper()):
        raise ValidationError(_("Use a three-letter currency code such as CNY or EUR."), code="currency")


class MoneyField(models.DecimalField[Any, Any]):
    """numeric(19,4): four places hold unit prices below a cent; totals are rounded by `rounded`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_digits", 19)
        kwargs.setdefault("decimal_places", 4)
        super().__init__(*args, **kwargs)


class CurrencyField(models.CharField[Any, Any]):
    """An ISO 4217 code."""

    default_validators = [validate_currency]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 3)
        super().__init__(*args, **kwargs)
