"""Settings → Connections, Webhooks, Received hooks, Mail sent."""

from __future__ import annotations

import pytest
from django.db import transaction

from crm.events.models import Event
from crm.integrations import mail, webhooks
from crm.integrations.models import Connection, InboundHook, WebhookAttempt, WebhookEndpoint
from crm.lib.tenancy import merchant_scope
from tests.integrations.conftest import SHOPIFY, deliver, work_all
from tests.integrations.test_store_bodies import shopify_order

ADDRESSES = [
    "connections",
    "connections/new/shopify",
    "connections/new/woocommerce",
    "webhooks",
    "webhooks/new",
]


@pytest.fixture
def endpoint(merchant, settings):
    with merchant_scope(merchant):
        return webhooks.endpoint_create(
            merchant=merchant, url="https://example.com/in", names=["orders.order_paid"], name="Warehouse"
        )[0]


@pytest.mark.parametrize("name", [*ADDRESSES, "hooks", "outbox"])
def test_owners_and_managers_see_them_others_do_not(member_client, name):
    for role, status in [("owner", 200), ("manager", 200), ("agent", 403), ("viewer", 403)]:
        assert member_client(role).get(f"/settings/{name}/").status_code == status, role


def test_connecting_shopify(member_client, merchant):
    client = member_client("owner")
    values = {"name": "My shop", "shop": "My-Shop", "secret": "hush", "token": ""}
    response = client.post("/settings/connections/new/shopify/", values, follow=True)
    page = response.content.decode()
    with merchant_scope(merchant):
        connection = Connection.objects.get()
    assert f"/hooks/{connection.uuid}/" in page
    assert connection.secrets()["shop"] == "my-shop.myshopify.com"
    assert "hush" not in page  # staff know it from the shop; we don't show it again
    assert connection.fetch_due_at is None


@pytest.mark.parametrize(
    "change",
    [{"shop": "example.com"}, {"shop": "127.0.0.1"}, {"secret": ""}, {"secret": "hüsh"}, {"name": ""}],
)
def test_what_is_wrong_is_said_and_nothing_connected(member_client, merchant, change):
    values = {"name": "My shop", "shop": "my-shop", "secret": "hush"} | change
    response = member_client("owner").post("/settings/connections/new/shopify/", values)
    assert response.status_code == 422
    with merchant_scope(merchant):
        assert not Connection.objects.exists()


def test_connecting_woocommerce_shows_the_secret_to_paste(member_client, merchant):
    values = {"name": "Woo", "site": "https://shop.example.com/"}
    page = (
        member_client("owner")
        .post("/settings/connections/new/woocommerce/", values, follow=True)
        .content.decode()
    )
    with merchant_scope(merchant):
        connection = Connection.objects.get()
    assert connection.secrets()["secret"] in page


def test_an_unknown_platform_is_404(member_client):
    assert member_client("owner").get("/settings/connections/new/nothing/").status_code == 404


def test_the_connection_page_shows_what_came_and_mends_it(member_client, shopify, merchant):
    client = member_client("owner")
    deliver(shopify, "orders/create", shopify_order())
    deliver(shopify, "orders/create", shopify_order(total_price="free"))
    work_all()
    page = client.get(f"/settings/connections/{shopify.pk}/").content.decode()
    assert "Order #1001 made." in page
    assert "total_price" in page
    with merchant_scope(merchant):
        broken = InboundHook.objects.get(state="refused")
    assert client.get(f"/settings/hooks/{broken.pk}/").status_code == 200
    trouble = client.get("/settings/hooks/?show=trouble").content.decode()
    assert "total_price" in trouble
    assert "Order #1001 made." not in trouble
    assert client.post(f"/settings/hooks/{broken.pk}/retry/").status_code == 302
    with merchant_scope(merchant):
        assert InboundHook.objects.get(pk=broken.pk).state == "pending"


def test_looking_at_a_raw_body_is_audited(member_client, shopify, merchant):
    client = member_client("manager")
    deliver(shopify, "orders/create", shopify_order())
    with merchant_scope(merchant):
        hook = InboundHook.objects.get()
    page = client.get(f"/settings/hooks/{hook.pk}/")
    assert "li@example.com" in page.content.decode()
    assert "no-store" in page["Cache-Control"]
    with merchant_scope(merchant):
        seen = Event.objects.get(name="accounts.pii_revealed")
    assert (seen.subject_type, seen.subject_id) == ("integrations.inboundhook", hook.pk)
    assert seen.actor == f"user:{client.membership.user_id}"
    assert "hook" in client.get("/settings/audit/").content.decode()


def test_whoever_may_not_look_or_finds_it_emptied_leaves_no_trace(member_client, shopify, merchant):
    deliver(shopify, "orders/create", shopify_order())
    with merchant_scope(merchant):
        hook = InboundHook.objects.get()
    assert member_client("viewer").get(f"/settings/hooks/{hook.pk}/").status_code == 403
    with merchant_scope(merchant):
        InboundHook.objects.update(body=b"")
    assert member_client("owner").get(f"/settings/hooks/{hook.pk}/").status_code == 200
    with merchant_scope(merchant):
        assert not Event.objects.filter(name="accounts.pii_revealed").exists()


def test_pause_resume_edit_remove(member_client, shopify, merchant):
    client = member_client("manager")
    base = f"/settings/connections/{shopify.pk}/"
    client.post(f"{base}pause/")
    shopify.refresh_from_db()
    assert not shopify.is_active
    client.post(f"{base}resume/")
    values = {"name": "Renamed", "shop": "my-shop", "secret": "", "token": "shpat_2"}
    assert client.post(f"{base}edit/", values).status_code == 302
    shopify.refresh_from_db()
    assert shopify.is_active
    assert shopify.secrets() == SHOPIFY | {"token": "shpat_2"}
    assert shopify.fetch_due_at is not None
    client.post(f"{base}delete/")
    with merchant_scope(merchant):
        assert not Connection.objects.exists()


def test_webhooks_are_made_tested_switched_and_removed(member_client, merchant):
    client = member_client("owner")
    values = {"name": "Warehouse", "url": "https://example.com/in", "events_orders": ["orders.order_paid"]}
    page = client.post("/settings/webhooks/new/", values, follow=True).content.decode()
    with merchant_scope(merchant):
        endpoint = WebhookEndpoint.objects.get()
    assert endpoint.plain_secret() in page
    base = f"/settings/webhooks/{endpoint.pk}/"
    client.post(f"{base}test/")
    with merchant_scope(merchant):
        attempt = WebhookAttempt.objects.get()
    assert "webhooks.test" in client.get(base).content.decode()
    assert client.get(f"/settings/webhooks/messages/{attempt.pk}/").status_code == 200
    assert client.post(f"/settings/webhooks/messages/{attempt.pk}/again/").status_code == 302
    old = endpoint.plain_secret()
    client.post(f"{base}rotate/")
    endpoint.refresh_from_db()
    assert endpoint.plain_secret() != old
    client.post(f"{base}switch/", {"active": "0"})
    endpoint.refresh_from_db()
    assert not endpoint.is_active
    assert client.post(f"{base}test/").status_code == 409
    assert client.post(f"{base}edit/", values | {"url": "http://example.com/"}).status_code == 422
    client.post(f"{base}delete/")
    with merchant_scope(merchant):
        assert not WebhookEndpoint.objects.exists()


def test_the_rival_finds_nothing(rival_client, shopify, endpoint, merchant):
    deliver(shopify, "orders/create", shopify_order())
    with merchant_scope(merchant):
        hook = InboundHook.objects.get()
        attempt = webhooks.test_send(endpoint=endpoint)
    for path in (
        f"connections/{shopify.pk}/",
        f"connections/{shopify.pk}/hooks/",
        f"connections/{shopify.pk}/edit/",
        f"hooks/{hook.pk}/",
        f"webhooks/{endpoint.pk}/",
        f"webhooks/{endpoint.pk}/messages/",
        f"webhooks/{endpoint.pk}/edit/",
        f"webhooks/messages/{attempt.pk}/",
    ):
        assert rival_client.get(f"/settings/{path}").status_code == 404, path
    for path in (
        *(f"connections/{shopify.pk}/{verb}/" for verb in ("pause", "resume", "fetch", "delete")),
        *(f"webhooks/{endpoint.pk}/{verb}/" for verb in ("switch", "rotate", "test", "delete")),
        *(f"hooks/{hook.pk}/retry/", f"webhooks/messages/{attempt.pk}/again/"),
    ):
        assert rival_client.post(f"/settings/{path}").status_code == 404, path
    assert "Warehouse" not in rival_client.get("/settings/webhooks/").content.decode()


def test_the_outbox_shows_no_words(member_client, merchant):
    with merchant_scope(merchant), transaction.atomic():
        mail.post(
            merchant=merchant,
            to="li@example.com",
            subject="Code 123456",
            text="123456",
            purpose="portal_code",
        )
    page = member_client("owner").get("/settings/outbox/").content.decode()
    assert "li@example.com" in page
    assert "123456" not in page
