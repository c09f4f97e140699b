"""One order is worth the same in the merchant's currency, whichever way it came."""

from __future__ import annotations

from decimal import Decimal

import pytest

from crm.integrations.connecting import connection_create
from orders.models import Order, Refund
from tests.api.conftest import ApiClient
from tests.factories.accounts import make_key, make_rate
from tests.factories.orders import make_channel
from tests.integrations.conftest import SHOPIFY, deliver, work_all
from tests.integrations.test_store_bodies import shopify_order
from tests.orders.import_support import csv_of, imported

PLACED = "2026-11-01T08:00:00+08:00"


@pytest.fixture
def dollars(scoped):
    """7.1234 yuan for a dollar: 33.33 dollars are 237.422922 yuan, three thirds of it more than the whole."""
    make_rate(scoped, "USD", "7.1234")
    return scoped


def by_rest(merchant):
    make_channel(merchant, "shop")
    order = {
        "external_id": "A-1",
        "placed_at": PLACED,
        "currency": "USD",
        "total": "33.33",
        "payment": "paid",
    }
    client = ApiClient(make_key(merchant)[1])
    created = client.post_json(
        "orders/", order | {"payment": "paid", "channel": "shop", "contact": {"email": "li@example.com"}}
    )
    assert created.status_code == 201, created.content
    for number in (1, 2, 3):
        refund = {"external_id": f"r{number}", "amount": "11.11", "refunded_at": PLACED}
        response = client.post_json(f"orders/{created.json()['id']}/refunds/", refund)
        assert response.status_code in (200, 201), response.content


def by_hook(merchant):
    connection = connection_create(merchant=merchant, platform="shopify", name="Shopify", values=SHOPIFY)
    deliver(connection, "orders/create", shopify_order(currency="USD", total_price="33.33"))
    for number in (1, 2, 3):
        sale = {"kind": "refund", "status": "success", "amount": "11.11"}
        refund = {"id": number, "order_id": 450789469, "created_at": PLACED, "transactions": [sale]}
        deliver(connection, "refunds/create", refund)
    work_all()


def by_file(merchant):
    row = ["A-1", PLACED, "li@example.com", "33.33", "USD", "33.33"]
    header = ["order no", "order date", "email", "total", "currency", "refunded amount"]
    batch = imported(merchant, csv_of([header, row]), time_zone="Asia/Shanghai")
    assert batch.state == "done", batch.problem


@pytest.mark.parametrize("way", [by_rest, by_hook, by_file])
def test_the_same_order_is_worth_the_same(dollars, way):
    way(dollars)
    order = Order.objects.get()
    assert (order.rate, order.base_total) == (Decimal("7.1234"), Decimal("237.4229"))
    assert (order.refunded, order.base_refunded) == (Decimal("33.33"), Decimal("237.4229"))
    assert order.payment == Order.Payment.REFUNDED


def test_a_part_that_goes_back_keeps_its_places_too(dollars):
    by_rest(dollars)
    assert set(Refund.objects.values_list("base_amount", flat=True)) == {Decimal("79.1410")}


def test_what_the_database_can_not_keep_does_not_make_an_order_new(dollars):
    """A total with six places was stored with four and looked changed with every repeat."""
    connection = connection_create(merchant=dollars, platform="shopify", name="Shopify", values=SHOPIFY)
    for second in range(2):
        body = shopify_order(currency="USD", total_price="33.333333", note=None)
        deliver(connection, "orders/updated", body | {"updated_at": f"2026-11-01T08:00:0{second}+08:00"})
        work_all()
    order = Order.objects.get()
    assert (order.total, order.base_total) == (Decimal("33.3333"), Decimal("237.4464"))
    results = list(connection.hooks.order_by("id").values_list("result", flat=True))
    assert results == [f"Order {order.number} made.", f"Order {order.number} known already."]
