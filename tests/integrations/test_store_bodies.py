"""Every recorded body of Shopify and WooCommerce becomes what it should, or is ignored with a reason."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal

import pytest

from crm.integrations.models import InboundHook
from customers.models import Customer
from orders.models import Order, Product, Refund, SalesChannel, Shipment
from tests.integrations.conftest import deliver, work_all

State = InboundHook.State

# file stem → Shopify's topic; the rest is sent under a topic of its own name, which nothing here uses.
SHOPIFY_TOPICS = {
    "order": "orders/create",
    "order_with_transaction": "orders/updated",
    "orders": "orders/updated",
    "customer": "customers/create",
    "fulfillment": "fulfillments/create",
    "fulfillment_event": "fulfillment_events/create",
    "fulfillment_events": "fulfillment_events/create",
    "product": "products/update",
}
INVALID = {"properties_invalid0", "requested_fulfillment_service_id_invalid"}
WOO_RESOURCES = {
    "downloads": "download",
    "orders": "order",
    "order-refunds": "refund",
    "customers": "customer",
    "products": "product",
    "coupons": "coupon",
    "order-notes": "note",
    "product-reviews": "review",
    "webhooks": "webhook",
}


def files(real_data, name):
    found = sorted((real_data / "webhooks" / name).rglob("*.json"))
    assert found
    return found


def test_all_89_of_shopify(real_data, shopify, scoped):
    paths = files(real_data, "shopify")
    assert len(paths) == 89
    states = {}
    for path in paths:
        topic = SHOPIFY_TOPICS.get(path.stem, f"{path.stem}/update")
        assert (
            deliver(shopify, topic, path.read_bytes(), delivery=path.stem + path.parent.name).status_code
            == 200
        )
    work_all()
    for hook in InboundHook.objects.all():
        assert hook.result, hook.topic
        states[hook.source_id] = hook.state
    by_state = Counter(states.values())
    broken = {name for name, state in states.items() if state == State.REFUSED}
    assert {name for name in INVALID if any(one.startswith(name) for one in broken)} == INVALID
    # these belong to orders that never came: they wait for them
    waiting = {name for name, state in states.items() if state == State.FAILED}
    assert waiting == {
        f"{name}fixtures" for name in ("fulfillment", "fulfillment_event", "fulfillment_events")
    }
    assert by_state == {State.IGNORED: 79, State.DONE: 5, State.REFUSED: 2, State.FAILED: 3}
    order = Order.objects.get()
    assert (order.external_id, order.total, order.payment) == ("123456", Decimal(10), "voided")
    assert order.is_cancelled
    assert order.lines.count() == 2
    assert sorted(Customer.objects.values_list("email", flat=True)) == ["jon@doe.ca", "test@example.com"]
    assert Product.objects.filter(external_id="1071559748", title="Burton Custom Freestyle 151").exists()
    assert SalesChannel.objects.get().connection_id == shopify.pk


def test_all_45_of_woocommerce(real_data, woocommerce, scoped):
    paths = files(real_data, "woocommerce")
    assert len(paths) == 45
    for path in paths:
        resource, _, verb = path.stem.partition("__")
        resource = "downloads" if verb == "retrieve_customer_downloads" else resource
        action = "deleted" if verb.startswith("delete") else "updated"
        topic = f"{WOO_RESOURCES[resource]}.{action}"
        assert deliver(woocommerce, topic, path.read_bytes(), delivery=path.stem).status_code == 200
    work_all()
    work_all()  # refunds that came before their order
    InboundHook.objects.filter(state=State.FAILED).update(due_at="2020-01-01T00:00:00Z")
    work_all()
    rows = InboundHook.objects.all()
    assert all(row.result for row in rows)
    unsettled = {row.source_id: row.result for row in rows if row.state not in {State.DONE, State.IGNORED}}
    assert unsettled == {}
    assert sorted(Order.objects.values_list("external_id", flat=True)) == ["723", "727", "728", "729"]
    partly = Order.objects.get(external_id="723")
    assert (partly.total, partly.refunded, partly.payment) == (Decimal(39), Decimal(19), "partly")
    assert Refund.objects.filter(order=partly).count() == 2
    first = Order.objects.get(external_id="727")
    assert (first.email, first.currency, first.total) == ("john.doe@example.com", "USD", Decimal("29.35"))
    assert Customer.objects.filter(email="john.doe@example.com").count() == 1
    assert Product.objects.count() >= 3


def shopify_order(**values):
    return {
        "id": 450789469,
        "name": "#1001",
        "created_at": "2026-11-01T08:00:00+08:00",
        "updated_at": "2026-11-01T08:00:00+08:00",
        "currency": "CNY",
        "total_price": "398.00",
        "financial_status": "paid",
        "fulfillment_status": None,
        "email": "li@example.com",
        "customer": {"id": 7, "first_name": "晓梅", "last_name": "李", "email": "li@example.com"},
        "line_items": [{"id": 1, "quantity": 2, "price": "199.00", "title": "Teapot", "product_id": 9}],
    } | values


class TestOutOfOrder:
    def test_a_refund_that_overtakes_its_order_waits_for_it(self, shopify, scoped, told):
        item = {"line_item_id": 1, "quantity": 1, "subtotal": "199.00", "total_tax": "0.00"}
        refund = {
            "id": 5,
            "order_id": 450789469,
            "created_at": "2026-11-02T08:00:00Z",
            "note": "broken",
            "transactions": [{"kind": "refund", "status": "success", "amount": "199.00"}],
            "refund_line_items": [item],
        }
        row = told(shopify, "refunds/create", refund)
        assert (row.state, row.attempts) == (State.FAILED, 1)
        assert "450789469" in row.result
        told(shopify, "orders/create", shopify_order())
        InboundHook.objects.filter(pk=row.pk).update(due_at="2020-01-01T00:00:00Z")
        work_all()
        row.refresh_from_db()
        assert row.state == State.DONE
        order = Order.objects.get()
        assert (order.refunded, order.payment) == (Decimal(199), "partly")
        assert order.customer.name == "李晓梅"
        assert Refund.objects.get().lines.get().order_line.external_id == "1"

    def test_delivered_stays_delivered_when_the_order_says_fulfilled(self, shopify, scoped, told):
        told(shopify, "orders/create", shopify_order())
        parcel = {
            "id": 3,
            "order_id": 450789469,
            "status": "success",
            "shipment_status": "delivered",
            "created_at": "2026-11-02T08:00:00Z",
            "updated_at": "2026-11-04T08:00:00Z",
        }
        told(shopify, "fulfillments/update", parcel)
        assert Order.objects.get().fulfilment == "delivered"
        newer = {"updated_at": "2026-11-05T08:00:00Z", "fulfillment_status": "fulfilled"}
        told(shopify, "orders/updated", shopify_order(**newer))
        assert Order.objects.get().fulfilment == "delivered"
        assert Shipment.objects.get().delivered_at is not None


class TestConsent:
    def customer(self, state, at):
        consent = {"state": state, "consent_updated_at": at}
        return {"id": 7, "email": "li@example.com", "first_name": "Li", "email_marketing_consent": consent}

    def test_an_old_yes_does_not_undo_a_later_no(self, shopify, scoped, told):
        from customers.consent import consent_now, consent_record

        told(shopify, "customers/create", self.customer("subscribed", "2026-01-01T00:00:00Z"))
        customer = Customer.objects.get()
        assert consent_now(customer=customer, channel="email") is True
        consent_record(merchant=scoped, customer=customer, channel="email", granted=False, source="portal")
        told(shopify, "customers/update", self.customer("subscribed", "2026-01-01T00:00:00Z"))
        assert consent_now(customer=customer, channel="email") is False

    def test_a_no_counts_and_silence_says_nothing(self, shopify, scoped, told):
        from customers.consent import consent_now

        told(shopify, "customers/create", self.customer("not_subscribed", None))
        customer = Customer.objects.get()
        assert consent_now(customer=customer, channel="email") is None
        told(shopify, "customers/update", self.customer("unsubscribed", None))
        assert consent_now(customer=customer, channel="email") is False


@pytest.mark.parametrize(
    "case, change",
    [
        ("no id", {"id": None}),
        ("no moment", {"created_at": None}),
        ("a moment of nonsense", {"created_at": "yesterday"}),
        ("a price of nonsense", {"total_price": "free"}),
        ("nan", {"total_price": "NaN"}),
        ("endless", {"total_price": "1e400"}),
        ("a currency of nonsense", {"currency": "€"}),
        ("quantity a text", {"line_items": [{"id": 1, "quantity": "2", "price": "1"}]}),
        ("quantity beyond reason", {"line_items": [{"id": 1, "quantity": 10**12, "price": "1"}]}),
        ("a total below zero", {"total_price": "-5"}),
    ],
)
def test_a_signed_body_that_makes_no_sense_is_refused_with_its_reason(shopify, scoped, told, case, change):
    row = told(shopify, "orders/create", shopify_order(**change))
    assert row.state == State.REFUSED, row.result
    assert row.result
    assert not Order.objects.exists()


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"[1]", b'"x"', b"\xff\xfe", b"[" * 100_000])
def test_a_signed_body_that_is_no_order_is_refused(shopify, scoped, told, body):
    assert told(shopify, "orders/create", body).state == State.REFUSED


def test_strange_letters_do_no_harm(shopify, scoped, told):
    raw = json.dumps(shopify_order(note="nul \x00 and half \ud800", name="#1\x00")).encode()
    assert told(shopify, "orders/create", raw).state == State.DONE
    assert Order.objects.get().number == "#1"
