"""Who speaks for the companies of a file: people by the house's own identity rule, and what the rows say they
do there. Journaled for the undo."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from crm.events.backfilling import history
from crm.imports.models import Change, ImportBatch
from crm.imports.rows import staged
from crm.imports.sql import fetch
from customers.companies.contacts import contact_add
from customers.identities import lock_keys, resolve
from customers.importing.changing import people_journal
from customers.importing.companies.reading import CompanyReader, ContactTold
from customers.importing.companies.sorting import erased_contacts
from customers.importing.companies.tables import names
from customers.importing.making import source_of
from customers.models import Company, CompanyContact, Customer
from customers.recognising import keys_known
from customers.searching import search_rebuild

CONTACT = "customers.companycontact"
# Each is recognised on its own, some twenty queries: a chunk stays within seconds, so that the bar moves.
CHUNK_CONTACTS = 200
# What recognising somebody may fill in, and what speaking for a company sets.
FILLED = ("name", "email", "phone", "country", "region", "city", "language", "company_id")


def contacts_chunk(batch: ImportBatch, cursor: int) -> int | None:
    """Writes the contacts of the next rows whose company is in."""
    rows = list(staged(batch, cursor, CHUNK_CONTACTS))
    if not rows:
        return None
    told, _wrong = CompanyReader(batch, batch.merchant).read_all(rows)
    gone = erased_contacts(batch, told)
    wanted = [one for one in told if one.contact and one.row not in gone]
    companies = _companies(batch, [one.row for one in wanted])
    keys = {key for one in wanted if one.contact for key in one.contact.keys}
    lock_keys(batch.merchant, keys)
    people = People(batch, set(keys_known(batch.merchant, keys).values()))
    with history():
        for one in wanted:
            company = companies.get(one.row)
            if one.contact and company and _may_change(batch, company):
                _speak(batch, company, one.contact, people)
    people.save()
    return rows[-1][0]


def _companies(batch: ImportBatch, rows: list[int]) -> dict[int, Company]:
    found = fetch(
        "SELECT row, company_id FROM {found} WHERE row = ANY(%s) AND company_id IS NOT NULL".format(
            **names(batch)
        ),
        [rows],
    )
    companies = Company.objects.in_bulk([company_id for _row, company_id in found])
    return {row: companies[company_id] for row, company_id in found if company_id in companies}


def _may_change(batch: ImportBatch, company: Company) -> bool:
    return batch.options.get("known") != "skip" or company.source == source_of(batch)


def _speak(batch: ImportBatch, company: Company, told: ContactTold, people: People) -> None:
    source = source_of(batch)
    resolution = resolve(merchant=batch.merchant, contact=told.contact, source=source)
    customer = resolution.customer
    assert customer is not None  # a contact without a key was refused
    if resolution.created:
        people.made(customer)
    link = CompanyContact.objects.filter(company=company, customer=customer).first()
    before = (
        None if link is None else {"roles": link.roles, "title": link.title, "is_primary": link.is_primary}
    )
    overwrites = batch.options.get("known") == "overwrite"
    roles = told.roles
    title = told.title
    if link is not None and not (overwrites and roles):
        roles = [*link.roles, *roles]
    if link is not None and link.title and not (overwrites and title):
        title = link.title
    first = told.is_first and (overwrites or not company.contact_links.filter(is_primary=True).exists())
    contact = contact_add(
        company=company, customer=customer, roles=roles, title=title, is_primary=first, source=source
    )
    contact.refresh_from_db()
    left = {"roles": contact.roles, "title": contact.title, "is_primary": contact.is_primary}
    if left != before:
        _journal(batch, contact, before, left)


def _journal(
    batch: ImportBatch, contact: CompanyContact, before: Mapping[str, Any] | None, left: Mapping[str, Any]
) -> None:
    """`was` is None for a contact that the batch made; `left` tells an undo whether somebody changed it
    since."""
    known = Change.objects.filter(batch=batch, model=CONTACT, object_id=contact.pk).first()
    was = (known.before or {}).get("was") if known else before
    key = "contacts_changed" if before is not None else "contacts"
    if known is None:
        batch.counts[key] = batch.counts.get(key, 0) + 1
    Change.objects.update_or_create(
        merchant_id=batch.merchant_id,
        batch=batch,
        model=CONTACT,
        object_id=contact.pk,
        defaults={"before": {"was": was, "left": dict(left)}},
    )


class People:
    """The persons of a chunk: new ones are marked as the batch's own, known ones journaled as they were."""

    def __init__(self, batch: ImportBatch, known: set[int]) -> None:
        self.batch = batch
        self.before = {one.pk: self._facts(one) for one in Customer.objects.filter(pk__in=known)}
        self.fresh: set[int] = set()

    def made(self, customer: Customer) -> None:
        self.fresh.add(customer.pk)

    def save(self) -> None:
        now = timezone.now()
        own = Customer.objects.filter(pk__in=self.fresh) | Customer.objects.filter(
            pk__in=self.before, import_batch_id=self.batch.pk
        )
        ids = set(own.values_list("pk", flat=True))
        Customer.objects.filter(pk__in=ids).update(
            import_batch_id=self.batch.pk, kind=Customer.Kind.CONTACT, created_at=now, updated_at=now
        )
        self.batch.counts["people"] = self.batch.counts.get("people", 0) + len(self.fresh)
        changed, before = [], {}
        for one in Customer.objects.filter(pk__in=self.before.keys() - ids):
            was = self.before[one.pk]
            news = {name: value for name, value in was.items() if getattr(one, name) != value}
            if news:
                before[one.pk] = news
                changed.append(one)
        if changed:
            people_journal(self.batch, changed, before)
        search_rebuild([*ids, *(one.pk for one in changed)])

    def _facts(self, customer: Customer) -> dict[str, Any]:
        return {name: getattr(customer, name) for name in FILLED}
