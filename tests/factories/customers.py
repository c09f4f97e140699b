"""Customers with their identities and metrics row, companies, consents."""

from __future__ import annotations

from itertools import count
from typing import Any

from crm.accounts.models import Merchant
from crm.lib.tenancy import merchant_scope
from customers.companies.services import company_create
from customers.consent import consent_record
from customers.models import Address, Company, Consent, Customer, Identity, Metrics, Note
from customers.models.consent import Channel, Purpose

_numbers = count(1)
METRICS = {field.name for field in Metrics._meta.fields} - {"merchant", "customer"}


def make_customer(merchant: Merchant, name: str | None = None, **fields: Any) -> Customer:
    """A person with an e-mail identity (and a phone's when given) and a metrics row.

    Names of metrics columns among the keywords (orders_count=3, net=…) go to the metrics.
    """
    number = next(_numbers)
    figures = {key: fields.pop(key) for key in list(fields) if key in METRICS}
    fields.setdefault("email", f"customer{number}@example.com")
    with merchant_scope(merchant):
        customer: Customer = Customer.objects.create(
            merchant=merchant, name=f"Customer {number}" if name is None else name, **fields
        )
        Metrics.objects.create(merchant=merchant, customer=customer, **figures)
        for kind, value in ((Identity.Kind.EMAIL, customer.email), (Identity.Kind.PHONE, customer.phone)):
            if value:
                make_identity(customer, kind=kind, value=value)
    return customer


def make_identity(customer: Customer, *, kind: str, value: str, scope: str = "") -> Identity:
    with merchant_scope(customer.merchant_id):
        return Identity.objects.create(
            merchant_id=customer.merchant_id,
            customer=customer,
            kind=kind,
            value=value,
            scope=scope,
            source="test",
        )


def make_company(merchant: Merchant, name: str = "", **fields: Any) -> Company:
    """Through the service, so that it can be found."""
    with merchant_scope(merchant):
        name = name or f"Company {next(_numbers)}"
        return company_create(merchant=merchant, source="test", name=name, **fields)


def make_address(customer: Customer, **fields: Any) -> Address:
    fields.setdefault("line1", "1 Example Road")
    fields.setdefault("city", "Shanghai")
    with merchant_scope(customer.merchant_id):
        return Address.objects.create(merchant_id=customer.merchant_id, customer=customer, **fields)


def make_note(customer: Customer, text: str = "Likes tea.", **fields: Any) -> Note:
    with merchant_scope(customer.merchant_id):
        return Note.objects.create(merchant_id=customer.merchant_id, customer=customer, text=text, **fields)


def make_consent(
    customer: Customer,
    channel: str = Channel.EMAIL,
    *,
    granted: bool = True,
    purpose: str = Purpose.MARKETING,
) -> Consent:
    """Through the service, so that the event is announced as in life."""
    with merchant_scope(customer.merchant_id):
        entry = consent_record(
            merchant=customer.merchant,
            customer=customer,
            channel=channel,
            purpose=purpose,
            granted=granted,
            source="test",
        )
    assert entry is not None, "the ledger said the same already"
    return entry
