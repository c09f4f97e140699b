"""Who speaks for the companies of a file: people by the house's own identity rule, and what the rows say they
do there. Journaled for the undo."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
from customers.importing.making import source_of, strangers_make
from customers.models import Company, CompanyContact, Customer
from customers.recognising import keys_known
from customers.searching import rebuilding_once, search_rebuild

CONTACT = "customers.companycontact"
# Each is linked on its own, some ten queries: a chunk stays within seconds, so that the bar moves.
CHUNK_CONTACTS = 200
Facts = dict[str, Any]
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
    speaking = [
        (one.row, company, one.contact)
        for one in wanted
        if one.contact and (company := companies.get(one.row)) and _may_change(batch, company)
    ]
    people = People(batch, [(row, contact) for row, _company, contact in speaking])
    links = Links(batch, {company.pk for _row, company, _contact in speaking})
    with history(), rebuilding_once():
        for row, company, contact in speaking:
            _speak(batch, company, people.customer(row, contact), contact)
        people.save()
    links.save()
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


def _speak(batch: ImportBatch, company: Company, customer: Customer, told: ContactTold) -> None:
    link = CompanyContact.objects.filter(company=company, customer=customer).first()
    overwrites = batch.options.get("known") == "overwrite"
    roles = told.roles
    title = told.title
    if link is not None and not (overwrites and roles):
        roles = [*link.roles, *roles]
    if link is not None and link.title and not (overwrites and title):
        title = link.title
    first = told.is_first and (overwrites or not company.contact_links.filter(is_primary=True).exists())
    contact_add(
        company=company,
        customer=customer,
        roles=roles,
        title=title,
        is_primary=first,
        source=source_of(batch),
    )


class Links:
    """Who spoke for these companies before the chunk, and who does after it: a new first contact takes the
    place of another, whom the file needn't name."""

    def __init__(self, batch: ImportBatch, companies: set[int]) -> None:
        self.batch = batch
        self.companies = companies
        companies_lock(companies)
        self.was = self._now()

    def _now(self) -> dict[int, Facts]:
        rows = CompanyContact.objects.filter(company__in=self.companies)
        return {one.pk: facts_of(one) for one in rows.order_by("pk")}

    def save(self) -> None:
        """Journals what is otherwise now. `was` is None for a contact that the batch made, and what an
        earlier chunk wrote down first stays; `left` tells an undo whether somebody changed it since."""
        changed = {pk: left for pk, left in self._now().items() if left != self.was.get(pk)}
        earlier = Change.objects.filter(batch=self.batch, model=CONTACT, object_id__in=list(changed))
        journaled = {change.object_id: (change.before or {}).get("was") for change in earlier}
        Change.objects.bulk_create(
            [
                Change(
                    merchant_id=self.batch.merchant_id,
                    batch=self.batch,
                    model=CONTACT,
                    object_id=pk,
                    before={"was": journaled.get(pk, self.was.get(pk)), "left": left},
                )
                for pk, left in changed.items()
            ],
            update_conflicts=True,
            update_fields=["before"],
            unique_fields=["merchant", "batch", "model", "object_id"],
        )
        counts = self.batch.counts
        for pk in changed.keys() - journaled.keys():
            key = "contacts_changed" if pk in self.was else "contacts"
            counts[key] = counts.get(key, 0) + 1


def companies_lock(ids: Iterable[int]) -> None:
    """Nobody else changes who speaks for these companies until the transaction ends."""
    rows = Company.objects.select_for_update(of=("self",)).filter(pk__in=set(ids)).order_by("pk")
    list(rows.values_list("pk"))


def facts_of(link: CompanyContact) -> Facts:
    """What the journal keeps of a contact, and an undo compares."""
    return {"roles": link.roles, "title": link.title, "is_primary": link.is_primary}


class People:
    """The persons of a chunk: new ones are marked as the batch's own, known ones journaled as they were."""

    def __init__(self, batch: ImportBatch, told: Sequence[tuple[int, ContactTold]]) -> None:
        self.batch = batch
        keys = {key for _row, one in told for key in one.keys}
        lock_keys(batch.merchant, keys)
        known = keys_known(batch.merchant, keys)
        found = Customer.objects.filter(pk__in=set(known.values()))
        self.before = {one.pk: {name: getattr(one, name) for name in FILLED} for one in found}
        made = strangers_make(
            batch,
            [(row, one.contact, one.keys) for row, one in told],
            known,
            Customer.Kind.CONTACT.value,
        )
        strangers = Customer.objects.in_bulk(made.values())
        self.made = {row: strangers[pk] for row, pk in made.items()}
        self.fresh = set(made.values())

    def customer(self, row: int, told: ContactTold) -> Customer:
        """Made at once, or recognised by the house's rule."""
        if row in self.made:
            return self.made[row]
        resolution = resolve(merchant=self.batch.merchant, contact=told.contact, source=source_of(self.batch))
        customer = resolution.customer
        assert customer is not None  # a contact without a key was refused
        if resolution.created:
            self.fresh.add(customer.pk)
        return customer

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
