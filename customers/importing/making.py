"""New customers by COPY: the row, what recognises it, its figures, its address, its note, its event."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.utils import timezone

from crm.events.emitting import Draft, emit_many
from crm.imports.models import ImportBatch
from crm.lib.copying import copy_rows, reserve_ids
from customers import events
from customers.identities import Contact, Key
from customers.importing.reading import Entry
from customers.models import Address, Customer, Identity, Metrics, Note
from customers.normalising import normalise_name
from customers.recognising import keys_fresh

COLUMNS = (
    *("name", "given_name", "family_name", "kind", "stage", "language", "time_zone", "birthday_on"),
    *("country", "region", "city", "grade", "tags", "owner_id", "attributes"),
)
HEAD = ("id", "merchant_id", "email", "phone", "company_id")
TAIL = ("source", "import_batch_id", "created_at", "updated_at")
DEFAULTS: Mapping[str, Any] = {
    **dict.fromkeys(COLUMNS, ""),
    "kind": Customer.Kind.PERSON.value,
    "stage": Customer.Stage.LEAD.value,
    "birthday_on": None,
    "tags": (),
    "owner_id": None,
    "attributes": {},
}
ADDRESS = ("line1", "line2", "district", "postal_code", "name", "city", "province", "country")


def source_of(batch: ImportBatch) -> str:
    """What stands as the way in, with the batch, so that an undo finds its own."""
    return f"import:{batch.pk}"


def customers_make(batch: ImportBatch, entries: Sequence[Entry], companies: Mapping[str, int]) -> list[int]:
    """Ids of the new customers, one an entry. The caller holds the keys' locks and knows them free."""
    if not entries:
        return []
    first = reserve_ids(Customer, len(entries))
    now = timezone.now()
    for place, entry in enumerate(entries):
        entry.customer_id = first + place
    merchant_id, source = batch.merchant_id, source_of(batch)
    copy_rows(
        Customer,
        (*HEAD, *COLUMNS, *TAIL),
        (
            (
                *(entry.customer_id, merchant_id, entry.email, entry.phone),
                companies.get(entry.company.lower()),
                *(entry.values.get(name, DEFAULTS[name]) for name in COLUMNS),
                *(source, batch.pk, _since(entry, now), _since(entry, now)),
            )
            for entry in entries
        ),
    )
    copy_rows(
        Identity,
        ("merchant_id", "customer_id", "kind", "scope", "value", "source", "created_at"),
        (
            (merchant_id, entry.customer_id, str(key.kind), key.scope, key.value, source, now)
            for entry in entries
            for key in entry.keys
        ),
    )
    copy_rows(
        Metrics, ("merchant_id", "customer_id"), ((merchant_id, entry.customer_id) for entry in entries)
    )
    _belongings(merchant_id, entries, now)
    drafts = (
        Draft(
            events.CUSTOMER_CREATED,
            entry.customer_id,
            "customers.customer",
            entry.customer_id,
            {"source": source},
            occurred_at=_since(entry, now),
        )
        for entry in entries
    )
    emit_many(drafts, merchant=merchant_id, backfill=True)
    return [first + place for place in range(len(entries))]


def strangers_make(
    batch: ImportBatch, told: Iterable[tuple[int, Contact, list[Key]]], known: Mapping[Key, int], kind: str
) -> dict[int, int]:
    """Row → id of the new customer, for the rows of nothing but fresh keys. The others are left to `resolve`.
    The caller holds the keys' locks."""
    rows = list(told)
    fresh = keys_fresh((key for _row, _contact, keys in rows for key in keys), known)
    entries = [_stranger(row, one, keys, kind) for row, one, keys in rows if fresh.issuperset(keys)]
    return dict(zip((one.row for one in entries), customers_make(batch, entries, {}), strict=True))


def _stranger(row: int, contact: Contact, keys: list[Key], kind: str) -> Entry:
    values = {"name": normalise_name(contact.name), "country": contact.country, "kind": kind}
    return Entry(
        row=row,
        number=None,
        email=contact.email,
        phone=contact.phone,
        values=values,
        company="",
        address={},
        note="",
        answers={},
        answered_at=None,
        created_at=None,
        contact=contact,
        keys=keys,
    )


def _since(entry: Entry, now: datetime) -> datetime:
    """When they became a customer: the file's word, unless it lies in the future."""
    return min(entry.created_at, now) if entry.created_at else now


def _belongings(merchant_id: int, entries: Sequence[Entry], now: datetime) -> None:
    """Addresses and notes carry their customer's own instant: so an undo tells them from later ones."""
    copy_rows(
        Address,
        ("merchant_id", "customer_id", *ADDRESS, "is_default", "created_at"),
        (
            (
                merchant_id,
                entry.customer_id,
                *(entry.address[name] for name in ADDRESS),
                True,
                _since(entry, now),
            )
            for entry in entries
            if entry.address
        ),
    )
    copy_rows(
        Note,
        ("merchant_id", "customer_id", "text", "created_at"),
        ((merchant_id, entry.customer_id, entry.note, _since(entry, now)) for entry in entries if entry.note),
    )
