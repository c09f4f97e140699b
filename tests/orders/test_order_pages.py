"""The order list and page: what staff see, and what they may write down."""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.events.models import Event
from crm.lib.tenancy import merchant_scope
from customers.searching import search_rebuild_all
from orders.models import Order, Refund, Return, Shipment
from orders.selectors import address_lines
from tests.factories.customers import make_customer
from tests.factories.orders import (
    make_channel,
    make_order,
    make_product,
    make_refund,
    make_return,
    make_shipment,
)


@pytest.fixture
def owner_client(member_client):
    return member_client("owner")


def numbers_on(response):
    return re.findall(r'<a class="gx-row-link[^>]*>(T-\w+)</a>', response.content.decode())


def test_an_empty_shop_is_told_how_orders_come(owner_client):
    assert "Your orders will be here" in owner_client.get("/orders/").content.decode()


@pytest.mark.parametrize(
    "case, query, numbers",
    [
        ("newest first", "", ["T-new", "T-late", "T-guest"]),
        ("oldest first", "sort=oldest", ["T-guest", "T-late", "T-new"]),
        ("largest first", "sort=total", ["T-guest", "T-new", "T-late"]),
        ("unpaid", "payment=pending", ["T-guest"]),
        ("shipped", "fulfilment=shipped", ["T-late"]),
        ("late", "state=late", ["T-late"]),
        ("guest", "state=guest", ["T-guest"]),
        ("open return", "state=returning", ["T-new"]),
        ("by number, from its beginning", "q=T-ne", ["T-new"]),
        ("by number with its sign", "q=%23T-new", ["T-new"]),
        ("by the customer's name", "q=晓梅", ["T-new", "T-late"]),
        ("by a guest's address", "q=guest@example.com", ["T-guest"]),
        ("nothing", "q=nobody", []),
    ],
)
def test_filters_search_and_order(case, query, numbers, owner_client, merchant):
    now = timezone.now()
    li = make_customer(merchant, "李晓梅")
    new = make_order(merchant, li, number="T-new", lines=[("a", 1, "20")], placed_at=now)
    make_order(
        merchant,
        li,
        number="T-late",
        lines=[("a", 1, "10")],
        placed_at=now - timedelta(days=9),
        fulfilment="shipped",
        promised_on=timezone.localdate() - timedelta(days=2),
    )
    make_order(
        merchant,
        number="T-guest",
        lines=[("a", 1, "30")],
        placed_at=now - timedelta(days=20),
        paid=False,
        email="guest@example.com",
    )
    make_return(new)
    with merchant_scope(merchant):
        search_rebuild_all()

    assert numbers_on(owner_client.get(f"/orders/?{query}")) == numbers


def test_dates_are_the_shops_own(owner_client, merchant):
    """23:30 in Shanghai on the 10th is still the 10th, though it is 15:30 in UTC."""
    at = datetime(2026, 11, 10, 15, 30, tzinfo=UTC)
    make_order(merchant, number="T-eve", placed_at=at)

    assert numbers_on(owner_client.get("/orders/?from=2026-11-10&to=2026-11-10")) == ["T-eve"]
    assert numbers_on(owner_client.get("/orders/?from=2026-11-11")) == []


def test_the_list_costs_the_same_at_2_and_at_50_rows(owner_client, merchant):
    counts = []
    for more in (2, 48):
        for _number in range(more):
            make_order(merchant, make_customer(merchant), channel=make_channel(merchant, f"c{more}"))
        owner_client.get("/orders/")
        with CaptureQueriesContext(connection) as queries:
            owner_client.get("/orders/")
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_the_page_shows_everything_and_costs_the_same(owner_client, merchant):
    bare = make_order(merchant)
    full = make_order(
        merchant,
        make_customer(merchant, "Li Wei"),
        number="T-9",
        lines=[(make_product(merchant, "Oolong"), 2, "60")],
        note="Ring twice",
        shipping_address={"line1": "1 Road", "city": "Shanghai"},
    )
    for _twice in range(2):
        make_shipment(full)
        make_refund(full, "5", reason="Cup broken")
        make_return(full)
    owner_client.get(f"/orders/{full.pk}/")
    counts = []
    for one in (bare, full):
        with CaptureQueriesContext(connection) as queries:
            page = owner_client.get(f"/orders/{one.pk}/").content.decode()
        counts.append(len(queries))

    for words in (
        "T-9",
        "Li Wei",
        "Oolong",
        "¥120.00",
        "SF Express",
        "Cup broken",
        "Ring twice",
        "1 Road",
        "R-1",
    ):
        assert words in page
    assert counts[1] - counts[0] <= 2, "scans and lines of returns may be asked only where there are any"


def test_an_order_without_a_rate_says_so(owner_client, merchant):
    order = make_order(merchant, currency="EUR")
    assert "The shop has no rate from EUR to CNY" in owner_client.get(f"/orders/{order.pk}/").content.decode()


def test_a_parcel_is_recorded_and_delivered(owner_client, merchant):
    order = make_order(merchant, make_customer(merchant))

    made = owner_client.post(f"/orders/{order.pk}/ship/", {"carrier": "SF", "tracking_number": "SF1"})
    with merchant_scope(merchant):
        parcel = Shipment.objects.get()
    owner_client.post(f"/orders/{order.pk}/shipments/{parcel.pk}/delivered/")

    assert made["HX-Redirect"] == f"/orders/{order.pk}/"
    with merchant_scope(merchant):
        order.refresh_from_db()
        parcel.refresh_from_db()
        names = set(Event.objects.filter(subject_id=order.pk).values_list("name", flat=True))
    assert (parcel.state, order.fulfilment) == ("delivered", "delivered")
    assert {"orders.order_shipped", "orders.order_delivered"} <= names


def test_refunds_add_up_to_what_is_left(owner_client, merchant):
    order = make_order(merchant, make_customer(merchant), lines=[("Pot", 1, "100")])
    path = f"/orders/{order.pk}/refund/"

    assert owner_client.post(path, {"amount": "30", "reason": "Scratch"}).status_code == 204
    refused = [
        owner_client.post(path, {"amount": amount}).status_code for amount in ("70.01", "0", "-5", "", "x")
    ]
    with merchant_scope(merchant):
        order.refresh_from_db()
        assert (order.refunded, order.payment, Refund.objects.count()) == (Decimal(30), "partly", 1)
    assert refused == [422] * 5

    assert owner_client.post(path, {"amount": "70"}).status_code == 204
    with merchant_scope(merchant):
        order.refresh_from_db()
        assert (order.refunded, order.payment) == (Decimal(100), "refunded")
        assert Event.objects.filter(name="orders.order_refunded").count() == 2


def test_a_return_is_decided_step_by_step(owner_client, merchant):
    order = make_order(merchant, make_customer(merchant))
    rma = make_return(order)
    path = f"/orders/{order.pk}/returns/{rma.pk}/"

    owner_client.post(path, {"state": "approved", "note": "Send it to us"})
    skipped = owner_client.post(path, {"state": "refunded"})

    assert skipped.status_code == 409
    with merchant_scope(merchant):
        rma = Return.objects.get()
    assert (rma.state, rma.decision_note) == ("approved", "Send it to us")


@pytest.mark.parametrize("role", ["marketer", "analyst", "viewer"])
def test_who_may_only_look_changes_nothing(role, member_client, merchant):
    order = make_order(merchant, make_customer(merchant))
    client = member_client(role)

    page = client.get(f"/orders/{order.pk}/").content.decode()

    assert "Record refund" not in page
    assert client.post(f"/orders/{order.pk}/refund/", {"amount": "1"}).status_code == 403
    with merchant_scope(merchant):
        assert not Refund.objects.exists()


def test_only_the_own_customers_orders_are_seen(member_client, merchant):
    client = member_client("agent", visibility="own")
    mine = make_order(merchant, make_customer(merchant, owner=client.membership), number="T-mine")
    other = make_order(merchant, make_customer(merchant), number="T-other")
    guest = make_order(merchant, number="T-guest")

    assert numbers_on(client.get("/orders/")) == ["T-mine"]
    assert [client.get(f"/orders/{one.pk}/").status_code for one in (mine, other, guest)] == [200, 404, 404]
    assert "T-other" not in client.get("/search/?q=T-other").content.decode()


def test_products_and_channels(owner_client, merchant):
    tea = make_product(merchant, "Oolong", category="Tea")
    make_product(merchant, "Cup", category="Ware")
    make_order(merchant, make_customer(merchant), lines=[(tea, 3, "12")])
    cancelled = make_order(merchant, lines=[(tea, 5, "12")])
    with merchant_scope(merchant):
        Order.objects.filter(pk=cancelled.pk).update(cancelled_at=timezone.now())

    listed = owner_client.get("/orders/products/?category=Tea").content.decode()
    page = owner_client.get(f"/orders/products/{tea.pk}/")

    assert "Oolong" in listed
    assert ">Cup<" not in listed
    facts = page.context["facts"]
    assert (facts.orders, facts.units, facts.buyers) == (1, 3, 1)
    assert "Shop" in owner_client.get("/orders/channels/").content.decode()


def test_an_address_reads_as_on_a_parcel():
    stored = {"city": "Paris", "name": "Anna", "floor": "3", "line2": "", "country": "FR", "line1": "1 Rue"}
    assert address_lines(stored) == ["Anna", "1 Rue", "Paris", "France", "3"]
