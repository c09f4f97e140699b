"""Resolving: which person is this? Deterministic, and never a silent merge."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from crm.accounts.models import Merchant
from crm.events.emitting import emit
from crm.lib.crypto import keyed_hash
from crm.lib.locking import hold_all
from customers import events
from customers.conflicts import conflicts_note
from customers.models import Customer, ErasedKey, Identity, Metrics
from customers.normalising import comparable_name, is_masked, normalise_email, normalise_name, normalise_phone
from customers.visits.services import visitor_recognise

Kind = Identity.Kind


@dataclass(frozen=True)
class Contact:
    """What a way in knows about somebody, as it came. `channel_id` scopes the member id."""

    name: str = ""
    email: str = ""
    phone: str = ""
    member_id: str = ""
    channel_id: int | None = None
    unionid: str = ""
    country: str = ""
    city: str = ""
    region: str = ""
    language: str = ""
    # The browser it came from, as the shop's pages know it; it names nobody by itself.
    visitor: str = ""


@dataclass(frozen=True)
class Key:
    kind: str
    scope: str
    value: str


@dataclass(frozen=True)
class Resolution:
    """`customer` is None when nothing recognises anybody: then the order is a guest's."""

    customer: Customer | None
    created: bool = False
    conflicting_ids: tuple[int, ...] = ()


def keys_of(merchant: Merchant, contact: Contact) -> list[Key]:
    """The usable keys, strongest first; masked and relay values are none. A phone is the weakest and last."""
    email = normalise_email(contact.email)
    phone = normalise_phone(contact.phone, contact.country or merchant.country)
    keys: list[Key] = []
    if contact.member_id and contact.channel_id:
        keys.append(Key(Kind.MEMBER, f"channel:{contact.channel_id}", contact.member_id[:320]))
    if contact.unionid:
        keys.append(Key(Kind.WECHAT_UNIONID, "", contact.unionid[:320]))
    if email and not is_masked(email):
        keys.append(Key(Kind.EMAIL, "", email))
    if phone:
        keys.append(Key(Kind.PHONE, "", phone))
    return keys


@transaction.atomic
def resolve(*, merchant: Merchant, contact: Contact, source: str, at: datetime | None = None) -> Resolution:
    """The customer that the contact names, made if unknown, with what is new about them added.

    Takes advisory locks on the keys until the transaction ends, so that two ways in never make two people
    of one. Two strong keys of two people are a conflict: the stronger wins, nothing is merged, and staff
    are asked (customers/conflicts.py). A phone alone recognises only somebody of the same name.

    `at` is when the fact happened that names them. One from before the person was erased goes to their
    nameless row, and nothing about them is written; a newer one is a new relation and makes a new customer.
    """
    keys = keys_of(merchant, contact)
    if not keys:
        return Resolution(None)
    lock_keys(merchant, keys)
    known = _known(keys)
    if at is not None and not any(key in known for key in keys):
        erased = erased_owner(keys, at=at)
        if erased is not None:
            return Resolution(erased)
    strong = [known[key] for key in keys if key.kind != Kind.PHONE and key in known]
    if strong:
        chosen: Customer | None = strong[0]
    else:
        chosen = _by_phone(keys, known, contact)
    created = chosen is None
    customer = chosen if chosen is not None else _create(merchant, contact, source)
    others = tuple(sorted({other.pk for other in strong} - {customer.pk}))
    _add_keys(merchant, customer, keys, known, source, announce=not created)
    if contact.visitor:
        visitor_recognise(merchant=merchant, customer=customer, visitor=contact.visitor, source=source)
    filled = [] if created else _fill_gaps(merchant, customer, contact)
    if filled:
        emit(
            events.CUSTOMER_CHANGED,
            merchant=merchant,
            customer=customer,
            subject=customer,
            data={"changes": ", ".join(filled), "source": source},
        )
    if others:
        conflicts_note(
            merchant=merchant,
            customer=customer,
            other_ids=others,
            kinds=[key.kind for key in keys if key in known and key.kind != Kind.PHONE],
            source=source,
        )
    return Resolution(customer, created, others)


def key_digest(key: Key) -> str:
    """The keyed hash under which an erased identity is remembered; that of an address is the one by which it
    is suppressed (customers/consent.py)."""
    return keyed_hash(f"{key.scope}:{key.value}" if key.scope else key.value, purpose="suppression")


def erased_owner(keys: Iterable[Key], *, at: datetime) -> Customer | None:
    """The nameless row of somebody who was erased after `at` and had one of these keys. A phone alone tells
    nobody: numbers change hands. Two queries, one in a shop that never erased anybody."""
    owners = erased_owners([key for key in keys if key.kind != Kind.PHONE], at=at)
    return Customer.objects.filter(pk__in=owners.values()).order_by("-erased_at").first() if owners else None


def erased_owners(keys: Iterable[Key], *, at: datetime) -> dict[Key, int]:
    """Those of the keys that belonged to somebody erased after `at`, with the id of the row that is left."""
    if not ErasedKey.objects.exists():
        return {}
    by_digest = {key_digest(key): key for key in keys}
    found = ErasedKey.objects.filter(digest__in=list(by_digest), erased_at__gte=at).order_by("erased_at")
    return {
        by_digest[digest]: customer_id
        for digest, customer_id in found.values_list("digest", "erasure__customer_id")
    }


def lock_keys(merchant: Merchant, keys: Iterable[Key]) -> None:
    """Nobody else gives these keys to anybody until the transaction ends."""
    hold_all(f"identity:{merchant.pk}:{key.kind}:{key.scope}:{key.value}" for key in keys)


def _known(keys: list[Key]) -> dict[Key, Customer]:
    found = Identity.objects.filter(value__in=[key.value for key in keys]).select_related("customer")
    by_key = {Key(row.kind, row.scope, row.value): row.customer for row in found}
    return {key: by_key[key] for key in keys if key in by_key}


def _by_phone(keys: list[Key], known: dict[Key, Customer], contact: Contact) -> Customer | None:
    """Numbers change hands and families share them: the name must agree, and no other key may be given."""
    owner = next((known[key] for key in keys if key.kind == Kind.PHONE and key in known), None)
    if owner is None:
        return None
    same_name = comparable_name(contact.name) == comparable_name(owner.name)
    if contact.name and owner.name and not same_name:
        return None
    gives_strong = any(key.kind != Kind.PHONE for key in keys)
    return owner if same_name or not gives_strong else None


def _create(merchant: Merchant, contact: Contact, source: str) -> Customer:
    customer = Customer.objects.create(
        merchant=merchant,
        name=normalise_name(contact.name),
        email=normalise_email(contact.email),
        phone=normalise_phone(contact.phone, contact.country or merchant.country),
        country=contact.country[:2].upper(),
        region=normalise_name(contact.region)[:100],
        city=normalise_name(contact.city)[:100],
        language=contact.language[:10],
        source=source,
    )
    Metrics.objects.create(merchant=merchant, customer=customer)
    emit(
        events.CUSTOMER_CREATED,
        merchant=merchant,
        customer=customer,
        subject=customer,
        data={"source": source},
    )
    return customer


def _add_keys(
    merchant: Merchant,
    customer: Customer,
    keys: list[Key],
    known: dict[Key, Customer],
    source: str,
    *,
    announce: bool,
) -> None:
    for key in keys:
        if key in known:
            continue
        identity = Identity.objects.create(
            merchant=merchant,
            customer=customer,
            kind=key.kind,
            scope=key.scope,
            value=key.value,
            source=source,
        )
        if announce:
            emit(
                events.IDENTITY_ADDED,
                merchant=merchant,
                customer=customer,
                subject=identity,
                data={"kind": str(Kind(key.kind).label), "source": source},
            )


def _fill_gaps(merchant: Merchant, customer: Customer, contact: Contact) -> list[str]:
    """What was unknown is filled in; what staff or earlier orders said is never overwritten."""
    offered: dict[str, Any] = {
        "name": normalise_name(contact.name),
        "email": normalise_email(contact.email),
        "phone": normalise_phone(contact.phone, contact.country or merchant.country),
        "country": contact.country[:2].upper(),
        "city": normalise_name(contact.city)[:100],
        "region": normalise_name(contact.region)[:100],
        "language": contact.language[:10],
    }
    new = [name for name, value in offered.items() if value and not getattr(customer, name)]
    for name in new:
        setattr(customer, name, offered[name])
    if new:
        customer.save(update_fields=[*new, "updated_at"])
    return new
