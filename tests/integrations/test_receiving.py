"""The stores' door: signatures over raw bytes, repeats, sizes; and one order whatever way it comes."""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.integrations import connecting, working
from crm.integrations.models import InboundHook
from crm.integrations.receiving import hook as hook_view
from crm.lib.tenancy import all_merchants
from orders.models import Order, SalesChannel
from tests.api.conftest import ApiClient
from tests.factories.accounts import make_key
from tests.integrations.conftest import deliver, signature, work_all
from tests.integrations.test_store_bodies import shopify_order

State = InboundHook.State
BODY = json.dumps(shopify_order()).encode()


def refused(response, status, code):
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/json"
    assert set(response.json()) == {"code", "message", "fields"}
    assert response.json()["code"] == code


class TestDoor:
    def test_a_signed_body_is_kept_as_it_came_and_answered_at_once(self, shopify, scoped):
        response = deliver(shopify, "orders/create", BODY)
        assert (response.status_code, response.json()) == (200, {"received": True, "repeated": False})
        row = InboundHook.objects.get()
        assert bytes(row.body) == BODY
        assert row.state == State.PENDING
        assert not Order.objects.exists()  # the work is the worker's

    @pytest.mark.parametrize(
        "case, header",
        [
            ("another secret", signature("other", BODY)),
            ("another body", signature("hush", BODY + b" ")),
            ("hex", "00" * 32),
            ("empty", ""),
            ("not ascii", "Ä" * 44),
        ],
    )
    def test_a_bad_signature_is_401_and_nothing_is_kept(self, shopify, scoped, case, header):
        headers = {"X-Shopify-Hmac-Sha256": header, "X-Shopify-Topic": "orders/create"}
        response = Client().post(
            f"/hooks/{shopify.uuid}/", BODY, content_type="application/json", headers=headers
        )
        refused(response, 401, "unauthorised")
        assert not InboundHook.objects.exists()

    def test_no_signature_at_all_is_401(self, shopify, woocommerce, scoped):
        for connection in (shopify, woocommerce):
            response = Client().post(f"/hooks/{connection.uuid}/", BODY, content_type="application/json")
            refused(response, 401, "unauthorised")

    def test_an_unknown_address_is_404(self, db):
        refused(
            Client().post(f"/hooks/{uuid.uuid4()}/", BODY, content_type="application/json"), 404, "not_found"
        )

    def test_a_removed_connection_is_404(self, shopify, scoped):
        connecting.connection_delete(connection=shopify)
        refused(deliver(shopify, "orders/create", BODY, secret="hush"), 404, "not_found")

    def test_get_is_405(self, shopify):
        response = Client().get(f"/hooks/{shopify.uuid}/")
        refused(response, 405, "method_not_allowed")

    def test_too_large_is_413(self, shopify, scoped, settings):
        settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000
        refused(deliver(shopify, "orders/create", b"x" * 1_001), 413, "too_large")
        assert not InboundHook.objects.exists()

    def test_woocommerce_may_ping(self, woocommerce, scoped):
        response = Client().post(
            f"/hooks/{woocommerce.uuid}/", b"webhook_id=12", content_type="application/x-www-form-urlencoded"
        )
        assert response.status_code == 200
        assert not InboundHook.objects.exists()

    def test_no_csrf_token_is_asked_for(self):
        assert hook_view.csrf_exempt is True

    def test_a_repeat_is_answered_and_not_kept_twice(self, shopify, scoped):
        first = deliver(shopify, "orders/create", BODY, delivery="d1")
        second = deliver(shopify, "orders/create", BODY, delivery="d1")
        assert [first.json()["repeated"], second.json()["repeated"]] == [False, True]
        assert InboundHook.objects.count() == 1

    def test_two_shops_may_use_the_same_delivery_id(self, shopify, woocommerce, scoped):
        deliver(shopify, "orders/create", BODY, delivery="1")
        deliver(woocommerce, "order.created", BODY, delivery="1")
        assert InboundHook.objects.count() == 2


class TestWork:
    def test_paused_deliveries_wait(self, shopify, scoped):
        connecting.connection_pause(connection=shopify)
        assert deliver(shopify, "orders/create", BODY).status_code == 200
        work_all()
        assert InboundHook.objects.get().state == State.PENDING
        connecting.connection_resume(connection=shopify)
        work_all()
        assert Order.objects.count() == 1

    def test_a_bug_is_tried_again_and_then_stands(self, shopify, scoped, monkeypatch):
        from orders import inbound

        def broken(*args, **kwargs):
            SalesChannel.objects.create(merchant=scoped, slug="half", name="half done")
            raise RuntimeError("a bug")

        monkeypatch.setattr(inbound, "order_upsert", broken)
        deliver(shopify, "orders/create", BODY)
        for attempt in range(1, working.MAX_ATTEMPTS + 1):
            work_all()
            row = InboundHook.objects.get()
            assert row.attempts == attempt
            assert row.due_at > timezone.now()
            InboundHook.objects.update(due_at=timezone.now())
        assert row.state == State.REFUSED
        assert "a bug" in row.result
        assert not SalesChannel.objects.filter(slug="half").exists()
        monkeypatch.undo()
        connecting.hook_retry(hook=row)
        work_all()
        row.refresh_from_db()
        assert row.state == State.DONE
        assert Order.objects.count() == 1

    @pytest.mark.django_db(transaction=True)
    def test_a_worker_does_it(self, shopify, merchant, celery_worker):
        import time

        deliver(shopify, "orders/create", BODY)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with all_merchants(reason="test"):
                if InboundHook.objects.get().state == State.DONE:
                    break
            time.sleep(0.1)
        with all_merchants(reason="test"):
            assert Order.objects.get().number == "#1001"

    @pytest.mark.django_db(transaction=True)
    def test_the_sweeper_finds_what_no_bell_rang_for(self, shopify, merchant, settings):
        settings.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"
        deliver(shopify, "orders/create", BODY)
        assert working.sweep() == 1
        work_all()
        assert working.sweep() == 0

    def test_bodies_go_after_30_days_and_rows_after_180(self, shopify, scoped, told):
        told(shopify, "orders/create", BODY)
        InboundHook.objects.update(received_at=timezone.now() - timedelta(days=31))
        working.prune()
        row = InboundHook.objects.get()
        assert bytes(row.body) == b""
        InboundHook.objects.update(received_at=timezone.now() - timedelta(days=181))
        working.prune()
        assert not InboundHook.objects.exists()


# --- one order, newest state -------------------------------------------------------------------------------

VERSIONS = range(1, 6)
ways = st.lists(
    st.tuples(st.sampled_from(["hook", "rest", "fetch"]), st.sampled_from(VERSIONS)), min_size=1, max_size=8
)
START = datetime(2026, 11, 1, tzinfo=UTC)


def told_at(version: int) -> str:
    return (START + timedelta(minutes=version)).isoformat()


def as_shopify(version: int) -> dict:
    return shopify_order(updated_at=told_at(version), total_price=f"{version}.00", tags=f"v{version}")


def as_woocommerce(version: int) -> dict:
    return {
        "id": 450789469,
        "number": "1001",
        "status": "processing",
        "currency": "CNY",
        "date_created_gmt": "2026-11-01T00:00:00",
        "total": f"{version}.00",
        "date_modified_gmt": told_at(version).removesuffix("+00:00"),
        "line_items": [{"id": 1, "quantity": 2, "subtotal": "1.00", "total": "1.00", "name": "Teapot"}],
    }


def as_rest(version: int, channel: str) -> dict:
    return {
        "channel": channel,
        "external_id": "450789469",
        "number": "#1001",
        "currency": "CNY",
        "placed_at": "2026-11-01T00:00:00Z",
        "source_updated_at": told_at(version),
        "total": f"{version}.00",
    }


@pytest.mark.parametrize("platform", ["shopify", "woocommerce"])
def test_one_order_in_its_newest_state_whatever_way_it_comes(platform, merchant, request, scoped):
    connection = request.getfixturevalue(platform)
    rest = ApiClient(make_key(merchant)[1])
    make = as_shopify if platform == "shopify" else as_woocommerce
    topic = {"shopify": "orders/updated", "woocommerce": "order.updated"}[platform]
    deliver(connection, topic, make(0) | {"id": 1})
    work_all()
    channel = SalesChannel.objects.get()

    @settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(steps=ways)
    def check(steps):
        Order.objects.filter(external_id="450789469").delete()
        InboundHook.objects.all().delete()
        for way, version in steps:
            if way == "rest":
                answer = rest.post_json("orders/", as_rest(version, channel.slug))
                assert answer.status_code in {200, 201}, answer.content
            else:
                deliver(connection, topic, make(version), delivery=f"{way}-{version}")
        if any(way != "rest" for way, _ in steps):
            ids = list(InboundHook.objects.order_by("-id").values_list("id", flat=True))
            for hook_id in ids:
                assert working.work(hook_id)
        order = Order.objects.get(external_id="450789469")
        newest = max(version for _, version in steps)
        assert order.total == newest
        assert SalesChannel.objects.count() == 1

    check()
