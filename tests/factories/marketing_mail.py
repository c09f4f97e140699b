"""Campaigns with an audience, ready to be sent."""

from __future__ import annotations

from typing import Any

from crm.accounts.models import Merchant
from crm.lib.tenancy import merchant_scope
from customers.models import Customer
from marketing.campaigns.services import campaign_create
from marketing.models import Campaign
from tests.factories.customers import make_consent, make_customer

BODY = (
    "<html><body><p>Hello {{ customer.first_name | default: 'friend' }},</p>"
    '<p><a href="https://shop.example/tea?for={{ customer.id }}">New tea</a></p></body></html>'
)


def make_subscriber(merchant: Merchant, name: str | None = None, **fields: Any) -> Customer:
    """A customer who allowed marketing mail."""
    customer = make_customer(merchant, name, **fields)
    make_consent(customer)
    return customer


def make_campaign(merchant: Merchant, **values: Any) -> Campaign:
    """A draft to everyone, whose mail has a personal greeting and one tracked link."""
    values = {
        "audience": Campaign.Audience.EVERYONE,
        "subject": "Tea for {{ customer.first_name }}",
        "body": BODY,
        "sender_email": "news@qinghe.example",
        **values,
    }
    with merchant_scope(merchant):
        return campaign_create(merchant=merchant, name=values.pop("name", "Spring tea"), values=values)
