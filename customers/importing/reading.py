"""A row of the file as somebody's facts, or what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import available_timezones

from django.utils.translation import gettext as _

from crm.imports.guessing import comparable
from crm.imports.rows import Refuse
from customers.identities import Contact, Key, keys_of
from customers.importing.cells import CellReader, nobody, words_of
from customers.models import Customer, FieldDefinition
from customers.models.consent import Channel
from customers.normalising import normalise_name

_HAN = re.compile(r"[\u3400-\u9fff]")
ANSWERS = {"email_marketing": Channel.EMAIL, "sms_marketing": Channel.SMS}
TEXTS = ("given_name", "family_name", "region", "city", "grade")


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


class RowReader(CellReader):
    """Reads staged rows of one batch of customers."""

    subject = FieldDefinition.Subject.CUSTOMER

    def entry(self, row: int, told: Mapping[str, Any]) -> Entry:
        country = self.country(told)
        email, phone = self.email(told), self.phone(told, country)
        values = self._values(told, country)
        number = self.number(told)
        if not (email or phone or number):
            raise nobody()
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

    def _values(self, told: Mapping[str, Any], country: str) -> dict[str, Any]:
        values: dict[str, Any] = {key: normalise_name(told[key]) for key in TEXTS if key in told}
        values["name"] = normalise_name(told.get("name", "")) or _whole_name(values)
        values["country"] = country
        if "birthday_on" in told:
            values["birthday_on"] = self._birthday(told["birthday_on"])
        if "tags" in told:
            values["tags"] = self.tags(told["tags"])
        for key, words in (("kind", words_of(Customer.Kind)), ("stage", words_of(Customer.Stage))):
            if key in told:
                values[key] = self.choice(key, told[key], words)
        if "language" in told:
            values["language"] = self.choice("language", told["language"], _languages())
        if "time_zone" in told:
            values["time_zone"] = self._zone(told["time_zone"])
        if "owner" in told:
            values["owner_id"] = self.owner(told["owner"])
        values["attributes"] = self.own(told)
        return {key: value for key, value in values.items() if value}

    def _birthday(self, day: date) -> date:
        if day > date.today():  # noqa: DTZ011 - a birthday has no clock; nobody is born tomorrow
            raise Refuse("birthday_on", "birthday", _("“%(day)s” is yet to come") % {"day": day.isoformat()})
        return day

    def _zone(self, text: str) -> str:
        if text not in available_timezones():
            raise Refuse("time_zone", "time_zone", _("“%(text)s” is no time zone") % {"text": text[:40]})
        return text

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


def _whole_name(values: Mapping[str, Any]) -> str:
    """Chinese names put the family first and take no space."""
    given, family = values.get("given_name", ""), values.get("family_name", "")
    if _HAN.search(given + family):
        return f"{family}{given}"
    return f"{given} {family}".strip()


@lru_cache(maxsize=1)
def _languages() -> Mapping[str, str]:
    """zh-CN, zh_TW, 中文, English … → the languages that mails are written in."""
    known = {
        "en": "en,en-us,en-gb,english,英语,英文,英語",
        "zh-hans": "zh,zh-cn,zh-sg,zh-hans,chinese,中文,简体中文,简体,普通话",
        "zh-hant": "zh-tw,zh-hk,zh-mo,zh-hant,繁体中文,繁體中文,繁體",
    }
    return {comparable(word): code for code, words in known.items() for word in words.split(",")}
