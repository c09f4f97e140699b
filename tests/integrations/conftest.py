"""Connected shops, a hand that signs like them, and a local server in their place."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client

from crm.accounts.models import Merchant
from crm.integrations.connecting import connection_create
from crm.integrations.models import Connection, InboundHook
from crm.integrations.working import work
from crm.lib.tenancy import all_merchants, merchant_scope
from tests.integrations.servers import LocalServer

_numbers = itertools.count(1)
SHOPIFY = {"shop": "my-shop.myshopify.com", "secret": "hush"}
WOO = {"site": "https://shop.example.com"}


@pytest.fixture
def shopify(merchant: Merchant) -> Connection:
    with merchant_scope(merchant):
        return connection_create(merchant=merchant, platform="shopify", name="Shopify", values=SHOPIFY)


@pytest.fixture
def woocommerce(merchant: Merchant) -> Connection:
    with merchant_scope(merchant):
        return connection_create(merchant=merchant, platform="woocommerce", name="Woo", values=WOO)


def signature(secret: str, body: bytes) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def deliver(
    connection: Connection,
    topic: str,
    body: bytes | dict[str, Any] | list[Any],
    *,
    delivery: str = "",
    secret: str | None = None,
) -> Any:
    """POSTs to the connection's address as its platform would."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    secret = connection.secrets()["secret"] if secret is None else secret
    delivery = delivery or f"delivery-{next(_numbers)}"
    names = {
        "shopify": ("X-Shopify-Hmac-Sha256", "X-Shopify-Topic", "X-Shopify-Webhook-Id"),
        "woocommerce": ("X-WC-Webhook-Signature", "X-WC-Webhook-Topic", "X-WC-Webhook-Delivery-ID"),
    }[connection.platform]
    values = (signature(secret, raw), topic, delivery)
    return Client(raise_request_exception=False).post(
        f"/hooks/{connection.uuid}/",
        raw,
        content_type="application/json",
        headers=dict(zip(names, values, strict=True)),
    )


def work_all() -> None:
    """What the workers do, here and now."""
    with all_merchants(reason="test"):
        ids = list(InboundHook.objects.filter(state__in=InboundHook.OPEN).values_list("id", flat=True))
    for hook_id in ids:
        work(hook_id)


@pytest.fixture
def told() -> Callable[..., InboundHook]:
    """`told(connection, topic, body)`: delivered, worked, and the row as it then stands."""

    def tell(connection: Connection, topic: str, body: Any, **kwargs: Any) -> InboundHook:
        response = deliver(connection, topic, body, **kwargs)
        assert response.status_code == 200, response.content
        work_all()
        with all_merchants(reason="test"):
            return InboundHook.objects.filter(connection=connection).latest("id")

    return tell


@pytest.fixture
def server(settings) -> Iterator[LocalServer]:
    settings.OUTGOING_ALLOW_LOOPBACK = True
    with LocalServer() as running:
        yield running
