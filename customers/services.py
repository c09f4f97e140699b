"""Writes by staff and the API: a customer and what recognises them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from crm.accounts.models import Merchant
from crm.events.emitting import emit
from crm.lib.errors import Rejected, Text
from customers import events
from customers.fields.keeping import attributes_merged
from customers.identities import Key, lock_keys
from customers.merged import MergedAway
from customers.models import Customer, Identity, Metrics
from customers.normalising import is_masked, normalise_email, normalise_name, normalise_phone
from customers.searching import search_rebuild

Kind = Identity.Kind
# What a form or the API may set; everything else is kept by the house itself.
FIELDS = frozenset(
    {"kind", "stage", "name", "given_name", "family_name", "email", "phone", "language", "time_zone"}
    | {"birthday_on", "country", "region", "city", "grade", "tags", "attributes", "company", "owner", "team"}
)
LENGTHS = {"name": 200, "grade": 20}
# Ways in where somebody can be asked for what a custom field requires; orders and sign-ups can't know it.
ASKED = frozenset({"staff", "api"})
MOST_TAGS = 50
LONGEST_TAG = 40


@transaction.atomic
def customer_create(*, merchant: Merchant, source: str, **fields: Any) -> Customer:
    """A new customer with their identities, metrics row and search document.

    Raises Rejected with the field when the e-mail or phone is no valid one or belongs to somebody already, or
    when neither name, e-mail nor phone is given, or for a custom field as `attributes_merged` does.
    """
    values = _clean(merchant, fields)
    if not any(values.get(name) for name in ("name", "email", "phone")):
        raise fault("name", _("Give a name, an e-mail address or a phone number."))
    values["attributes"] = attributes_merged(
        merchant=merchant,
        stored={},
        sent=values.get("attributes") or {},
        country=values.get("country", ""),
        is_new=source in ASKED,
    )
    customer = Customer(merchant=merchant, source=source[:40], **values)
    _check_free(merchant, customer, values)
    customer.save()
    Metrics.objects.create(merchant=merchant, customer=customer)
    _keep_identities(customer, values, source)
    emit(
        events.CUSTOMER_CREATED,
        merchant=merchant,
        customer=customer,
        subject=customer,
        data={"source": source},
    )
    search_rebuild([customer.pk])
    return customer


@transaction.atomic
def customer_change(*, customer: Customer, source: str, **fields: Any) -> list[str]:
    """Names of the fields that changed; a new e-mail or phone becomes an identity, the old one stays one.

    `attributes` names the custom fields to change; those left out stay. Locks the row. Raises Rejected as
    `customer_create` does, and changes nothing then."""
    merchant = customer.merchant
    values = _clean(merchant, fields)
    lock_keys(
        merchant, _keys(values)
    )  # before the row, as everywhere: else a merge and this could wait in a ring
    stored = Customer.objects.select_for_update(of=("self",)).get(pk=customer.pk)
    if stored.merged_into_id is not None:
        raise MergedAway(stored.merged_into_id)
    if "attributes" in values:
        values["attributes"] = attributes_merged(
            merchant=merchant,
            stored=stored.attributes,
            sent=values["attributes"] or {},
            country=values.get("country", stored.country),
            row_id=stored.pk,
        )
    changed = [name for name, value in values.items() if getattr(stored, name) != value]
    if not changed:
        return []
    _check_free(merchant, stored, {name: values[name] for name in changed})
    for name in changed:
        setattr(stored, name, values[name])
        setattr(customer, name, values[name])
    stored.save(update_fields=[*changed, "updated_at"])
    _keep_identities(stored, {name: values[name] for name in changed}, source)
    announce_changed(stored, changed)
    search_rebuild([stored.pk])
    return changed


def _clean(merchant: Merchant, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Normalised values. An empty e-mail or phone takes the primary one away, not the identity."""
    unknown = set(fields) - FIELDS
    if unknown:
        raise ValueError(f"not a customer's field: {sorted(unknown)}")
    values = dict(fields)
    for name in ("name", "given_name", "family_name", "region", "city", "grade"):
        if name in values:
            values[name] = normalise_name(values[name])[: LENGTHS.get(name, 100)]
    if "country" in values:
        values["country"] = (values["country"] or "").strip().upper()
    if values.get("email"):
        values["email"] = _email(values["email"])
    if values.get("phone"):
        values["phone"] = _phone(values["phone"], values.get("country") or merchant.country)
    if "tags" in values:
        values["tags"] = clean_tags(values["tags"])
    return values


def _email(value: str) -> str:
    email = normalise_email(value)
    if not email or is_masked(email):
        raise fault("email", _("This isn't a complete e-mail address."))
    return email


def _phone(value: str, country: str) -> str:
    phone = normalise_phone(value, country)
    if not phone:
        raise fault(
            "phone", _("This isn't a valid phone number. Numbers abroad start with + and the country.")
        )
    return phone


def clean_tags(tags: Iterable[str]) -> list[str]:
    """Each once, in the order given, without commas; at most 50 of 40 letters."""
    cleaned = [normalise_name(str(tag).replace(",", " "))[:LONGEST_TAG] for tag in tags]
    return list(dict.fromkeys(tag for tag in cleaned if tag))[:MOST_TAGS]


def fault(field: str, message: Text, code: str = "rejected") -> Rejected:
    return Rejected(message, code=code, fields={field: [message]})


# --- identities -----------------------------------------------------------------------------------------


def _check_free(merchant: Merchant, customer: Customer, values: Mapping[str, Any]) -> None:
    """Locks the keys; raises Rejected naming the person who has one already."""
    keys = _keys(values)
    lock_keys(merchant, keys)
    for key in keys:
        _check_one_free(customer, key)


def _keys(values: Mapping[str, Any]) -> list[Key]:
    return [Key(kind, "", values[kind]) for kind in (Kind.EMAIL, Kind.PHONE) if values.get(kind)]


def _check_one_free(customer: Customer, key: Key) -> None:
    taken = Identity.objects.filter(kind=key.kind, scope=key.scope, value=key.value).select_related(
        "customer"
    )
    other = taken.exclude(customer_id=customer.pk).first()
    if other is None:
        return
    text = _("This belongs to %(name)s already (customer %(id)s).")
    shown = other.customer.name or f"#{other.customer_id}"
    raise fault(key.kind, text % {"name": shown, "id": other.customer_id}, code="identity_taken")


def _keep_identities(customer: Customer, values: Mapping[str, Any], source: str) -> None:
    for kind in (Kind.EMAIL, Kind.PHONE):
        if values.get(kind):
            _add(customer, Key(kind, "", values[kind]), source)


def _add(customer: Customer, key: Key, source: str) -> Identity:
    identity, _new = Identity.objects.get_or_create(
        merchant_id=customer.merchant_id,
        kind=key.kind,
        scope=key.scope,
        value=key.value,
        defaults={"customer": customer, "source": source[:40]},
    )
    return identity


@transaction.atomic
def identity_add(*, customer: Customer, kind: str, value: str, source: str, scope: str = "") -> Identity:
    """One more way to recognise the customer; the same again changes nothing.

    Raises Rejected (field "value") when it is malformed, masked, or somebody else's.
    """
    merchant = customer.merchant
    try:
        if kind == Kind.EMAIL:
            value = _email(value)
        elif kind == Kind.PHONE:
            value = _phone(value, customer.country or merchant.country)
        elif not value.strip() or is_masked(value):
            raise fault("value", _("Give the whole value; hidden letters recognise nobody."))
        key = Key(kind, scope, value.strip()[:320])
        lock_keys(merchant, [key])
        _check_one_free(customer, key)
    except Rejected as refusal:
        raise Rejected(
            refusal.message, code=refusal.code_name, fields={"value": [refusal.message]}
        ) from refusal
    known = Identity.objects.filter(kind=key.kind, scope=key.scope, value=key.value).first()
    if known is not None:
        return known
    identity = _add(customer, key, source)
    emit(
        events.IDENTITY_ADDED,
        merchant=merchant,
        customer=customer,
        subject=identity,
        data={"kind": str(Kind(kind).label), "source": source},
    )
    _become_primary(customer, key)
    search_rebuild([customer.pk])
    return identity


def _become_primary(customer: Customer, key: Key) -> None:
    """The first e-mail or phone that is known is the one to write to."""
    if key.kind in (Kind.EMAIL, Kind.PHONE) and not getattr(customer, key.kind):
        setattr(customer, key.kind, key.value)
        customer.save(update_fields=[key.kind, "updated_at"])


@transaction.atomic
def identity_remove(*, identity: Identity) -> None:
    """The value recognises nobody any more. The one in use can't go before another took its place."""
    customer = identity.customer
    primary = {Kind.EMAIL: customer.email, Kind.PHONE: customer.phone}.get(Kind(identity.kind), "")
    if primary and primary == identity.value:
        raise Rejected(_("This is the address in use. Choose another one first."), code="identity_primary")
    kind = str(Kind(identity.kind).label)
    identity.delete()
    emit(
        events.IDENTITY_REMOVED,
        merchant=customer.merchant_id,
        customer=customer,
        subject=customer,
        data={"kind": kind},
    )
    search_rebuild([customer.pk])


def announce_changed(customer: Customer, names: Iterable[str]) -> None:
    """Field names only: the log holds no personal data."""
    emit(
        events.CUSTOMER_CHANGED,
        merchant=customer.merchant_id,
        customer=customer,
        subject=customer,
        data={"changes": ", ".join(names)},
    )
