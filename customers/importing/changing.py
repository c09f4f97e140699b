"""Known customers: what the file fills in or, where that was chosen, says anew. Journaled for the undo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from django.utils import timezone

from crm.events.emitting import Draft, emit_many
from crm.imports.models import Change, ImportBatch
from customers import events
from customers.identities import Kind
from customers.importing.making import ADDRESS, source_of
from customers.importing.reading import Entry
from customers.models import Address, Customer, Identity, Note
from customers.recognising import keys_known
from customers.services import MOST_TAGS

CUSTOMER, NOTE, ADDRESS_MODEL = "customers.customer", "customers.note", "customers.address"
# What a file's default says about people whom we know better.
NEVER_LOWERED = {"stage": Customer.Stage.LEAD, "kind": Customer.Kind.PERSON}


def known_change(
    batch: ImportBatch, entries: Sequence[Entry], companies: Mapping[str, int], created: set[int]
) -> set[int]:
    """Ids of the customers that changed. `created` are this batch's own: filled, but not journaled.

    By the batch's option `known`: "fill" fills what is empty, "overwrite" writes what the file says, "skip"
    leaves them as they are. Tags are added, never taken off.
    """
    if batch.options.get("known") == "skip":
        entries = [entry for entry in entries if entry.customer_id in created]
    ids = {entry.customer_id for entry in entries if entry.customer_id}
    rows = Customer.objects.select_for_update(of=("self",)).filter(pk__in=ids, erased_at__isnull=True)
    customers = {one.pk: one for one in rows.order_by("pk")}
    overwrites = batch.options.get("known") == "overwrite"
    before: dict[int, dict[str, Any]] = {}
    for entry in entries:
        customer = customers.get(entry.customer_id or 0)
        if customer is None:
            continue
        for name, value in _news(customer, entry, companies, overwrites).items():
            before.setdefault(customer.pk, {}).setdefault(name, _plain(getattr(customer, name)))
            setattr(customer, name, value)
    changed = set(before) | _identities(batch, entries, customers)
    changed |= _belongings(batch, entries, customers, created)
    _save(batch, [customers[pk] for pk in sorted(changed)], before, created)
    return changed


def _news(customer: Customer, entry: Entry, companies: Mapping[str, int], overwrites: bool) -> dict[str, Any]:
    """Column → new value."""
    told = dict(entry.values)
    tags = [*customer.tags, *(tag for tag in told.pop("tags", []) if tag not in customer.tags)][:MOST_TAGS]
    told |= {"email": entry.email, "phone": entry.phone, "company_id": companies.get(entry.company.lower())}
    news: dict[str, Any] = {"tags": tags} if tags != customer.tags else {}
    own = told.pop("attributes", {})
    merged = {**customer.attributes, **own} if overwrites else {**own, **customer.attributes}
    if merged != customer.attributes:
        news["attributes"] = merged
    for name, value in told.items():
        known = getattr(customer, name)
        if not value or known == value or value == NEVER_LOWERED.get(name):
            continue
        if overwrites or not known or known == NEVER_LOWERED.get(name):
            news[name] = value
    return news


def _plain(value: Any) -> Any:
    """As JSON keeps it."""
    return value.isoformat() if isinstance(value, date) else value


def _identities(batch: ImportBatch, entries: Sequence[Entry], customers: Mapping[int, Customer]) -> set[int]:
    """One more way to recognise them, where it is nobody's yet; whose e-mail or phone is another's keeps only
    what they had. The caller holds the locks."""
    keys = {key for entry in entries for key in entry.keys}
    known = keys_known(batch.merchant, keys)
    fresh: dict[Any, int] = {}
    for entry in entries:
        customer = customers.get(entry.customer_id or 0)
        if customer is None:
            continue
        for key in entry.keys:
            owner = known.get(key) or fresh.setdefault(key, customer.pk)
            if owner != customer.pk:
                _give_back(customer, key.kind, key.value)
    Identity.objects.bulk_create(
        Identity(
            merchant_id=batch.merchant_id,
            customer_id=pk,
            kind=key.kind,
            scope=key.scope,
            value=key.value,
            source=source_of(batch),
        )
        for key, pk in fresh.items()
    )
    return set(fresh.values())


def _give_back(customer: Customer, kind: str, value: str) -> None:
    """Another's address is not written to in this one's name; a shared phone may be."""
    if kind == Kind.EMAIL and customer.email == value:
        mine = Identity.objects.filter(customer_id=customer.pk, kind=Kind.EMAIL).order_by("pk")
        customer.email = mine.values_list("value", flat=True).first() or ""


def _belongings(
    batch: ImportBatch, entries: Sequence[Entry], customers: Mapping[int, Customer], created: set[int]
) -> set[int]:
    """Addresses and notes that are not there yet; journaled as made by the batch."""
    ids = list(customers)
    streets = set(Address.objects.filter(customer_id__in=ids).values_list("customer_id", "line1", "city"))
    housed = {pk for pk, _line, _city in streets}
    notes = set(Note.objects.filter(customer_id__in=ids).values_list("customer_id", "text"))
    changed = set()
    for entry in entries:
        pk = entry.customer_id or 0
        if pk not in customers:
            continue
        if entry.address and (pk, entry.address["line1"], entry.address["city"]) not in streets:
            values = {name: entry.address[name] for name in ADDRESS}
            made = Address.objects.create(
                merchant_id=batch.merchant_id, customer_id=pk, is_default=pk not in housed, **values
            )
            streets.add((pk, made.line1, made.city))
            housed.add(pk)
            _journal_made(batch, ADDRESS_MODEL, made.pk)
            changed.add(pk)
        if entry.note and (pk, entry.note) not in notes:
            note = Note.objects.create(merchant_id=batch.merchant_id, customer_id=pk, text=entry.note)
            notes.add((pk, note.text))
            _journal_made(batch, NOTE, note.pk)
            changed.add(pk)
    return changed


def _journal_made(batch: ImportBatch, model: str, pk: int) -> None:
    Change.objects.create(merchant_id=batch.merchant_id, batch=batch, model=model, object_id=pk)


def _save(
    batch: ImportBatch,
    changed: Sequence[Customer],
    before: Mapping[int, dict[str, Any]],
    created: set[int],
) -> None:
    """Stores the rows, how they were, and that they changed."""
    if not changed:
        return
    now = timezone.now()
    for customer in changed:
        if customer.import_batch_id == batch.pk:
            customer.updated_at = customer.created_at  # its own: untouched since it was made
        else:
            customer.updated_at = now
    names = {name for values in before.values() for name in values} | {"email", "updated_at"}
    Customer.objects.bulk_update(changed, sorted(names), batch_size=500)
    others = [one for one in changed if one.import_batch_id != batch.pk and one.pk not in created]
    people_journal(batch, others, before)
    drafts = [
        Draft(
            events.CUSTOMER_CHANGED,
            one.pk,
            CUSTOMER,
            one.pk,
            {
                "changes": ", ".join(sorted(before.get(one.pk, {}))) or "identities",
                "source": source_of(batch),
            },
        )
        for one in others
    ]
    emit_many(drafts, merchant=batch.merchant_id, backfill=True)


def people_journal(
    batch: ImportBatch, changed: Sequence[Customer], before: Mapping[int, dict[str, Any]]
) -> None:
    """What an earlier row of the file wrote down first is how it was before the batch."""
    ids = [one.pk for one in changed]
    earlier = Change.objects.filter(batch=batch, model=CUSTOMER, object_id__in=ids)
    known = {change.object_id: change.before or {} for change in earlier}
    rows = [
        Change(
            merchant_id=batch.merchant_id,
            batch=batch,
            model=CUSTOMER,
            object_id=one.pk,
            before={**before.get(one.pk, {}), **known.get(one.pk, {})},
            stamp=one.updated_at,
        )
        for one in changed
    ]
    Change.objects.bulk_create(
        rows,
        update_conflicts=True,
        update_fields=["before", "stamp"],
        unique_fields=["merchant", "batch", "model", "object_id"],
    )
