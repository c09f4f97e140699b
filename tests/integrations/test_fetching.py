"""History by the stores' own APIs, replayed by a local server in pages."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.utils import timezone

from crm.events.models import Delivery, Event
from crm.integrations import connecting, fetching
from crm.integrations.models import InboundHook
from crm.lib.errors import Conflict
from orders.models import Order
from tests.integrations.conftest import work_all
from tests.integrations.servers import Asked, Reply
from tests.integrations.test_store_bodies import shopify_order


@pytest.fixture
def shop(merchant, scoped, server):
    values = {"shop": server.url, "secret": "hush", "token": "shpat_1"}
    return connecting.connection_create(merchant=merchant, platform="shopify", name="Shop", values=values)


@pytest.fixture
def woo(merchant, scoped, server):
    values = {"site": server.url, "consumer_key": "ck_1", "consumer_secret": "cs_1"}
    return connecting.connection_create(merchant=merchant, platform="woocommerce", name="Woo", values=values)


def query(asked: Asked) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(asked.path).query).items()}


def three_pages(server):
    """Orders 1 to 6, two a page, linked as Shopify links them."""

    def reply(asked: Asked) -> Reply:
        page = int(query(asked).get("page_info", "1"))
        orders = [shopify_order(id=number, name=f"#{number}") for number in (2 * page - 1, 2 * page)]
        link = f'<{server.url}/x?page_info={page + 1}&limit=250>; rel="next"' if page < 3 else ""
        return Reply(body=json.dumps({"orders": orders}).encode(), headers={"Link": link} if link else {})

    return reply


def test_shopify_is_read_page_by_page_and_nobody_is_thanked(server, shop):
    server.reply = three_pages(server)
    assert [fetching.fetch_page(shop.pk) for _ in range(3)] == [True, True, False]
    assert [asked.headers["x-shopify-access-token"] for asked in server.asked] == ["shpat_1"] * 3
    assert query(server.asked[0])["status"] == "any"
    assert query(server.asked[1]) == {"page_info": "2", "limit": "250"}
    assert InboundHook.objects.count() == 6
    work_all()
    assert Order.objects.count() == 6
    assert Event.objects.filter(name="orders.order_placed", backfill=True).count() == 6
    assert not Delivery.objects.filter(event__name="orders.order_placed", event__backfill=False).exists()
    shop.refresh_from_db()
    assert shop.fetched_at is not None
    assert shop.fetch_due_at > timezone.now() + timedelta(hours=5)


def test_the_next_time_asks_since_the_last_and_keeps_nothing_twice(server, shop):
    server.reply = three_pages(server)
    while fetching.fetch_page(shop.pk):
        pass
    connecting.connection_fetch(connection=shop)
    while fetching.fetch_page(shop.pk):
        pass
    since = query(server.asked[3])["updated_at_min"]
    assert timezone.now() - timedelta(minutes=15) < timezone.datetime.fromisoformat(since) < timezone.now()
    assert InboundHook.objects.count() == 6


def test_a_killed_worker_asks_for_the_same_page_again(server, shop, monkeypatch):
    server.reply = three_pages(server)
    fetching.fetch_page(shop.pk)
    monkeypatch.setattr(fetching, "_keep_order", lambda *args: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        fetching.fetch_page(shop.pk)
    monkeypatch.undo()
    assert InboundHook.objects.count() == 2
    assert fetching.fetch_page(shop.pk) is False  # the lease still runs
    type(shop).objects.update(fetch_due_at=timezone.now())
    assert fetching.fetch_page(shop.pk) is True
    assert [query(asked).get("page_info") for asked in server.asked] == [None, "2", "2"]
    assert InboundHook.objects.count() == 4


def test_woocommerce_is_read_with_its_keys(server, woo, real_data):
    body = (real_data / "webhooks/woocommerce/orders__list_all_orders.json").read_bytes()

    def reply(asked: Asked) -> Reply:
        return Reply(body=body if query(asked)["page"] == "1" else b"[]", headers={"X-WP-TotalPages": "2"})

    server.reply = reply
    assert [fetching.fetch_page(woo.pk), fetching.fetch_page(woo.pk)] == [True, False]
    assert server.asked[0].headers["authorization"] == "Basic " + base64.b64encode(b"ck_1:cs_1").decode()
    assert query(server.asked[0])["orderby"] == "modified"
    work_all()
    assert sorted(Order.objects.values_list("external_id", flat=True)) == ["723", "727"]


@pytest.mark.parametrize(
    "case, reply, again",
    [
        ("too often", Reply(429), True),
        ("their fault", Reply(503, b"oops"), True),
        ("no json", Reply(200, b"<html>"), True),
        ("wrong key", Reply(401), False),
        ("moved", Reply(302, headers={"Location": "http://127.0.0.1:1/"}), False),
    ],
)
def test_failures_wait_or_ask_for_help(server, shop, case, reply, again):
    server.reply = lambda asked: reply
    assert fetching.fetch_page(shop.pk) is False
    shop.refresh_from_db()
    assert shop.fetch_error
    assert (shop.fetch_due_at is not None) is again
    assert len(server.asked) == 1  # no redirect was followed


def test_a_shop_that_is_no_shop_is_never_asked(merchant, scoped, settings):
    values = {"shop": "169.254.169.254/latest", "secret": "x", "token": "t"}
    connection = connecting.connection_create(
        merchant=merchant, platform="shopify", name="Bad", values=values
    )
    assert fetching.fetch_page(connection.pk) is False
    connection.refresh_from_db()
    assert "not an address of Shopify" in connection.fetch_error


def test_without_a_key_there_is_nothing_to_fetch_with(shopify, scoped):
    with pytest.raises(Conflict):
        connecting.connection_fetch(connection=shopify)
    assert fetching.sweep() == 0


def test_credentials_are_not_readable_in_the_database(shopify, scoped):
    assert "hush" not in shopify.credentials
    assert shopify.secrets()["secret"] == "hush"
