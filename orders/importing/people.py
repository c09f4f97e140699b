"""Buyers become customers: by the house's own rule, `customers.identities.resolve`, in bulk where it is
plain.

Plain is a buyer whose every key is unknown to the merchant and named by no other buyer of the chunk (made at
once), or all of whose strong keys belong to one known customer (linked). Everything else, a shared e-mail, a
phone alone, a conflict, goes through `resolve` one by one, so there is one rule and not two.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.utils import timezone
from psycopg2.extras import execute_values

from crm.accounts.models import Merchant
from crm.events.emitting import Draft, emit_many
from crm.imports.countries import country_code
from crm.imports.models import Change, ImportBatch
from crm.imports.sql import execute, fetch
from customers import events
from customers.identities import Contact, Key, Kind, erased_owners, keys_of, lock_keys, resolve
from customers.models import Customer
from customers.normalising import normalise_email, normalise_name, normalise_phone
from customers.recognising import keys_known
from customers.searching import search_rebuild
from orders.importing.tables import IDENTITY, METRICS, channel_of, names

# Each key takes an advisory lock until the chunk commits; the server's lock table holds a few thousand.
CHUNK_PEOPLE = 500
CHANGE = Change._meta.db_table
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class Buyer:
    person_no: int
    contact: Contact
    first_at: Any
    keys: list[Key] = field(default_factory=list)
    customer_id: int | None = None
    created: bool = False


def people_count(batch: ImportBatch) -> int:
    return int(batch.counts.get("people", 0))


def people_chunk(batch: ImportBatch, cursor: int) -> int | None:
    """Resolves the next buyers and puts their customer on their documents."""
    last = min(cursor + CHUNK_PEOPLE, people_count(batch))
    if last <= cursor:
        return None
    merchant = batch.merchant
    channel = channel_of(batch)
    assert channel is not None
    buyers = _buyers(batch, merchant, channel.pk, cursor, last)
    keys = [key for buyer in buyers for key in buyer.keys]
    lock_keys(merchant, keys)
    known = keys_known(merchant, keys)
    _leave_erased(buyers, known)
    uses = Counter(key for buyer in buyers for key in buyer.keys)
    plain, others = [], []
    for buyer in buyers:
        if not buyer.keys or buyer.customer_id:
            continue
        found = {known.get(key) for key in buyer.keys}
        if found == {None} and all(uses[key] == 1 for key in buyer.keys):
            plain.append(buyer)
        elif None not in found and len(found) == 1 and buyer.keys[0].kind != Kind.PHONE:
            buyer.customer_id = found.pop()
        else:
            others.append(buyer)
    _make(batch, merchant, plain, channel.slug)
    for buyer in others:
        _resolve_one(batch, merchant, buyer, channel.slug)
    _write_back(batch, buyers, cursor, last)
    return last


def _buyers(batch: ImportBatch, merchant: Merchant, channel_id: int, first: int, last: int) -> list[Buyer]:
    rows = fetch(
        """
        SELECT person_no, customer_ref, email, phone, customer_name, country, city, region, first_at
        FROM {people} WHERE person_no > %s AND person_no <= %s ORDER BY person_no
        """.format(**names(batch)),
        [first, last],
    )
    buyers = []
    for number, ref, email, phone, name, country, city, region, first_at in rows:
        contact = Contact(
            name=name or "",
            email=email or "",
            phone=phone or "",
            member_id=ref or "",
            channel_id=channel_id,
            country=country_code(country or ""),
            city=city or "",
            region=region or "",
        )
        buyers.append(Buyer(number, contact, first_at, keys_of(merchant, contact)))
    return buyers


def _leave_erased(buyers: list[Buyer], known: dict[Key, int]) -> None:
    """A file tells of the past, whatever its dates: an erased person stays their nameless row."""
    keys = {key for buyer in buyers for key in buyer.keys if key not in known and key.kind != Kind.PHONE}
    erased = erased_owners(keys, at=BEGINNING)
    for buyer in buyers:
        mine = [erased[key] for key in buyer.keys if key in erased]
        if mine and not any(key in known for key in buyer.keys):
            buyer.customer_id = mine[0]


def _make(batch: ImportBatch, merchant: Merchant, buyers: list[Buyer], source: str) -> None:
    """New customers with their identities, metrics row and event."""
    if not buyers:
        return
    now = timezone.now()
    Customer.objects.bulk_create(made := [_customer(batch, merchant, buyer, source) for buyer in buyers])
    Customer.objects.filter(pk__in=[customer.pk for customer in made]).update(created_at=now, updated_at=now)
    identities = []
    for buyer, customer in zip(buyers, made, strict=True):
        buyer.customer_id, buyer.created = customer.pk, True
        identities += [
            (merchant.pk, customer.pk, str(key.kind), key.scope, key.value, source, 1.0, now)
            for key in buyer.keys
        ]
    with connection.cursor() as cursor:
        execute_values(
            cursor.cursor,
            f"""INSERT INTO {IDENTITY}
                (merchant_id, customer_id, kind, scope, value, source, confidence, created_at) VALUES %s""",
            identities,
            page_size=1_000,
        )
    execute(
        f"""
        INSERT INTO {METRICS} (merchant_id, customer_id, orders_count, gross, refunded, net, open_tickets,
            tickets_count, reviews_count, points, tier, score_change, recency_bin, frequency_bin,
            monetary_bin)
        SELECT %s, id, 0, 0, 0, 0, 0, 0, 0, 0, '', 0, 0, 0, 0 FROM unnest(%s::bigint[]) AS id
        """,
        [merchant.pk, [customer.pk for customer in made]],
    )
    drafts = [
        Draft(
            events.CUSTOMER_CREATED,
            customer_id=buyer.customer_id,
            subject_type="customers.customer",
            subject_id=buyer.customer_id,
            data={"source": source},
            occurred_at=buyer.first_at,
        )
        for buyer in buyers
    ]
    emit_many(drafts, merchant=merchant, backfill=True)
    search_rebuild(customer.pk for customer in made)


def _customer(batch: ImportBatch, merchant: Merchant, buyer: Buyer, source: str) -> Customer:
    contact = buyer.contact
    return Customer(
        merchant=merchant,
        name=normalise_name(contact.name),
        email=normalise_email(contact.email),
        phone=normalise_phone(contact.phone, contact.country or merchant.country),
        country=contact.country,
        region=normalise_name(contact.region)[:100],
        city=normalise_name(contact.city)[:100],
        source=source,
        import_batch_id=batch.pk,
    )


def _resolve_one(batch: ImportBatch, merchant: Merchant, buyer: Buyer, source: str) -> None:
    resolution = resolve(merchant=merchant, contact=buyer.contact, source=source)
    if resolution.customer is None:
        return
    buyer.customer_id, buyer.created = resolution.customer.pk, resolution.created
    if resolution.created:
        now = timezone.now()
        Customer.objects.filter(pk=buyer.customer_id).update(
            import_batch_id=batch.pk, created_at=now, updated_at=now
        )


def _write_back(batch: ImportBatch, buyers: list[Buyer], first: int, last: int) -> None:
    sql = names(batch)
    found = [(buyer.person_no, buyer.customer_id, buyer.created) for buyer in buyers if buyer.customer_id]
    if not found:
        return
    numbers, ids, created = (list(column) for column in zip(*found, strict=True))
    execute(
        """
        UPDATE {people} p SET customer_id = f.id, created = f.created
        FROM unnest(%s::bigint[], %s::bigint[], %s::boolean[]) AS f(no, id, created) WHERE p.person_no = f.no
        """.format(**sql),
        [numbers, ids, created],
    )
    execute(
        """
        UPDATE {docs} d SET customer_id = p.customer_id FROM {people} p
        WHERE d.person_no = p.person_no AND p.person_no > %s AND p.person_no <= %s
        """.format(**sql),
        [first, last],
    )
