"""How an address is written where it goes: the order of its lines, and whether a postal code can be one.

After the Universal Postal Union's country sheets (S42) for the countries that shops ship to most; elsewhere
the common
form: recipient, street, code and town, country.
"""

from __future__ import annotations

import re
from typing import Final

from crm.lib.ui.places import country_name
from customers.models import Address

# Largest part first, on as few lines as possible, the recipient last.
LARGE_FIRST: Final = frozenset({"CN", "TW", "JP", "KR"})
# Town, province and code behind the street on one line.
TOWN_PROVINCE_CODE: Final = frozenset({"US", "CA", "AU", "IN", "NZ"})
# The code on a line of its own below the town.
CODE_BELOW: Final = frozenset({"GB", "IE"})
# No codes at all: what stands there is nobody's postal code.
WITHOUT_CODES: Final = frozenset({"HK", "MO", "AE", "QA"})
CODES: Final = {
    country: re.compile(pattern)
    for country, pattern in {
        "CN": r"\d{6}",
        "TW": r"\d{3}(\d{2,3})?",
        "JP": r"\d{3}-?\d{4}",
        "KR": r"\d{5}",
        "SG": r"\d{6}",
        "IN": r"[1-9]\d{5}",
        "US": r"\d{5}(-\d{4})?",
        "CA": r"[ABCEGHJ-NPRSTVXY]\d[A-Z] ?\d[A-Z]\d",
        "GB": r"(GIR ?0AA|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2})",
        "AU": r"\d{4}",
        "NZ": r"\d{4}",
        "NL": r"[1-9]\d{3} ?[A-Z]{2}",
        "PL": r"\d{2}-?\d{3}",
        "PT": r"\d{4}(-\d{3})?",
        "SE": r"\d{3} ?\d{2}",
        "CZ": r"\d{3} ?\d{2}",
        **dict.fromkeys(("AT", "BE", "CH", "DK", "NO", "HU"), r"\d{4}"),
        **dict.fromkeys(("DE", "FR", "IT", "ES", "FI", "TH", "MY"), r"\d{5}"),
    }.items()
}


def postal_code_fits(code: str, country: str) -> bool:
    """Whether the code can be one of that country (ISO 3166-1); an empty one and an unknown country always
    do."""
    pattern = CODES.get(country.upper())
    return not code or pattern is None or pattern.fullmatch(code.strip().upper()) is not None


def address_lines(address: Address, *, home: str = "") -> list[str]:
    """The lines to print, without empty ones. `home` is the country it is posted in: that one isn't named."""
    country = address.country.upper()
    if country in LARGE_FIRST:
        lines = _large_first(address)
    else:
        lines = [address.name, address.line1, address.line2, *_town(address, country)]
    if country and country != home.upper():
        lines.append(country_name(country))
    return [" ".join(line.split()) for line in lines if line and line.strip()]


def _large_first(address: Address) -> list[str]:
    """中国: 200030 / 上海市徐汇区衡山路 1 号 / 李晓梅 138…; a municipality isn't said twice."""
    province = "" if address.province == address.city else address.province
    place = f"{province}{address.city}{address.district}{address.line1}"
    second = f" {address.line2}" if address.line2 else ""
    return [address.postal_code, place + second, f"{address.name} {address.phone}"]


def _town(address: Address, country: str) -> list[str]:
    code = "" if country in WITHOUT_CODES else address.postal_code
    if country in TOWN_PROVINCE_CODE:
        behind = " ".join(part for part in (address.province, code) if part)
        return [address.district, ", ".join(part for part in (address.city, behind) if part)]
    if country in CODE_BELOW:
        return [address.district, address.city, address.province, code]
    return [address.district, f"{code} {address.city}", address.province]
