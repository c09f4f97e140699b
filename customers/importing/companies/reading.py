"""A row of the file as a company's facts and a contact's, or what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from crm.accounts.models import Membership, Merchant
from crm.imports.models import ImportBatch
from crm.imports.rows import Refuse
from crm.lib.errors import Rejected
from customers.companies.services import company_values
from customers.identities import Contact, Key, keys_of
from customers.importing.cells import CellReader, words_of
from customers.models import Company, CompanyContact, FieldDefinition
from customers.normalising import is_masked, normalise_name

PLAIN = (
    *("external_id", "tax_number", "registration_number", "price_group", "website", "email", "phone"),
    *("region", "city", "credit_limit", "currency", "payment_days"),
)
_SEVERAL = re.compile(r"[,;，；、|/]")


@dataclass(frozen=True)
class ContactTold:
    """Who speaks for the company, as the row says; `keys` recognise them, the strongest first."""

    contact: Contact
    keys: list[Key]
    roles: list[str]
    title: str
    is_first: bool


@dataclass(frozen=True)
class CompanyTold:
    """What a row says, normalised. `values` is what `company_create` takes, without the parent."""

    row: int
    values: dict[str, Any]
    parent: str
    contact: ContactTold | None

    @property
    def external_id(self) -> str:
        return str(self.values.get("external_id", ""))

    @property
    def tax_number(self) -> str:
        return str(self.values.get("tax_number", ""))

    @property
    def folded(self) -> str:
        return fold(self.values["name"])


def fold(name: str) -> str:
    """A name as it is compared: exactly, but for case."""
    return normalise_name(name).lower()


class CompanyReader(CellReader):
    """Reads staged rows of one batch of companies by the rules of `customers.companies.services`."""

    subject = FieldDefinition.Subject.COMPANY

    def __init__(self, batch: ImportBatch, merchant: Merchant) -> None:
        super().__init__(batch, merchant)
        self.currency = batch.options.get("currency", "")
        ids = set(self.members.values())
        self.owners = {one.pk: one for one in Membership.objects.filter(pk__in=ids).select_related("user")}

    def entry(self, row: int, told: Mapping[str, Any]) -> CompanyTold:
        name = normalise_name(told.get("name", ""))
        if not name:
            raise Refuse("name", "missing", _("is empty"))
        country = self.country(told)
        values: dict[str, Any] = {"name": name, "country": country}
        values |= {key: told[key] for key in PLAIN if key in told}
        if is_masked(values.get("email", "")):
            del values["email"]
        if "credit_limit" in values and "currency" not in values and self.currency:
            values["currency"] = "" if self.currency == self.merchant.base_currency else self.currency
        if "kind" in told:
            values["kind"] = self.choice("kind", told["kind"], words_of(Company.Kind))
        if "tags" in told:
            values["tags"] = self.tags(told["tags"])
        if "owner" in told:
            values["owner"] = self.owners[self.owner(told["owner"])]
        values = self._clean(values)
        values["attributes"] = self.own(told)
        kept = {key: value for key, value in values.items() if value not in ("", None, [], {})}
        return CompanyTold(
            row=row,
            values=kept,
            parent=str(told.get("parent", "")).strip(),
            contact=self._contact(told, country),
        )

    def _clean(self, values: dict[str, Any]) -> dict[str, Any]:
        try:
            return company_values(self.merchant, values, Company(merchant=self.merchant))
        except Rejected as refusal:
            key, texts = next(iter(refusal.fields.items()))
            raise Refuse(key, "company", str(texts[0])) from refusal

    def _contact(self, told: Mapping[str, Any], country: str) -> ContactTold | None:
        if not any(told.get(f"contact_{key}") for key in ("name", "email", "phone")):
            return None
        email = self.email(told, "contact_email")
        phone = self.phone(told, country, "contact_phone")
        contact = Contact(
            name=normalise_name(told.get("contact_name", "")), email=email, phone=phone, country=country
        )
        keys = keys_of(self.merchant, contact)
        if not keys:
            text = _("a contact needs an e-mail address or a phone: a name alone recognises nobody")
            raise Refuse("contact_name", "nobody", text)
        words = words_of(CompanyContact.Role)
        roles = [one.strip() for one in _SEVERAL.split(told.get("contact_roles", "")) if one.strip()]
        return ContactTold(
            contact=contact,
            keys=keys,
            roles=[self.choice("contact_roles", one, words) for one in roles],
            title=normalise_name(told.get("contact_title", "")),
            is_first=bool(told.get("contact_first")),
        )
