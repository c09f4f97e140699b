"""One person, known by every way that the house has to know somebody."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone

from crm.accounts.models import Merchant
from crm.accounts.services import apikey_create
from crm.events.actor import acting
from crm.events.models import Delivery, Event
from crm.integrations.connecting import connection_create
from crm.integrations.models import Connection
from crm.lib.tenancy import merchant_scope
from customers.belongings import address_add
from customers.consent import consent_record
from customers.models import Customer, FieldDefinition
from customers.notes import note_add
from customers.services import customer_change
from marketing.models import Engagement
from orders.models import Order
from reviews.services import review_submit
from service.inbound import mail_receive
from tests.factories.accounts import make_member
from tests.factories.fixtures import client_of
from tests.integrations.conftest import deliver, work_all
from tests.orders.import_support import imported, uploaded
from tests.portal.conftest import enter
from tests.privacy.colleagues import keep_around


@pytest.fixture(autouse=True)
def places(tmp_path: Path, settings) -> None:
    settings.MEDIA_ROOT, settings.ERASURE_LEDGER = tmp_path / "media", tmp_path / "erasures.jsonl"
    settings.MEDIA_ROOT.mkdir()


@dataclass
class Known:
    """`word` is in everything that is known of them."""

    merchant: Merchant
    word: str
    customer: Customer
    connection: Connection

    @property
    def email(self) -> str:
        return f"{self.word}@example.com"

    def order_body(self, **values: object) -> dict[str, object]:
        """The order as Shopify tells it."""
        address = {"address1": f"{self.word} Road 1", "city": "Shanghai", "country_code": "CN",
                   "name": f"Mei {self.word}", "zip": "200000"}  # fmt: skip
        return {
            "id": 450789469,
            "name": "#1001",
            "created_at": "2026-11-01T08:00:00+08:00",
            "updated_at": "2026-11-01T08:00:00+08:00",
            "currency": "CNY",
            "total_price": "398.00",
            "financial_status": "paid",
            "fulfillment_status": None,
            "email": self.email,
            "note": f"{self.word} wants it wrapped",
            "tags": f"{self.word}, gift",
            "customer": {"id": 7, "first_name": "Mei", "last_name": self.word, "email": self.email},
            "shipping_address": address,
            "line_items": [{"id": 1, "quantity": 2, "price": "199.00", "title": "Teapot", "product_id": 9}],
        } | values

    def tell(self, topic: str, body: dict[str, object]) -> None:
        assert deliver(self.connection, topic, body).status_code == 200
        work_all()


@pytest.fixture
def known(transactional_db: None, merchant: Merchant) -> Known:
    """Bought by webhook, wrote, reviewed, was imported, tagged, noted, mailed, exported and signed in."""
    word = f"zq{uuid.uuid4().hex[:8]}"
    with merchant_scope(merchant):
        shopify = {"shop": "tea.myshopify.com", "secret": "hush"}
        connection = connection_create(merchant=merchant, platform="shopify", name="Tea", values=shopify)
    made = Known(merchant, word, Customer(), connection)
    made.tell("orders/create", made.order_body())
    with merchant_scope(merchant):
        made.customer = Customer.objects.get(email=made.email)
    _talk(made)
    _import(made)
    _work_on(made)
    _show(made)
    return made


def _talk(known: Known) -> None:
    raw = (
        f"From: Mei {known.word} <{known.email}>\r\nTo: help@qinghe.test\r\n"
        f"Subject: Where is {known.word}?\r\n"
        f"Message-ID: <{known.word}@mail.example.com>\r\n\r\nI am {known.word}, call me.\r\n"
    )
    with merchant_scope(known.merchant), acting(f"customer:{known.customer.pk}"):
        assert mail_receive(merchant=known.merchant, raw=raw.encode()).outcome == "opened"
        order = Order.objects.get(customer=known.customer)
        review_submit(
            merchant=known.merchant,
            product=order.lines.get().product,
            rating=5,
            title="Good",
            body=f"Write to {known.email} for more.",
            customer=known.customer,
            author_name=f"Mei {known.word}",
            order_line=order.lines.get(),
        )


def _import(known: Known) -> None:
    head = "Order number,Order date,Order total,E-mail,Customer name,Note"
    rows = [
        f"A1,2025-01-01,50,{known.email},Mei {known.word},leave it at {known.word}",
        f"A2,no date,50,{known.email},Mei {known.word},",
    ]
    imported(known.merchant, "\n".join([head, *rows]), date_order="dmy", decimal_sign=".")
    uploaded(known.merchant, "\n".join([head, rows[0]]), name=f"{known.word}.csv")


def _work_on(known: Known) -> None:
    member = make_member(known.merchant, "owner")
    customer, merchant = known.customer, known.merchant
    with merchant_scope(merchant), acting(f"user:{member.user_id}"):
        FieldDefinition.objects.create(merchant=merchant, key="size", label="Size", type="text")
        note_add(customer=customer, author=member, text=f"{known.word} likes tea")
        address_add(
            customer=customer, name=f"Mei {known.word}", line1=f"{known.word} Road 1", city="Shanghai"
        )
        customer_change(customer=customer, source="staff", tags=[known.word], attributes={"size": known.word})
        consent_record(
            merchant=merchant,
            customer=customer,
            channel="email",
            granted=True,
            source=known.word,
            proof={"said": known.word},
        )
        handler = Delivery(
            merchant=merchant, event=Event.objects.filter(customer_id=customer.pk).latest("pk"), handler="x.y"
        )
        handler.error = f"KeyError({known.word})"
        handler.save()
        for row in Engagement.objects.all():
            row.user_agent = known.word
            row.save()
    client = client_of(member)
    assert client.get("/customers/", {"q": known.word}).status_code == 200
    with merchant_scope(merchant), acting(f"user:{member.user_id}"):
        keep_around(Customer.objects.get(pk=customer.pk), known.word, member)
        _key, secret = apikey_create(merchant=merchant, name="till", scopes=["customers.write"])
    answer = Client().post(
        "/api/v1/customers/",
        {"email": known.email, "city": known.word},
        content_type="application/json",
        headers={"Authorization": f"Bearer {secret}", "Idempotency-Key": known.word},
    )
    assert answer.status_code == 200, answer.content


def _show(known: Known) -> None:
    buyer = enter(Client(), known.merchant, "1001", known.email)
    assert buyer.get(f"/portal/{known.merchant.slug}/").status_code == 200


def long_ago() -> str:
    return (timezone.now() - timedelta(days=400)).isoformat()
