"""Reading values out of strangers' JSON. A value that makes no sense raises Rejected with its name."""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils.translation import gettext as _

from crm.lib.errors import Rejected

JSON = Mapping[str, Any]
# Prices beyond this fit no column and no shop.
LARGEST = Decimal(10) ** 11
LARGEST_QUANTITY = 10_000_000


def wrong(name: str, value: object) -> Rejected:
    text = _("“%(name)s” can't be read: %(value)s") % {"name": name, "value": str(value)[:80]}
    return Rejected(text, code="bad_payload", fields={name: [text]})


def text(data: JSON, name: str, most: int = 300) -> str:
    """The value as a line of text without NUL, HTML entities resolved; "" when it is missing or null."""
    value = data.get(name)
    if value is None or isinstance(value, dict | list | bool):
        return ""
    clean = html.unescape(str(value)).replace("\x00", "")
    clean = "".join(letter for letter in clean if unicodedata.category(letter) != "Cs")
    return clean.strip()[:most]


def key(data: JSON, name: str) -> str:
    """An id as text; "" for missing, null and 0, which stores use for "none"."""
    value = text(data, name, 100)
    return "" if value == "0" else value


def money(data: JSON, name: str) -> Decimal:
    """The amount; 0 when it is missing, null or empty. Raises Rejected."""
    value = data.get(name)
    if value is None or value == "":
        return Decimal(0)
    try:
        amount = Decimal(str(value))
    except InvalidOperation as error:
        raise wrong(name, value) from error
    if not amount.is_finite() or abs(amount) >= LARGEST:
        raise wrong(name, value)
    return amount


def whole(data: JSON, name: str) -> int:
    value = data.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > LARGEST_QUANTITY:
        raise wrong(name, value)
    return value


def instant(data: JSON, *names: str) -> datetime | None:
    """The first of the named instants that is there; without an offset it is UTC. Raises Rejected."""
    for name in names:
        value = data.get(name)
        if value in (None, ""):
            continue
        try:
            moment = datetime.fromisoformat(str(value))
            return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise wrong(name, value) from error
    return None


def needed(moment: datetime | None, name: str) -> datetime:
    if moment is None:
        raise wrong(name, _("missing"))
    return moment


def version(moment: datetime | None) -> int:
    """Microseconds since 1970, the clock that upserts compare."""
    if moment is None:
        return 0
    return max(0, int((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1_000_000))


def part(data: JSON, name: str) -> JSON:
    """The object of that name; empty when it is missing or none."""
    value = data.get(name)
    return value if isinstance(value, dict) else {}


def parts(data: JSON, name: str) -> Iterator[JSON]:
    """The objects in the list of that name."""
    value = data.get(name)
    if isinstance(value, list):
        yield from (one for one in value if isinstance(one, dict))


def full_name(given: str, family: str) -> str:
    """Family name first where the letters are Chinese, Japanese or Korean."""
    if any("㐀" <= letter <= "鿿" or "가" <= letter <= "힣" for letter in given + family):
        return f"{family}{given}"
    return " ".join(filter(None, [given, family]))
