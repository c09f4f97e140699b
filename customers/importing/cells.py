"""What the cells of people, companies and answers have in common, whatever the file is about."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, ClassVar

from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext as _

from crm.accounts.models import Membership, Merchant
from crm.imports.countries import country_code
from crm.imports.fields import Field
from crm.imports.guessing import comparable
from crm.imports.models import ImportBatch
from crm.imports.rows import Refuse, Wrong
from customers.fields.importing import PREFIX, cells_read, field_targets
from customers.fields.selectors import definitions
from customers.fields.values import Reader
from customers.models import FieldDefinition
from customers.normalising import is_masked, normalise_email, normalise_phone
from customers.services import clean_tags

_TAGS = re.compile(r"[,;，；、|]")
OWN = "attr_"


def own_fields(fields: Iterable[FieldDefinition]) -> list[Field]:
    """The shop's own fields as targets whose keys are names of columns in SQL."""
    return [replace(one, key=one.key.replace(PREFIX, OWN, 1)) for one in field_targets(fields)]


class CellReader:
    """Reads staged rows of one batch; knows the shop's colleagues and the words of each choice. A kind of
    file says in `entry` what a row of it is."""

    subject: ClassVar[str] = ""

    def __init__(self, batch: ImportBatch, merchant: Merchant) -> None:
        self.merchant = merchant
        self.columns = [key for key in batch.mapping if batch.mapping[key]]
        self.refuses_phones = batch.options.get("phones") != "drop"
        members = Membership.objects.filter(merchant=merchant, is_active=True)
        self.definitions = definitions(self.subject) if self.subject else []
        self.unique_fields = [
            one for one in self.definitions if one.is_unique and self.target(one) in batch.mapping
        ]
        self.values_reader = Reader(merchant, "")
        self.members = {email.lower(): pk for email, pk in members.values_list("user__email", "pk")}

    def target(self, definition: FieldDefinition) -> str:
        """The key of the mapping that fills this field."""
        return f"{OWN}{definition.key}"

    def read(self, row: int, cells: Sequence[Any]) -> Any | Wrong:
        """The row's facts, or the first thing that is wrong with it."""
        told = {key: cell for key, cell in zip(self.columns, cells, strict=True) if cell is not None}
        try:
            return self.entry(row, told)
        except Refuse as refused:
            return refused.wrong

    def read_all(self, rows: Iterable[tuple[int, Sequence[Any]]]) -> tuple[list[Any], dict[int, Wrong]]:
        """(what can be, row → what is wrong with the others)."""
        read = [(row, self.read(row, cells)) for row, cells in rows]
        wrong = {row: one for row, one in read if isinstance(one, Wrong)}
        return [one for row, one in read if row not in wrong], wrong

    def entry(self, row: int, told: Mapping[str, Any]) -> Any:
        """Raises Refuse for a row that can't be."""
        raise NotImplementedError

    def number(self, told: Mapping[str, Any]) -> int | None:
        """The customer's number here."""
        text = told.get("number", "").removeprefix("#")
        if text and not (text.isascii() and text.isdecimal() and int(text) < 2**63):
            raise Refuse("number", "number", _("“%(text)s” is no customer's number") % {"text": text})
        return int(text) if text else None

    def email(self, told: Mapping[str, Any], key: str = "email") -> str:
        """Hidden letters and marketplaces' relays recognise nobody, and are no mistake either."""
        text = told.get(key, "")
        if not text or is_masked(text):
            return ""
        email = normalise_email(text)
        if not email:
            raise Refuse(key, "email", _("“%(text)s” is no e-mail address") % {"text": text[:60]})
        return email

    def phone(self, told: Mapping[str, Any], country: str, key: str = "phone") -> str:
        text = told.get(key, "")
        if not text or is_masked(text):
            return ""
        phone = normalise_phone(text, country or self.merchant.country)
        if not phone and self.refuses_phones:
            raise Refuse(
                key,
                "phone",
                _("“%(text)s” is no phone number of %(country)s")
                % {"text": text[:40], "country": country or self.merchant.country},
            )
        return phone

    def country(self, told: Mapping[str, Any]) -> str:
        text = told.get("country", "")
        code = country_code(text)
        if text and not code:
            raise Refuse("country", "country", _("“%(text)s” is no country that is known") % {"text": text})
        return code

    def tags(self, text: str) -> list[str]:
        return clean_tags(_TAGS.split(text))

    def choice(self, key: str, text: str, words: Mapping[str, str]) -> str:
        known = words.get(comparable(text))
        if known is None:
            allowed = ", ".join(sorted(set(words.values())))
            raise Refuse(
                key,
                "choice",
                _("“%(text)s” is none of: %(choices)s") % {"text": text[:40], "choices": allowed},
            )
        return known

    def owner(self, text: str) -> int:
        member = self.members.get(text.strip().lower())
        if member is None:
            raise Refuse("owner", "owner", _("nobody works here under “%(text)s”") % {"text": text[:60]})
        return member

    def own(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """The shop's own fields, in their normal form."""
        cells = {key.replace(OWN, PREFIX, 1): cell for key, cell in told.items() if key.startswith(OWN)}
        if not cells:
            return {}
        values, faults = cells_read(self.definitions, cells, self.values_reader)
        for key, text in faults.items():
            raise Refuse(key.replace(PREFIX, OWN, 1), "field", text)
        return values


def nobody() -> Refuse:
    """A row in which nothing recognises a person."""
    text = _("Nothing in it recognises anybody: it needs an e-mail address, a phone or a number here.")
    return Refuse("", "nobody", text)


@cache
def words_of(choices: Any) -> Mapping[str, str]:
    """Every way to write a choice: its value and its label in each language → value."""
    words = {comparable(value): value for value in choices.values}
    for code, _name in settings.LANGUAGES:
        with translation.override(code):
            words |= {comparable(str(label)): value for value, label in choices.choices}
    return words
