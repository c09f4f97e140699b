"""Tax, VAT and registration numbers, by the rules of the company's country."""

from __future__ import annotations

import re
import unicodedata

import stdnum
from stdnum.exceptions import ValidationError

PLAIN = re.compile(r"^[A-Z0-9][A-Z0-9 ./-]{2,39}$")


def normalise_tax_number(value: str, country: str) -> str | None:
    """The number in the form of its country (ISO 3166-1), "" for none, None when it can't be one.

    Format and check digit by python-stdnum (docs/decisions/0024); a country without a known rule takes three
    to
    forty letters and digits. An EU number may carry its country's two letters, whatever the company's country
    is.
    """
    text = unicodedata.normalize("NFKC", value).strip().upper()
    if not text:
        return ""
    module = stdnum.get_cc_module(country.lower(), "vat") if country else None
    if module is None:
        return text if PLAIN.match(text) else None
    try:
        return str(module.validate(text))[:40]
    except ValidationError:
        return None
