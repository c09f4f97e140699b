"""Writes to companies by staff, files and the API."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.accounts.models import Membership, Merchant
from crm.events.emitting import emit
from crm.lib.errors import Conflict, Rejected
from customers.companies import events
from customers.companies.searching import document_for
from customers.companies.tax import normalise_tax_number
from customers.companies.tree import check_parent, lock_tree
from customers.fields.keeping import attributes_merged
from customers.models import Company, Customer, FieldDefinition
from customers.normalising import is_masked, normalise_email, normalise_name, normalise_phone
from customers.searching import search_rebuild
from customers.services import ASKED, clean_tags, fault

# What a form, a file or the API may set; everything else is kept by the house itself.
FIELDS = frozenset(
    {
        "kind",
        "name",
        "parent",
        "external_id",
        "tax_number",
        "registration_number",
        "website",
        "email",
        "phone",
    }
    | {"country", "region", "city", "price_group", "credit_limit", "currency", "payment_days", "tags"}
    | {"attributes", "owner", "team"}
)
LINES = {"name": 200, "region": 100, "city": 100, "price_group": 60, "registration_number": 60}
LONGEST_TERM_DAYS = 365
COUNTRY = re.compile(r"^[A-Z]{2}$")
CURRENCY = re.compile(r"^[A-Z]{3}$")


@transaction.atomic
def company_create(*, merchant: Merchant, source: str, **fields: Any) -> Company:
    """A new company. Raises Rejected with the field that is wrong (one of the shop's own as
    `attributes_merged` does), Conflict for an external id that is taken."""
    values = company_values(merchant, fields, Company(merchant=merchant))
    if not values.get("name"):
        raise fault("name", _("Give the company a name."))
    values["attributes"] = attributes_merged(
        merchant=merchant,
        stored={},
        sent=values.get("attributes") or {},
        country=values.get("country", ""),
        applies_to=FieldDefinition.Subject.COMPANY,
        is_new=source in ASKED,
    )
    company = Company(merchant=merchant, source=source[:40], **values)
    check_parent(company, values.get("parent"))
    company.document = document_for(company)
    _save(company)
    emit(
        events.COMPANY_CREATED, merchant=merchant, subject=company, data=_about(company) | {"source": source}
    )
    return company


@transaction.atomic
def company_change(*, company: Company, source: str, **fields: Any) -> list[str]:
    """Names of the fields that changed. Locks the row, and before it the tree when a parent is named.

    `attributes` names the shop's own fields to change; those left out stay. Raises as `company_create` does;
    nothing changed then.
    """
    if fields.get("parent") is not None:
        lock_tree()  # before the row, as a merge does: else the two could wait in a ring
    stored = Company.objects.select_for_update(of=("self",)).get(pk=company.pk)
    values = company_values(company.merchant, fields, stored)
    if values.get("name") == "":
        raise fault("name", _("Give the company a name."))
    if "attributes" in values:
        values["attributes"] = attributes_merged(
            merchant=company.merchant,
            stored=stored.attributes,
            sent=values["attributes"] or {},
            country=values.get("country", stored.country),
            applies_to=FieldDefinition.Subject.COMPANY,
            row_id=stored.pk,
        )
    changed = [name for name, value in values.items() if getattr(stored, name) != value]
    if not changed:
        return []
    if "parent" in changed:
        check_parent(stored, values["parent"])
    for name in changed:
        setattr(stored, name, values[name])
        setattr(company, name, values[name])
    stored.document = document_for(stored)
    _save(stored, [*changed, "document", "updated_at"])
    announce(stored, changed, source=source)
    if "name" in changed:
        _rename_in_search(stored)
    return changed


@transaction.atomic
def company_upsert(*, merchant: Merchant, source: str, **fields: Any) -> tuple[Company, str]:
    """(company, "created" | "updated" | "unchanged"), recognised by its external id; without one always new.

    An id whose company was merged into another leads to that one.
    """
    known = company_with(external_id=str(fields.get("external_id") or ""))
    if known is None:
        return company_create(merchant=merchant, source=source, **fields), "created"
    if known.external_id != fields.get("external_id"):  # merged: the survivor keeps its own id
        fields = {name: value for name, value in fields.items() if name != "external_id"}
    changed = company_change(company=known, source=source, **fields)
    return known, "updated" if changed else "unchanged"


def company_with(*, external_id: str) -> Company | None:
    """The company of that id in the other system, or the one that it was merged into."""
    if not external_id:
        return None
    rows = Company.objects.select_related("merged_into")
    known: Company | None = rows.filter(external_id=external_id).first()
    return known and survivor_of(known)


def survivor_of(company: Company) -> Company:
    """The company itself, or what it was merged into, at any remove."""
    seen: set[int] = set()
    while company.merged_into is not None and company.pk not in seen:
        seen.add(company.pk)
        company = company.merged_into
    return company


@transaction.atomic
def company_archive(*, company: Company) -> None:
    """Out of lists and choices; everything about it stays, and it can come back."""
    _set_archived(company, archived=True)


@transaction.atomic
def company_restore(*, company: Company) -> None:
    """Back into the lists. Raises Rejected for a company that was merged into another."""
    if company.merged_into_id is not None:
        raise Rejected(_("This company was merged into another one."), code="company_merged")
    _set_archived(company, archived=False)


def _set_archived(company: Company, *, archived: bool) -> None:
    stored = Company.objects.select_for_update(of=("self",)).get(pk=company.pk)
    if (stored.archived_at is not None) is archived:
        return
    stored.archived_at = company.archived_at = timezone.now() if archived else None
    stored.save(update_fields=["archived_at", "updated_at"])
    emit(
        events.COMPANY_ARCHIVED if archived else events.COMPANY_RESTORED,
        merchant=stored.merchant_id,
        subject=stored,
        data=_about(stored),
    )


@transaction.atomic
def company_delete(*, company: Company) -> None:
    """Gone for good. Raises Rejected when anything hangs on it: then it can only be archived."""
    stored = Company.objects.select_for_update(of=("self",)).get(pk=company.pk)
    if holding := what_hangs_on(stored):
        text = _("Something hangs on this company (%(what)s). Archive it instead.")
        raise Rejected(text % {"what": ", ".join(holding)}, code="company_in_use")
    emit(events.COMPANY_DELETED, merchant=stored.merchant_id, subject=stored, data=_about(stored))
    stored.delete()


def what_hangs_on(company: Company) -> list[str]:
    """The names of the kinds of rows, of any app, that name this company."""
    found = []
    for relation in company._meta.related_objects:
        rows = relation.related_model._base_manager.filter(merchant_id=company.merchant_id)
        if rows.filter(**{relation.field.name: company.pk}).exists():
            found.append(str(relation.related_model._meta.verbose_name))
    return found


# --- what the services share --------------------------------------------------------------------------------


def announce(company: Company, names: Iterable[str], *, source: str) -> None:
    """Field names only, and the company's own name: a firm is no person."""
    emit(
        events.COMPANY_CHANGED,
        merchant=company.merchant_id,
        subject=company,
        data=_about(company) | {"changes": ", ".join(names), "source": source},
    )


def _about(company: Company) -> dict[str, Any]:
    return {"company": company.name}


def _rename_in_search(company: Company) -> None:
    """People are found by their company's name as well."""
    ids = Customer.objects.filter(company=company).values_list("pk", flat=True)
    search_rebuild(ids.iterator(chunk_size=5_000))


def _save(company: Company, names: list[str] | None = None) -> None:
    try:
        with transaction.atomic():
            company.save(update_fields=names)
    except IntegrityError as error:
        if "customers_company_external" not in str(error):
            raise
        text = _("Another company has this external id.")
        raise Conflict(text, code="external_id_taken", fields={"external_id": [text]}) from error


# --- values -------------------------------------------------------------------------------------------------


def company_values(merchant: Merchant, fields: Mapping[str, Any], stored: Company) -> dict[str, Any]:
    """The fields in their normal form, as `stored` will keep them. Raises Rejected with the field that is
    wrong; custom fields and the parent are looked at when it is written."""
    unknown = set(fields) - FIELDS
    if unknown:
        raise ValueError(f"not a company's field: {sorted(unknown)}")
    values = dict(fields)
    for name, most in LINES.items():
        if name in values:
            values[name] = normalise_name(values[name])[:most]
    if "external_id" in values:
        values["external_id"] = str(values["external_id"] or "").strip()[:100]
    if "country" in values:
        values["country"] = _country(values["country"])
    country = values.get("country", stored.country) or merchant.country
    if "phone" in values:
        values["phone"] = _phone(values["phone"], country)
    if "email" in values:
        values["email"] = _email(values["email"])
    if "website" in values:
        values["website"] = _website(values["website"])
    if "tags" in values:
        values["tags"] = clean_tags(values["tags"])
    if "tax_number" in values or ("country" in values and stored.tax_number):
        values["tax_number"] = _tax_number(values.get("tax_number", stored.tax_number), country)
    owner: Membership | None = values.get("owner")
    if owner is not None and owner.merchant_id != merchant.pk:
        raise fault("owner", _("Choose somebody who works here."))
    return values | _terms(values)


def _terms(values: Mapping[str, Any]) -> dict[str, Any]:
    clean: dict[str, Any] = {}
    if "currency" in values:
        clean["currency"] = (values["currency"] or "").strip().upper()
        if clean["currency"] and not CURRENCY.match(clean["currency"]):
            raise fault("currency", _("Use a three-letter currency code such as CNY or EUR."))
    limit = values.get("credit_limit")
    if limit is not None:
        clean["credit_limit"] = Decimal(limit)
        if not clean["credit_limit"].is_finite() or clean["credit_limit"] < 0:
            raise fault("credit_limit", _("A credit limit is zero or more; leave it empty for none."))
    days = values.get("payment_days")
    if days is not None and not 0 <= int(days) <= LONGEST_TERM_DAYS:
        raise fault("payment_days", _("Give 0 to %(most)s days.") % {"most": LONGEST_TERM_DAYS})
    return clean


def _country(value: str | None) -> str:
    country = (value or "").strip().upper()
    if country and not COUNTRY.match(country):
        raise fault("country", _("Use the two letters of the country, such as CN or DE."))
    return country


def _phone(value: str | None, country: str) -> str:
    if not (value or "").strip():
        return ""
    phone = normalise_phone(value, country)
    if not phone:
        raise fault(
            "phone", _("This isn't a valid phone number. Numbers abroad start with + and the country.")
        )
    return phone


def _email(value: str | None) -> str:
    if not (value or "").strip():
        return ""
    email = normalise_email(value)
    if not email or is_masked(email):
        raise fault("email", _("This isn't a complete e-mail address."))
    return email


def _website(value: str | None) -> str:
    """https:// is put before a bare name; nothing but http and https is a website."""
    text = "".join((value or "").split())
    if not text:
        return ""
    if "://" not in text:
        text = f"https://{text}"
    try:
        parts = urlsplit(text)
        fits = parts.scheme in ("http", "https") and "." in (parts.hostname or "") and len(text) <= 300
    except ValueError:
        fits = False
    if not fits or any(letter in text for letter in "<>\"'\\"):
        raise fault("website", _("Give a web address such as https://example.com."))
    return text


def _tax_number(value: str | None, country: str) -> str:
    number = normalise_tax_number(value or "", country)
    if number is None:
        raise fault(
            "tax_number",
            _("This isn't a tax number of %(country)s: its form or its check digit is wrong.")
            % {"country": country},
        )
    return number
