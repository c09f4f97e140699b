"""One form for every value of a custom field, whichever way it came: form, API, import, bulk change.

Normal forms in `attributes`: text, e-mail, address and country are strings; a phone is E.164; a number is a
JSON number; an amount is a string of the shop's base currency ("12.50"), floats lie; yes/no is a boolean; a
date "2026-11-22"; an instant "2026-11-22T08:00:00Z", always UTC; a choice its value, several a list in the
shop's order; a colleague, customer or company its id. Nothing is stored for an empty value.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.utils.dateparse import parse_date, parse_datetime
from django.utils.translation import gettext as _

from crm.accounts.models import Merchant
from crm.lib.ids import row_id
from crm.lib.ui.places import country_choices
from customers.fields import references
from customers.models import FieldDefinition
from customers.normalising import is_masked, normalise_email, normalise_phone

Type = FieldDefinition.Type
LONGEST = {Type.TEXT: 300, Type.LONG: 5_000, Type.URL: 500}
# Doubles keep 15 decimal digits (IEEE 754); more would come back changed.
MOST_DIGITS = 15
# The years that a form's date control can show.
YEARS = range(1000, 10_000)
YES = frozenset({"true", "1", "yes", "y", "on", "是", "有", "ja", "oui"})
NO = frozenset({"false", "0", "no", "n", "off", "否", "无", "nein", "non"})


class Misfit(ValueError):
    """The value doesn't fit the field; says what would."""


@dataclass
class Reader:
    """Who reads the values: the shop, whose country, zone and rows they are read by. Keeps what it looked
    up, so that a chunk of an import asks once for each name. Inside the merchant's scope."""

    merchant: Merchant
    country: str = ""
    _known: dict[tuple[str, str], int | None] = field(default_factory=dict)

    @property
    def zone(self) -> ZoneInfo:
        return self.merchant.zone

    def id_of(self, kind: str, text: str, find: Callable[[str], int | None]) -> int | None:
        key = (kind, text)
        if key not in self._known:
            self._known[key] = find(text)
        return self._known[key]


def clean_value(definition: FieldDefinition, raw: Any, reader: Reader) -> Any:
    """The normal form of `raw`; None for an empty value. Raises Misfit with words for whoever sent it."""
    if raw is None or raw == "" or raw == []:
        return None
    value = READERS[Type(definition.type)](definition, raw, reader)
    if value is None or value == "" or value == []:
        return None
    _keep_rules(definition, value)
    return value


# --- words ----------------------------------------------------------------------------------------------


def _text(definition: FieldDefinition, raw: Any, reader: Reader) -> str:
    text = _one_line(_string(raw))
    return _bounded(definition, text)


def _long(definition: FieldDefinition, raw: Any, reader: Reader) -> str:
    text = unicodedata.normalize("NFC", _string(raw)).replace("\r\n", "\n").strip()
    kept = "".join(letter for letter in text if letter == "\n" or letter == "\t" or letter.isprintable())
    return _bounded(definition, kept)


def _string(raw: Any) -> str:
    if isinstance(raw, bool) or not isinstance(raw, str | int | float | Decimal):
        raise Misfit(_("Give a text."))
    return str(raw)


def _one_line(text: str) -> str:
    printable = "".join(
        letter if letter.isprintable() else " " for letter in unicodedata.normalize("NFC", text)
    )
    return " ".join(printable.split())


def _bounded(definition: FieldDefinition, text: str) -> str:
    most = LONGEST.get(Type(definition.type), 300)
    if len(text) > most:
        raise Misfit(_("At most %(most)s letters.") % {"most": most})
    return text


def _email(definition: FieldDefinition, raw: Any, reader: Reader) -> str:
    email = normalise_email(_string(raw))
    if not email or is_masked(email):
        raise Misfit(_("This isn't a complete e-mail address."))
    return email


def _phone(definition: FieldDefinition, raw: Any, reader: Reader) -> str:
    phone = normalise_phone(_string(raw), reader.country or reader.merchant.country)
    if not phone:
        raise Misfit(_("This isn't a valid phone number. Numbers abroad start with + and the country."))
    return phone


_address = URLValidator(schemes=["http", "https"])


def _url(definition: FieldDefinition, raw: Any, reader: Reader) -> str:
    text = _string(raw).strip()
    if "://" not in text:
        text = f"https://{text}"
    try:
        _address(text)
    except ValidationError as error:
        raise Misfit(_("Give a web address such as https://example.com.")) from error
    return _bounded(definition, text)


def _country(definition: FieldDefinition, raw: Any, reader: Reader) -> str:
    text = _one_line(_string(raw))
    code = text.upper()
    names = _countries()
    if code in names.values():
        return code
    found = names.get(text.casefold())
    if found is None:
        raise Misfit(_("Use the two letters of the country, such as CN or DE."))
    return found


def _countries() -> dict[str, str]:
    """Name in the active language, case aside → code."""
    return {str(name).casefold(): code for code, name in country_choices()}


# --- figures and days -------------------------------------------------------------------------------------


def decimal_of(raw: Any) -> Decimal:
    """The number that was sent or typed. Raises Misfit."""
    if isinstance(raw, bool) or not isinstance(raw, str | int | float | Decimal):
        raise Misfit(_("Give a number."))
    text = unicodedata.normalize("NFKC", str(raw)).strip().replace(" ", "").replace("\u2212", "-")
    if "," in text:  # 1,234.50 is grouped; 1,5 is ambiguous and refused
        if not re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?", text):
            raise Misfit(_("Give a number such as 1234.5, with a point."))
        text = text.replace(",", "")
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise Misfit(_("Give a number.")) from error
    if (
        not number.is_finite()
        or len(number.as_tuple().digits) > MOST_DIGITS
        or abs(number.adjusted()) > MOST_DIGITS
    ):
        raise Misfit(_("Give a number of at most %(most)s digits.") % {"most": MOST_DIGITS})
    return number


def _number(definition: FieldDefinition, raw: Any, reader: Reader) -> int | float:
    number = decimal_of(raw)
    return int(number) if number == number.to_integral_value() else float(number)


def _money(definition: FieldDefinition, raw: Any, reader: Reader) -> str:
    amount = decimal_of(raw)
    if amount != round(amount, 4):
        raise Misfit(_("An amount has at most four decimal places."))
    plain = amount.normalize()
    exponent = plain.as_tuple().exponent
    return f"{plain:.2f}" if isinstance(exponent, int) and exponent > -2 else f"{plain:f}"


def _yes_no(definition: FieldDefinition, raw: Any, reader: Reader) -> bool:
    if isinstance(raw, bool):
        return raw
    word = _string(raw).strip().casefold()
    if word in YES or word == _("yes"):
        return True
    if word in NO or word == _("no"):
        return False
    raise Misfit(_("Say yes or no."))


def _date(definition: FieldDefinition, raw: Any, reader: Reader) -> str:
    if isinstance(raw, datetime):
        raw = raw.astimezone(reader.zone).date() if raw.tzinfo else raw.date()
    if isinstance(raw, date):
        day: date | None = raw
    else:
        try:
            day = parse_date(_day_like(_string(raw)))
        except ValueError:  # 2026-02-31
            day = None
    if day is None or day.year not in YEARS:
        raise Misfit(_("Give a day such as 2026-11-22."))
    return day.isoformat()


def _day_like(text: str) -> str:
    """2026/11/22, 2026.11.22 and 2026年11月22日 as well as ISO 8601; a time behind it is left off."""
    found = re.match(r"\s*(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?(?=$|[T\s])", text)
    return "-".join(found.groups()) if found else text.strip()


def _instant(definition: FieldDefinition, raw: Any, reader: Reader) -> str:
    if isinstance(raw, datetime):
        moment: datetime | None = raw
    else:
        text = _string(raw).strip().replace("/", "-")
        try:
            moment = parse_datetime(text)
            day = None if moment else parse_date(text)
        except ValueError:
            moment = day = None
        if moment is None and day is not None:
            moment = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - its zone follows
    if moment is None or moment.year not in YEARS:
        raise Misfit(_("Give a day and time such as 2026-11-22 14:30."))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=reader.zone)
    try:
        return moment.astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z")
    except OverflowError as error:
        raise Misfit(_("Give a day and time such as 2026-11-22 14:30.")) from error


# --- lists and references -------------------------------------------------------------------------------


def _choice(definition: FieldDefinition, raw: Any, reader: Reader) -> str:
    return _chosen(definition, _string(raw))


def _chosen(definition: FieldDefinition, text: str) -> str:
    """By value, else by label, case aside."""
    text = _one_line(text)
    if text in definition.labels:
        return text
    folded = text.casefold()
    for value, label in definition.labels.items():
        if folded in (value.casefold(), label.casefold()):
            return value
    shown = ", ".join(list(definition.labels.values())[:8])
    more = "…" if len(definition.choices) > 8 else ""
    raise Misfit(
        _("“%(value)s” isn't on the list: %(choices)s") % {"value": text[:40], "choices": shown + more}
    )


def _choices(definition: FieldDefinition, raw: Any, reader: Reader) -> list[str]:
    if isinstance(raw, str):
        raw = re.split(r"[,;，；、|]", raw)
    if not isinstance(raw, list | tuple):
        raise Misfit(_("Give a list."))
    found = {_chosen(definition, _string(one)) for one in raw if one not in ("", None)}
    return [value for value in definition.labels if value in found]


def _reference(kind: str, find: Callable[[int], int | None], named: Callable[[str], int | None]) -> Any:
    """By id, else by a name that only one has."""

    def read(definition: FieldDefinition, raw: Any, reader: Reader) -> int:
        text = _one_line(_string(raw))
        pk = row_id(text)
        found = reader.id_of(kind, text, lambda one: named(one) if pk is None else find(pk))
        if found is None:
            raise Misfit(_("Nobody is known as “%(value)s”.") % {"value": text[:80]})
        return found

    return read


READERS: dict[Type, Callable[[FieldDefinition, Any, Reader], Any]] = {
    Type.TEXT: _text,
    Type.LONG: _long,
    Type.NUMBER: _number,
    Type.MONEY: _money,
    Type.YES_NO: _yes_no,
    Type.DATE: _date,
    Type.INSTANT: _instant,
    Type.CHOICE: _choice,
    Type.CHOICES: _choices,
    Type.EMAIL: _email,
    Type.PHONE: _phone,
    Type.URL: _url,
    Type.COUNTRY: _country,
    Type.MEMBER: _reference("member", references.member_by_id, references.member_named),
    Type.CUSTOMER: _reference("customer", references.customer_by_id, references.customer_named),
    Type.COMPANY: _reference("company", references.company_by_id, references.company_named),
}


# --- the shop's own rules -----------------------------------------------------------------------------------


def _keep_rules(definition: FieldDefinition, value: Any) -> None:
    low, high, pattern = (definition.rules.get(name) for name in ("min", "max", "pattern"))
    if definition.type in (Type.NUMBER, Type.MONEY):
        _within(Decimal(str(value)), low and Decimal(low), high and Decimal(high))
    elif definition.type == Type.DATE:
        _within(value, low, high)
    elif definition.type in (Type.TEXT, Type.LONG):
        _long_enough(len(value), low, high)
        if pattern and not mask_regex(pattern).fullmatch(value):
            raise Misfit(_("This should look like %(pattern)s.") % {"pattern": pattern})


def _within(value: Any, low: Any, high: Any) -> None:
    if low not in (None, "") and value < low:
        raise Misfit(_("At least %(least)s.") % {"least": low})
    if high not in (None, "") and value > high:
        raise Misfit(_("At most %(most)s.") % {"most": high})


def _long_enough(length: int, low: Any, high: Any) -> None:
    if low and length < int(low):
        raise Misfit(_("At least %(least)s letters.") % {"least": low})
    if high and length > int(high):
        raise Misfit(_("At most %(most)s letters.") % {"most": high})


MASK = {"#": r"\d", "@": r"[^\W\d_]", "*": r"."}


@lru_cache(maxsize=500)
def mask_regex(pattern: str) -> re.Pattern[str]:
    """`AB-####`: # is a digit, @ a letter, * anything, every other sign itself. Not a regular expression on
    purpose: a shop manager can write it, and no text makes it slow."""
    return re.compile("".join(MASK.get(sign, re.escape(sign)) for sign in pattern), re.DOTALL)


# --- all of a customer's values -----------------------------------------------------------------------------


def clean_attributes(
    definitions: Iterable[FieldDefinition], sent: Mapping[str, Any], reader: Reader
) -> tuple[dict[str, Any], dict[str, str]]:
    """(key → normal form, None to take it away; key → what is wrong). Only what was sent is looked at."""
    known = {one.key: one for one in definitions}
    values: dict[str, Any] = {}
    faults: dict[str, str] = {}
    for key, raw in sent.items():
        definition = known.get(key)
        if definition is None:
            faults[str(key)[:60]] = _("There is no field “%(key)s”.") % {"key": str(key)[:60]}
            continue
        try:
            values[key] = clean_value(definition, raw, reader)
        except Misfit as misfit:
            faults[key] = str(misfit)
            continue
        if values[key] is None and definition.is_required:
            faults[key] = _("Fill this in.")
    return values, faults
