"""What hangs on a customer: notes, addresses, the company they work for."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from crm.accounts.models import Membership, Merchant
from crm.events.emitting import emit
from customers import events
from customers.models import Address, Company, Customer, Note
from customers.normalising import normalise_name
from customers.services import announce_changed


@transaction.atomic
def note_add(*, customer: Customer, author: Membership, text: str) -> Note:
    """A note for the colleagues, announced without its text."""
    note: Note = Note.objects.create(
        merchant_id=customer.merchant_id, customer=customer, author=author, text=text.strip()
    )
    emit(
        events.NOTE_ADDED,
        merchant=customer.merchant_id,
        customer=customer,
        subject=note,
        data={"author": str(author.user)},
    )
    return note


@transaction.atomic
def address_add(*, customer: Customer, **fields: Any) -> Address:
    """The first address is the default one; a new default takes over."""
    default = bool(fields.pop("is_default", False)) or not customer.addresses.exists()
    if default:
        customer.addresses.update(is_default=False)
    address: Address = Address.objects.create(
        merchant_id=customer.merchant_id, customer=customer, is_default=default, **fields
    )
    announce_changed(customer, ["addresses"])
    return address


@transaction.atomic
def address_remove(*, address: Address) -> None:
    customer = address.customer
    address.delete()
    announce_changed(customer, ["addresses"])


def company_named(*, merchant: Merchant, name: str) -> Company | None:
    """The company of that name (case aside), made when unknown; None for an empty name."""
    name = normalise_name(name)
    if not name:
        return None
    known: Company | None = Company.objects.filter(name__iexact=name).order_by("id").first()
    return known or Company.objects.create(merchant=merchant, name=name)
