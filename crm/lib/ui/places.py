"""Countries by the names that the reader knows them by."""

from functools import lru_cache

from babel import Locale
from django.utils.translation import get_language

_LOCALES = {"zh-hans": "zh_Hans", "zh-hant": "zh_Hant"}
# Two letters in Unicode's list, but no code of ISO 3166-1: unions, islands' own post, tests, the unknown.
_NO_COUNTRIES = frozenset(
    ["AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ"],
)


@lru_cache(maxsize=4)
def _countries(language: str) -> dict[str, str]:
    names = Locale.parse(_LOCALES.get(language, "en")).territories
    return {
        code: name
        for code, name in names.items()
        if len(code) == 2 and code.isalpha() and code not in _NO_COUNTRIES
    }


def country_name(code: str) -> str:
    """`China`, `中国` for CN, in the active language; the code itself where no name is known."""
    return _countries(get_language() or "en").get(code.upper(), code)


def country_choices() -> list[tuple[str, str]]:
    """(ISO 3166-1 alpha-2, name in the active language), in the order of the English names."""
    english = _countries("en")
    return [(code, country_name(code)) for code in sorted(english, key=english.__getitem__)]
