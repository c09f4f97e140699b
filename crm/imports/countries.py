"""Countries as exports write them, to ISO 3166-1 alpha-2."""

from __future__ import annotations

import re

# The names that shop exports use; anything else is kept on the order as written and leaves the customer's
# blank.
_NAMES = {
    "AE": "united arab emirates", "AT": "austria,österreich", "AU": "australia", "BE": "belgium",
    "BH": "bahrain", "BM": "bermuda", "BR": "brazil", "CA": "canada", "CH": "switzerland",
    "CN": "china,中国,中國", "CY": "cyprus", "CZ": "czech republic,czechia", "DE": "germany,deutschland",
    "DK": "denmark", "ES": "spain", "FI": "finland", "FR": "france",
    "GB": "united kingdom,uk,great britain,england", "GR": "greece", "HK": "hong kong,香港",
    "ID": "indonesia", "IE": "ireland,eire,rsa ireland", "IL": "israel", "IN": "india", "IS": "iceland",
    "IT": "italy", "JP": "japan,日本", "KR": "korea,south korea,韩国", "LB": "lebanon", "LT": "lithuania",
    "LU": "luxembourg", "MO": "macau,macao,澳门,澳門", "MT": "malta", "MX": "mexico",
    "MY": "malaysia,马来西亚", "NG": "nigeria", "NL": "netherlands,the netherlands", "NO": "norway",
    "NZ": "new zealand", "PH": "philippines", "PL": "poland", "PT": "portugal", "RU": "russia",
    "SA": "saudi arabia", "SE": "sweden", "SG": "singapore,新加坡", "TH": "thailand,泰国",
    "TR": "turkey,türkiye", "TW": "taiwan,台湾,台灣", "US": "usa,united states,united states of america,美国",
    "VN": "vietnam", "ZA": "south africa,rsa",
}  # fmt: skip
_CODES = {name: code for code, names in _NAMES.items() for name in names.split(",")}


def country_code(text: str) -> str:
    """The two-letter code, or "" when the text names no country that is known."""
    text = text.strip()
    if re.fullmatch(r"[A-Za-z]{2}", text) and text.upper() != "UK":
        return text.upper()
    return _CODES.get(text.casefold(), "")
