"""The portal as a buyer meets it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from crm.accounts.models import Merchant
from crm.integrations.models import OutboundMail
from crm.lib.tenancy import all_merchants, merchant_scope
from customers.models import PortalCode
from customers.portal_codes import send_in_scope
from tests.factories.customers import make_customer
from tests.factories.orders import make_order, make_shipment


def ask(client: Client, shop: Merchant, reference: str, contact: str):
    return client.post(f"/portal/{shop.slug}/sign-in/", {"reference": reference, "contact": contact})


def work() -> None:
    """What the worker does when it is rung."""
    with all_merchants(reason="the worker of the test"):
        waiting = list(PortalCode.objects.filter(state="asked").values_list("merchant_id", "pk"))
    for merchant_id, code_id in waiting:
        send_in_scope(merchant_id, code_id)


def code_in_mail(shop: Merchant) -> str:
    """The six digits of the newest code mail."""
    with merchant_scope(shop):
        mail = OutboundMail.objects.filter(purpose="portal_code").order_by("-id").first()
    assert mail is not None, "no code was mailed"
    found = re.search(r"\b\d{6}\b", mail.text)
    assert found
    return found[0]


def enter(client: Client, shop: Merchant, reference: str, contact: str) -> Client:
    """The client, signed in by the code from the mail."""
    ask(client, shop, reference, contact)
    work()
    response = client.post(f"/portal/{shop.slug}/code/", {"code": code_in_mail(shop)})
    assert response.status_code == 302, response.content.decode()
    return client


@pytest.fixture
def mei(merchant):
    return make_customer(merchant, "Mei", email="mei@example.com", phone="+8613800138000")


@pytest.fixture
def order(merchant, mei):
    """Delivered yesterday: two teapots and a cup."""
    made = make_order(
        merchant, mei, number="T-100", fulfilment="delivered", lines=(("Teapot", 2, "100"), ("Cup", 1, "20"))
    )
    make_shipment(made, state="delivered", delivered_at=timezone.now())
    return made


@pytest.fixture
def buyer(merchant, order) -> Client:
    return enter(Client(), merchant, "T-100", "mei@example.com")


@pytest.fixture
def portal(merchant) -> Callable[[str], str]:
    """`portal("orders/1/")` is a path in the shop's portal."""
    return lambda path="": f"/portal/{merchant.slug}/{path}"
