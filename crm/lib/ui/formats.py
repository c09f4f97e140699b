"""Money, instants and figures as people read them, in the language of the request."""

from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache

import phonenumbers
from django.utils import formats, numberformat, timezone
from django.utils.translation import get_language, gettext, ngettext, pgettext

from crm.lib.money import minor_units, rounded

MINUS = "−"


def _table(text: str) -> dict[str, str]:
    return dict(pair.split(":") for pair in text.split())


# Symbols by CLDR 46, "standard" form: unambiguous among all currencies for a reader of the language.
_COMMON = "EUR:€ GBP:£ HKD:HK$ INR:₹ CAD:CA$ NZD:NZ$ BRL:R$ MXN:MX$ ILS:₪ VND:₫ PHP:₱"
_SYMBOLS = {
    "en": _table(f"{_COMMON} USD:$ JPY:¥ CNY:CN¥ TWD:NT$ KRW:₩ AUD:A$"),
    "zh-hans": _table(f"{_COMMON} USD:US$ JPY:JP¥ CNY:¥ TWD:NT$ KRW:￦ AUD:AU$"),
    "zh-hant": _table(f"{_COMMON} USD:US$ JPY:¥ CNY:CN¥ TWD:NT$ KRW:￦ AUD:AU$"),
}
# What a shop writes on its own price tags.
_NARROW = _table(
    "CNY:¥ JPY:¥ USD:$ CAD:$ AUD:$ NZD:$ SGD:$ MXN:$ HKD:HK$ TWD:NT$ GBP:£ EUR:€ KRW:₩ INR:₹ BRL:R$ VND:₫"
    " PHP:₱ ILS:₪ THB:฿ TRY:₺ UAH:₴"
)
# When the shop's own currency took the plain sign, its twin says whose it is.
_TWINS = _table("JPY:JP¥ CNY:CN¥ USD:US$ MXN:MX$ CAD:CA$ AUD:A$")


def currency_sign(currency: str, home: str = "") -> str:
    """The sign before the figure: short for the shop's own currency, unmistakable for any other."""
    own = _NARROW.get(home, "")
    if currency == home and own:
        return own
    sign = _SYMBOLS.get(get_language() or "en", _SYMBOLS["en"]).get(currency, f"{currency}\u00a0")
    return _TWINS.get(currency, f"{currency}\u00a0") if sign == own else sign


def money_text(amount: Decimal | int | str, currency: str, *, home: str = "", whole: bool = False) -> str:
    """`¥3,280.00`: grouped, to the currency's ISO 4217 minor unit, half up; minus before the sign.

    `whole` leaves out the minor unit (for figures on a board).
    """
    value = Decimal(amount)
    value = value.quantize(Decimal(1), rounding=ROUND_HALF_UP) if whole else rounded(value, currency)
    places = 0 if whole else minor_units(currency)
    return f"{MINUS if value < 0 else ''}{currency_sign(currency, home)}{_grouped(abs(value), places)}"


def number_text(value: Decimal | float | int, places: int | None = None) -> str:
    """A figure grouped for reading: `1,204`; with `places` rounded half up to them."""
    exact = Decimal(str(value))
    if places is not None:
        exact = exact.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
    return f"{MINUS if exact < 0 else ''}{_grouped(abs(exact), places)}"


def _grouped(value: Decimal, places: int | None) -> str:
    """Thousands apart. Not by Django's formats: those for Chinese don't group at all."""
    return numberformat.format(value, ".", places, grouping=3, thousand_sep=",", force_grouping=True)


def percent_text(rate: Decimal | float, places: int = 0, *, sign: bool = False) -> str:
    """A rate of 0–1 as a percentage: `12 %`; `sign` also writes the plus."""
    text = number_text(Decimal(str(rate)) * 100, places)
    plus = "+" if sign and text[0] != MINUS and text.strip("0.") else ""
    return f"{plus}{text}\u202f%"


def phone_text(value: str) -> str:
    """`+8613800138000` → `+86 138 0013 8000`, as its country groups it (ITU-T E.123); others as they are."""
    if not value.startswith("+"):
        return value
    try:
        number = phonenumbers.parse(value, None)
    except phonenumbers.NumberParseException:
        return value
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL))


def relative_text(at: datetime, now: datetime | None = None) -> str:
    """How long ago or how soon: `5 min ago`, `yesterday`, `12 days ago`, then a date (active time zone)."""
    now = now or timezone.now()
    seconds = (now - at).total_seconds()
    if seconds < -45:
        return _until(at, now, -seconds)
    if seconds < 45:
        return gettext("just now")
    if seconds < 45 * 60:
        minutes = max(1, round(seconds / 60))
        return ngettext("%(count)s min ago", "%(count)s min ago", minutes) % {"count": minutes}
    days = (timezone.localtime(now).date() - timezone.localtime(at).date()).days
    if days == 0 or seconds < 6 * 3600:
        hours = max(1, round(seconds / 3600))
        return ngettext("%(count)s h ago", "%(count)s h ago", hours) % {"count": hours}
    if days == 1:
        return gettext("yesterday")
    if days < 31:
        return ngettext("%(count)s day ago", "%(count)s days ago", days) % {"count": days}
    return day_text(timezone.localtime(at).date(), timezone.localtime(now).date())


def _until(at: datetime, now: datetime, seconds: float) -> str:
    if seconds < 45 * 60:
        minutes = max(1, round(seconds / 60))
        return ngettext("in %(count)s min", "in %(count)s min", minutes) % {"count": minutes}
    days = (timezone.localtime(at).date() - timezone.localtime(now).date()).days
    if days == 0 or seconds < 6 * 3600:
        hours = max(1, round(seconds / 3600))
        return ngettext("in %(count)s h", "in %(count)s h", hours) % {"count": hours}
    if days == 1:
        return gettext("tomorrow")
    if days < 31:
        return ngettext("in %(count)s day", "in %(count)s days", days) % {"count": days}
    return day_text(timezone.localtime(at).date(), timezone.localtime(now).date())


@lru_cache(maxsize=4_096)
def _dated(day: date, pattern: str, language: str | None) -> str:
    """A page shows fifty dates, the next page mostly the same ones; formatting one takes 0.1 ms."""
    return formats.date_format(day, pattern)


def _written(day: date, pattern: str) -> str:
    return _dated(day, pattern, get_language())


def day_text(day: date, today: date | None = None) -> str:
    """`18 Nov`, with the year when it is not this one."""
    today = today or timezone.localdate()
    if day.year == today.year:
        return _written(day, pgettext("date without year, Django date format", "j M"))
    return _written(day, pgettext("date with year, Django date format", "j M Y"))


def heading_text(day: date, today: date | None = None) -> str:
    """The day as the heading of a timeline: `Today`, `Yesterday`, `Wednesday, 18 Nov`, `18 Nov 2025`."""
    today = today or timezone.localdate()
    if day == today:
        return gettext("Today")
    if day == today - timedelta(days=1):
        return gettext("Yesterday")
    if timedelta(0) < today - day < timedelta(days=7):
        return _written(day, pgettext("weekday and date, Django date format", "l, j M"))
    return day_text(day, today)


def exact_text(at: datetime) -> str:
    """The instant to the minute with its zone, in the active time zone: `18 Nov 2026, 14:05 CST`."""
    local = timezone.localtime(at)
    pattern = pgettext("exact time, Django date format", "j M Y, H:i")
    if pattern.endswith("H:i"):
        text = _written(local.date(), pattern.removesuffix("H:i")) + local.strftime("%H:%M")
    else:
        text = formats.date_format(local, pattern)
    return f"{text} {zone_text(local)}"


def zone_text(local: datetime) -> str:
    """`UTC`, `UTC+8`, `UTC+5:30`: abbreviations such as CST are ambiguous."""
    minutes = int((local.utcoffset() or timedelta(0)).total_seconds() // 60)
    if not minutes:
        return "UTC"
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{'+' if minutes > 0 else MINUS}{hours}{f':{rest:02d}' if rest else ''}"
