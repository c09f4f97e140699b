"""Cells to values: dates, money, numbers and references, each with a sentence for what can't be read.

A converter returns the text that PostgreSQL's COPY reads, None for an empty cell, or a `Bad`.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from crm.lib.exporting import FORMULA_STARTS

from .fields import Field, Kind
from .readers import Cell

# numeric(19,4)
MAX_MONEY = Decimal(10) ** 15
FOUR_PLACES = Decimal("0.0001")
MAX_INTEGER = 2**31 - 1
EARLIEST_YEAR, LATEST_YEAR = 1970, 2100
EARLIEST_DAY = date(1900, 1, 1)


@dataclass(frozen=True)
class Bad:
    """A cell that can't be read. `message` says what it holds and what is wanted."""

    code: str
    message: str


@dataclass(frozen=True)
class Reading:
    """How ambiguous cells are read: the shop's clock, day or month first, point or comma."""

    zone: ZoneInfo
    date_order: str = "dmy"  # dmy | mdy
    decimal_sign: str = "."


Converted = str | None | Bad
Converter = Callable[[Cell], Converted]


def converter_for(field: Field, reading: Reading) -> Converter:
    """The function that reads this field's cells."""
    match field.kind:
        case Kind.INSTANT:
            return lambda cell: to_instant(cell, reading)
        case Kind.DATE:
            return lambda cell: to_day(cell, reading.date_order)
        case Kind.FLAG:
            return to_flag
        case Kind.MONEY:
            return lambda cell: to_money(cell, reading.decimal_sign)
        case Kind.INTEGER:
            return lambda cell: to_integer(cell, reading.decimal_sign)
        case Kind.REFERENCE:
            return lambda cell: to_text(_plain_number(cell), field.max_chars)
        case Kind.CURRENCY:
            return to_currency
        case _:
            return lambda cell: to_text(cell, field.max_chars)


# ------------------------------------------------------------------------------------------------ text
def to_text(cell: Cell, max_chars: int) -> Converted:
    """The text without outer blanks; control characters become blanks. The apostrophe that an export puts
    before what a spreadsheet would run as a formula (+86 …) is taken off again."""
    if cell is None:
        return None
    text = str(cell).strip()
    if text.startswith("'") and text[1:].startswith(FORMULA_STARTS):
        text = text[1:]
    if not text:
        return None
    if not text.isprintable():
        text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if len(text) > max_chars:
        return Bad(
            "too_long", _("holds %(n)s characters; at most %(max)s fit") % {"n": len(text), "max": max_chars}
        )
    return text or None


def _plain_number(cell: Cell) -> Cell:
    """13085.0, a spreadsheet's or Parquet's idea of a customer number, as 13085."""
    if isinstance(cell, float) and cell.is_integer():
        return int(cell)
    if isinstance(cell, str) and cell.endswith(".0") and cell[:-2].isdecimal():
        return cell[:-2]
    return cell


def to_currency(cell: Cell) -> Converted:
    text = str(cell).strip().upper() if cell is not None else ""
    if not text:
        return None
    text = {
        "RMB": "CNY",
        "￥": "CNY",
        "人民币": "CNY",
        "港币": "HKD",
        "€": "EUR",
        "£": "GBP",
        "美元": "USD",
    }.get(text, text)
    if len(text) != 3 or not (text.isascii() and text.isalpha()):
        return Bad("currency", _("“%(text)s” is no currency code such as CNY or EUR") % {"text": text[:20]})
    return text


_YES = frozenset(
    [
        *("yes", "y", "true", "t", "1", "on", "x", "subscribed", "granted"),
        *("是", "真", "同意", "已同意", "已订阅", "订阅", "有", "訂閱", "已訂閱"),
    ]
)
_NO = frozenset(
    [
        *("no", "n", "false", "f", "0", "off", "unsubscribed", "withdrawn"),
        *("否", "假", "不同意", "未同意", "已退订", "退订", "未订阅", "无", "無", "退訂"),
    ]
)


def to_flag(cell: Cell) -> Converted:
    """`t` or `f`, as PostgreSQL reads them; None for an empty cell, which says neither."""
    text = str(cell).strip().casefold().removesuffix(".0") if cell is not None else ""
    if not text:
        return None
    if text in _YES or text in _NO:
        return "t" if text in _YES else "f"
    return Bad("flag", _("“%(text)s” is neither yes nor no") % {"text": text[:20]})


# ------------------------------------------------------------------------------------------------ numbers
_MONEY_SIGNS = re.compile(r"[\s'’_$€£¥₩₹฿元圆]|CNY|RMB|USD|EUR|GBP|HKD|TWD|JPY", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d{1,2})?")


def to_decimal(cell: Cell, decimal_sign: str) -> Decimal | Bad | None:
    """Reads 1,234.50 and 1.234,50 by `decimal_sign`; ¥ and spaces are passed over, (12.00) is −12."""
    if cell is None or isinstance(cell, bool):
        return None if cell is None else Bad("number", _("“%(text)s” is no number") % {"text": cell})
    if isinstance(cell, int | Decimal):
        return Decimal(cell)
    if isinstance(cell, float):
        return Decimal(repr(cell)) if cell == cell else None  # Parquet writes missing numbers as NaN
    text = _MONEY_SIGNS.sub("", unicodedata.normalize("NFKC", str(cell)).replace("−", "-"))
    if not text:
        return None
    if text.startswith("(") and text.endswith(")"):
        text = "-" + text[1:-1]
    elif text.endswith("-"):
        text = "-" + text[:-1]
    grouping = "." if decimal_sign == "," else ","
    text = text.replace(grouping, "").replace(",", ".")
    if not _NUMBER.fullmatch(text):
        return Bad("number", _("“%(text)s” is no number") % {"text": str(cell)[:40]})
    return Decimal(text)


def to_money(cell: Cell, decimal_sign: str) -> Converted:
    """An amount with four places, half up. Raises nothing: infinities and giants are a `Bad`."""
    number = to_decimal(cell, decimal_sign)
    if number is None or isinstance(number, Bad):
        return number
    try:
        amount = number.quantize(FOUR_PLACES, rounding=ROUND_HALF_UP)
    except InvalidOperation:
        amount = MAX_MONEY
    if abs(amount) >= MAX_MONEY:
        return Bad("too_large", _("“%(text)s” is larger than any price") % {"text": str(cell)[:40]})
    return str(amount)


def to_integer(cell: Cell, decimal_sign: str) -> Converted:
    number = to_decimal(cell, decimal_sign)
    if number is None or isinstance(number, Bad):
        return number
    if number != number.to_integral_value():
        return Bad("integer", _("“%(text)s” is no whole number") % {"text": str(cell)[:40]})
    if abs(number) > MAX_INTEGER:
        return Bad("too_large", _("“%(text)s” is too large a number") % {"text": str(cell)[:40]})
    return str(int(number))


# ------------------------------------------------------------------------------------------------ instants
_MONTHS = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1
    )
}
_TIME = (
    r"(?:[T,\s]+(?P<before>上午|下午)?\s*(?P<h>\d{1,2})[:时点](?P<mi>\d{1,2})(?:[:分](?P<s>\d{1,2})(?:[.,]\d+)?秒?|分)?"
    r"\s*(?P<half>[AaPp]\.?[Mm]\.?|上午|下午)?\s*(?P<zone>Z|UTC|GMT|[+-]\d{2}:?\d{2})?)?"
)
_YEAR_FIRST = re.compile(r"(?P<y>\d{4})[-/.年](?P<m>\d{1,2})[-/.月](?P<d>\d{1,2})日?" + _TIME)
_YEAR_LAST = re.compile(r"(?P<a>\d{1,2})[-/.](?P<b>\d{1,2})[-/.](?P<y>\d{4}|\d{2})" + _TIME)
_COMPACT = re.compile(
    r"(?P<y>(?:19|20)\d{2})(?P<m>\d{2})(?P<d>\d{2})(?:(?P<h>\d{2})(?P<mi>\d{2})(?P<s>\d{2})?)?"
)
_DAY_NAME_YEAR = re.compile(
    r"(?:[A-Za-z]{3,9},?\s+)?(?P<d>\d{1,2})[-\s](?P<mon>[A-Za-z]{3,9})\.?[-,\s]+(?P<y>\d{4})" + _TIME
)
_NAME_DAY_YEAR = re.compile(r"(?P<mon>[A-Za-z]{3,9})\.?\s+(?P<d>\d{1,2}),?\s+(?P<y>\d{4})" + _TIME)
_EPOCH = re.compile(r"1\d{9}(?:\d{3})?")


def to_instant(cell: Cell, reading: Reading) -> Converted:
    """ISO 8601 in UTC. A time without a zone is the shop's own clock; an hour that the clock skips in spring
    is read an hour later, one that it repeats in autumn is the first."""
    if cell is None:
        return None
    if isinstance(cell, datetime):
        return _utc(cell, reading.zone)
    if isinstance(cell, date):
        return _utc(datetime(cell.year, cell.month, cell.day), reading.zone)  # noqa: DTZ001 - made aware in _utc
    text = unicodedata.normalize("NFKC", str(cell)).strip()
    if not text:
        return None
    try:
        moment = parse_date(text, reading.date_order)
    except ValueError:
        moment = None
    if moment is None:
        return Bad("date", _no_date(text, reading.date_order))
    return _utc(moment, reading.zone)


def to_day(cell: Cell, date_order: str) -> Converted:
    """An ISO 8601 day without a clock: a birthday is the same everywhere."""
    if cell is None:
        return None
    if isinstance(cell, date):
        day = cell.date() if isinstance(cell, datetime) else cell
    else:
        text = unicodedata.normalize("NFKC", str(cell)).strip()
        if not text:
            return None
        try:
            moment = parse_date(text, date_order)
        except ValueError:
            moment = None
        if moment is None:
            return Bad("date", _no_date(text, date_order))
        day = moment.date()
    if not EARLIEST_DAY <= day <= date(LATEST_YEAR, 12, 31):
        return Bad("date", _("the year %(year)s can't be right") % {"year": day.year})
    return day.isoformat()


def parse_date(text: str, date_order: str) -> datetime | None:
    """The date in one of the known forms, aware only if it says its zone. Raises ValueError for 31
    February."""
    if _EPOCH.fullmatch(text):
        return datetime.fromtimestamp(int(text[:10]), tz=UTC)
    found = _YEAR_FIRST.fullmatch(text) or _COMPACT.fullmatch(text)
    if found:
        return _moment(found, int(found["m"]), int(found["d"]))
    found = _YEAR_LAST.fullmatch(text)
    if found:
        first, second = int(found["a"]), int(found["b"])
        return _moment(found, second, first) if date_order == "dmy" else _moment(found, first, second)
    found = _DAY_NAME_YEAR.fullmatch(text) or _NAME_DAY_YEAR.fullmatch(text)
    if found and found["mon"][:3].lower() in _MONTHS:
        return _moment(found, _MONTHS[found["mon"][:3].lower()], int(found["d"]))
    return None


def ambiguous_parts(text: str) -> tuple[int, int] | None:
    """(first, second) number of a date such as 03/04/2024, or None when its order needs no guess."""
    found = _YEAR_LAST.fullmatch(unicodedata.normalize("NFKC", text).strip())
    return (int(found["a"]), int(found["b"])) if found else None


def _moment(found: re.Match[str], month: int, day: int) -> datetime:
    parts = found.groupdict()
    year = int(parts["y"])
    if year < 100:
        year += 2000
    hour = int(parts.get("h") or 0)
    half = (parts.get("half") or parts.get("before") or "").lower().replace(".", "")
    if half in {"pm", "下午"} and hour < 12:
        hour += 12
    elif half in {"am", "上午"} and hour == 12:
        hour = 0
    moment = datetime(year, month, day, hour, int(parts.get("mi") or 0), int(parts.get("s") or 0))  # noqa: DTZ001
    zone = parts.get("zone")
    if not zone:
        return moment
    if zone in {"Z", "UTC", "GMT"}:
        return moment.replace(tzinfo=UTC)
    return datetime.strptime(f"{moment:%Y-%m-%dT%H:%M:%S}{zone}", "%Y-%m-%dT%H:%M:%S%z")


def _utc(moment: datetime, zone: ZoneInfo) -> Converted:
    if not EARLIEST_YEAR <= moment.year <= LATEST_YEAR:
        return Bad("date", _("the year %(year)s can't be right") % {"year": moment.year})
    aware = moment if moment.tzinfo else moment.replace(tzinfo=zone)
    return aware.astimezone(UTC).isoformat()


def _no_date(text: str, date_order: str) -> str:
    parts = ambiguous_parts(text)
    if parts and max(parts) > 12:
        order = _("day/month/year") if date_order == "dmy" else _("month/day/year")
        return _("“%(text)s” is no date in the order %(order)s") % {"text": text[:40], "order": order}
    return _("“%(text)s” is no date that can be read, such as 2024-05-31 18:30") % {"text": text[:40]}
