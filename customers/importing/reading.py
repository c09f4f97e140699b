"""A row of the file as somebody's facts, or what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import available_timezones

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from crm.accounts.models import Membership, Merchant
from crm.imports.countries import country_code
from crm.imports.fields import Field
from crm.imports.guessing import comparable
from crm.imports.models import ImportBatch
from customers.fields.importing import PREFIX, cells_read, field_targets
from customers.fields.selectors import definitions
from customers.fields.values import Reader
from customers.identities import Contact, Key, keys_of
from customers.models import Customer, FieldDefinition
from customers.models.consent import Channel
from customers.normalising import is_masked, normalise_email, normalise_name, normalise_phone
from customers.services import clean_tags

_HAN = re.compile(r"[\u3400-\u9fff]")
_TAGS = re.compile(r"[,;，；、|]")
ANSWERS = {"email_marketing": Channel.EMAIL, "sms_marketing": Channel.SMS}
OWN = "attr_"
TEXTS = ("given_name", "family_name", "region", "city", "grade")


def own_fields(fields: Iterable[FieldDefinition]) -> list[Field]:
    """The shop's own fields as targets whose keys are names of columns in SQL."""
    return [replace(one, key=one.key.replace(PREFIX, OWN, 1)) for one in field_targets(fields)]


@dataclass(frozen=True)
class Wrong:
    """Why a row is refused; `key` is the field that it stands in, "" for the whole row."""

    key: str
    code: str
    message: str


@dataclass
class Entry:
    """What a row says, normalised. `values` are columns of the customer that it fills, without e-mail and
    phone; `keys` recognise them, the strongest first."""

    row: int
    number: int | None
    email: str
    phone: str
    values: dict[str, Any]
    company: str
    address: dict[str, str]
    note: str
    answers: dict[Channel, bool]
    answered_at: datetime | None
    created_at: datetime | None
    contact: Contact
    keys: list[Key] = field(default_factory=list)
    customer_id: int | None = None


class RowReader:
    """Reads staged rows of one batch; knows the shop's colleagues and the words of each choice."""

    def __init__(self, batch: ImportBatch, merchant: Merchant) -> None:
        self.merchant = merchant
        self.columns = [key for key in batch.mapping if batch.mapping[key]]
        self.refuses_phones = batch.options.get("phones") != "drop"
        members = Membership.objects.filter(merchant=merchant, is_active=True)
        self.definitions = definitions(FieldDefinition.Subject.CUSTOMER)
        self.unique_fields = [
            one for one in self.definitions if one.is_unique and self.target(one) in batch.mapping
        ]
        self.values_reader = Reader(merchant, "")
        self.members = {email.lower(): pk for email, pk in members.values_list("user__email", "pk")}

    def target(self, definition: FieldDefinition) -> str:
        """The key of the mapping that fills this field."""
        return f"{OWN}{definition.key}"

    def read(self, row: int, cells: Sequence[Any]) -> Entry | Wrong:
        """The row's facts, or the first thing that is wrong with it."""
        told = {key: cell for key, cell in zip(self.columns, cells, strict=True) if cell is not None}
        try:
            return self._entry(row, told)
        except _Refuse as refuse:
            return refuse.wrong

    def _entry(self, row: int, told: Mapping[str, Any]) -> Entry:
        country = self._country(told)
        email, phone = self._email(told), self._phone(told, country)
        values = self._values(told, country)
        number = self._number(told)
        if not (email or phone or number):
            raise _Refuse(
                "",
                "nobody",
                _("Nothing in it recognises anybody: it needs an e-mail address, a phone or a number here."),
            )
        contact = Contact(
            name=values.get("name", ""),
            email=email,
            phone=phone,
            country=country,
            city=values.get("city", ""),
            region=values.get("region", ""),
            language=values.get("language", ""),
        )
        return Entry(
            row=row,
            number=number,
            email=email,
            phone=phone,
            values=values,
            company=normalise_name(told.get("company", "")),
            address=self._address(told, values),
            note=str(told.get("note", "")).strip(),
            answers={channel: told[key] for key, channel in ANSWERS.items() if key in told},
            answered_at=told.get("consent_at"),
            created_at=told.get("created_at"),
            contact=contact,
            keys=keys_of(self.merchant, contact),
        )

    def _number(self, told: Mapping[str, Any]) -> int | None:
        text = told.get("number", "").removeprefix("#")
        if text and not (text.isascii() and text.isdecimal() and int(text) < 2**63):
            raise _Refuse("number", "number", _("“%(text)s” is no customer's number") % {"text": text})
        return int(text) if text else None

    def _email(self, told: Mapping[str, Any]) -> str:
        """Hidden letters and marketplaces' relays recognise nobody, and are no mistake either."""
        text = told.get("email", "")
        if not text or is_masked(text):
            return ""
        email = normalise_email(text)
        if not email:
            raise _Refuse("email", "email", _("“%(text)s” is no e-mail address") % {"text": text[:60]})
        return email

    def _phone(self, told: Mapping[str, Any], country: str) -> str:
        text = told.get("phone", "")
        if not text or is_masked(text):
            return ""
        phone = normalise_phone(text, country or self.merchant.country)
        if not phone and self.refuses_phones:
            raise _Refuse(
                "phone",
                "phone",
                _("“%(text)s” is no phone number of %(country)s")
                % {"text": text[:40], "country": country or self.merchant.country},
            )
        return phone

    def _country(self, told: Mapping[str, Any]) -> str:
        text = told.get("country", "")
        code = country_code(text)
        if text and not code:
            raise _Refuse("country", "country", _("“%(text)s” is no country that is known") % {"text": text})
        return code

    def _values(self, told: Mapping[str, Any], country: str) -> dict[str, Any]:
        values: dict[str, Any] = {key: normalise_name(told[key]) for key in TEXTS if key in told}
        values["name"] = normalise_name(told.get("name", "")) or _whole_name(values)
        values["country"] = country
        if "birthday_on" in told:
            values["birthday_on"] = self._birthday(told["birthday_on"])
        if "tags" in told:
            values["tags"] = clean_tags(_TAGS.split(told["tags"]))
        for key, words in (("kind", _words("kind")), ("stage", _words("stage"))):
            if key in told:
                values[key] = self._choice(key, told[key], words)
        if "language" in told:
            values["language"] = self._choice("language", told["language"], _languages())
        if "time_zone" in told:
            values["time_zone"] = self._zone(told["time_zone"])
        if "owner" in told:
            values["owner_id"] = self._owner(told["owner"])
        values["attributes"] = self._own(told)
        return {key: value for key, value in values.items() if value}

    def _own(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """The shop's own fields, in their normal form."""
        cells = {key.replace(OWN, PREFIX, 1): cell for key, cell in told.items() if key.startswith(OWN)}
        if not cells:
            return {}
        values, faults = cells_read(self.definitions, cells, self.values_reader)
        for key, text in faults.items():
            raise _Refuse(key.replace(PREFIX, OWN, 1), "field", text)
        return values

    def _birthday(self, day: date) -> date:
        if day > date.today():  # noqa: DTZ011 - a birthday has no clock; nobody is born tomorrow
            raise _Refuse("birthday_on", "birthday", _("“%(day)s” is yet to come") % {"day": day.isoformat()})
        return day

    def _choice(self, key: str, text: str, words: Mapping[str, str]) -> str:
        known = words.get(comparable(text))
        if known is None:
            allowed = ", ".join(sorted(set(words.values())))
            raise _Refuse(
                key,
                "choice",
                _("“%(text)s” is none of: %(choices)s") % {"text": text[:40], "choices": allowed},
            )
        return known

    def _zone(self, text: str) -> str:
        if text not in available_timezones():
            raise _Refuse("time_zone", "time_zone", _("“%(text)s” is no time zone") % {"text": text[:40]})
        return text

    def _owner(self, text: str) -> int:
        member = self.members.get(text.strip().lower())
        if member is None:
            raise _Refuse("owner", "owner", _("nobody works here under “%(text)s”") % {"text": text[:60]})
        return member

    def _address(self, told: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, str]:
        """Empty without a street or a postal code: a city alone is no address."""
        parts = {
            "line1": told.get("address", ""),
            "line2": told.get("address2", ""),
            "district": told.get("district", ""),
            "postal_code": told.get("postal_code", ""),
        }
        if not (parts["line1"] or parts["postal_code"]):
            return {}
        return parts | {
            "name": values.get("name", ""),
            "city": values.get("city", ""),
            "province": values.get("region", ""),
            "country": values.get("country", ""),
        }


class _Refuse(Exception):
    def __init__(self, key: str, code: str, message: str) -> None:
        super().__init__(message)
        self.wrong = Wrong(key, code, message)


def _whole_name(values: Mapping[str, Any]) -> str:
    """Chinese names put the family first and take no space."""
    given, family = values.get("given_name", ""), values.get("family_name", "")
    if _HAN.search(given + family):
        return f"{family}{given}"
    return f"{given} {family}".strip()


@lru_cache(maxsize=2)
def _words(key: str) -> Mapping[str, str]:
    """Every way to write a choice of this column: its value and its label in each language → value."""
    choices: Any = {"kind": Customer.Kind, "stage": Customer.Stage}[key]
    words = {comparable(value): value for value in choices.values}
    for code, _name in settings.LANGUAGES:
        with translation.override(code):
            words |= {comparable(str(label)): value for value, label in choices.choices}
    return words


@lru_cache(maxsize=1)
def _languages() -> Mapping[str, str]:
    """zh-CN, zh_TW, 中文, English … → the languages that mails are written in."""
    known = {
        "en": "en,en-us,en-gb,english,英语,英文,英語",
        "zh-hans": "zh,zh-cn,zh-sg,zh-hans,chinese,中文,简体中文,简体,普通话",
        "zh-hant": "zh-tw,zh-hk,zh-mo,zh-hant,繁体中文,繁體中文,繁體",
    }
    return {comparable(word): code for code, words in known.items() for word in words.split(",")}
