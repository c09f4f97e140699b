"""Outgoing webhooks: signed as Standard Webhooks says, never to a private address, tried for a day."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection as database
from django.utils import timezone
from standardwebhooks import Webhook

from crm.events.delivering import deliver as deliver_event
from crm.events.models import Delivery, Event
from crm.integrations import http, sending, webhooks
from crm.integrations.models import OutboundMail, WebhookAttempt, WebhookEndpoint
from crm.lib.errors import Conflict, Rejected, Upstream
from crm.lib.tenancy import merchant_scope
from tests.factories.accounts import make_member
from tests.integrations.conftest import work_all
from tests.integrations.servers import Reply
from tests.integrations.test_store_bodies import shopify_order

State = WebhookAttempt.State
NAMES = ["orders.order_paid", "orders.order_placed"]


@pytest.fixture
def endpoint(scoped, server):
    return webhooks.endpoint_create(merchant=scoped, url=f"{server.url}/in", names=NAMES)[0]


def due_now():
    WebhookAttempt.objects.update(due_at=timezone.now())


def carry_events():
    """What the event workers do, here and now."""
    for delivery_id in Delivery.objects.filter(handler="integrations.webhooks").values_list("id", flat=True):
        deliver_event(delivery_id)


class TestSignature:
    def test_it_agrees_with_the_published_vectors(self, real_data):
        vectors = json.loads((real_data / "webhooks/signature_vectors.json").read_text())
        (vector,) = [one for one in vectors if one["scheme"].startswith("standard-webhooks")]
        headers = sending.signed_headers(
            secret=vector["secret"],
            message_id=vector["msg_id"],
            body=vector["payload"],
            at=datetime.fromtimestamp(vector["timestamp"], tz=UTC),
        )
        assert headers["webhook-signature"] == vector["expected"]
        assert headers["webhook-timestamp"] == str(vector["timestamp"])

    def test_a_receiver_with_the_library_accepts_it(self, endpoint, server):
        attempt = webhooks.test_send(endpoint=endpoint)
        assert sending.deliver(attempt.pk) is True
        (asked,) = server.asked
        told = Webhook(endpoint.plain_secret()).verify(asked.body, asked.headers)
        assert told["type"] == "webhooks.test"
        assert asked.headers["content-type"] == "application/json"

    def test_each_try_has_a_fresh_moment_and_the_same_id(self, endpoint, server):
        server.reply = lambda asked: Reply(500)
        attempt = webhooks.test_send(endpoint=endpoint)
        for hour in (8, 9):
            with time_machine.travel(f"2036-11-11T{hour:02}:00:00Z", tick=False):
                due_now()
                sending.deliver(attempt.pk)
        first, second = server.asked
        assert first.headers["webhook-id"] == second.headers["webhook-id"] == attempt.message_id
        assert int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"]) == 3600
        assert first.headers["webhook-signature"] != second.headers["webhook-signature"]
        assert first.body == second.body


class TestThread:
    def test_an_order_from_shopify_is_told(self, endpoint, server, shopify, told, scoped):
        told(shopify, "orders/create", shopify_order())
        carry_events()
        rows = list(WebhookAttempt.objects.order_by("id"))
        assert sorted(row.event_name for row in rows) == sorted(NAMES)
        for row in rows:
            assert sending.deliver(row.pk) is True
        paid = next(one for one in (json.loads(a.body) for a in server.asked) if one["type"] == NAMES[0])
        event = Event.objects.get(name=NAMES[0])
        assert paid["data"]["id"] == event.pk
        assert paid["data"]["number"] == "#1001"
        assert paid["timestamp"] == event.occurred_at.isoformat()
        carry_events()
        assert WebhookAttempt.objects.count() == 2

    def test_only_what_was_asked_for_is_told(self, endpoint, scoped, shopify, told):
        webhooks.endpoint_change(endpoint=endpoint, names=["orders.order_cancelled"])
        told(shopify, "orders/create", shopify_order())
        assert not Delivery.objects.filter(handler="integrations.webhooks").exists()

    def test_a_rival_hears_nothing(self, rival, scoped, server, shopify, told):
        with merchant_scope(rival):
            webhooks.endpoint_create(merchant=rival, url=f"{server.url}/rival", names=NAMES)
        told(shopify, "orders/create", shopify_order())
        carry_events()
        assert not Delivery.objects.filter(handler="integrations.webhooks").exists()

    @pytest.mark.django_db(transaction=True)
    def test_workers_do_all_of_it(self, merchant, server, start_worker):
        import time

        from tests.integrations.conftest import SHOPIFY, deliver

        with merchant_scope(merchant):
            webhooks.endpoint_create(merchant=merchant, url=f"{server.url}/in", names=["orders.order_paid"])
            from crm.integrations.connecting import connection_create

            shop = connection_create(merchant=merchant, platform="shopify", name="Shopify", values=SHOPIFY)
        start_worker(OUTGOING_ALLOW_LOOPBACK="1")
        deliver(shop, "orders/create", shopify_order())
        deadline = time.monotonic() + 40
        while not server.asked and time.monotonic() < deadline:
            time.sleep(0.1)
        assert [json.loads(asked.body)["type"] for asked in server.asked] == ["orders.order_paid"]


class TestFailing:
    def test_it_is_tried_for_about_a_day_then_given_up(self, endpoint, server):
        server.reply = lambda asked: Reply(500, b"no thanks " * 1000)
        start = datetime(2036, 11, 11, tzinfo=UTC)
        with time_machine.travel(start, tick=False) as clock:
            attempt = webhooks.test_send(endpoint=endpoint)
            while attempt.state == State.PENDING:
                clock.move_to(attempt.due_at)
                assert sending.deliver(attempt.pk) is False
                attempt.refresh_from_db()
                passed = timezone.now() - start
        assert len(server.asked) == len(attempt.tries) == 8
        assert timedelta(hours=23) < passed < timedelta(hours=25)
        assert attempt.last_try["status"] == 500
        assert len(attempt.last_try["snippet"]) == sending.SNIPPET_BYTES
        endpoint.refresh_from_db()
        assert endpoint.is_active
        assert endpoint.failing_since == start

    def test_a_success_ends_the_failing(self, endpoint, server):
        server.reply = lambda asked: Reply(500 if len(server.asked) == 1 else 204, b"")
        attempt = webhooks.test_send(endpoint=endpoint)
        sending.deliver(attempt.pk)
        due_now()
        assert sending.deliver(attempt.pk) is True
        endpoint.refresh_from_db()
        assert endpoint.failing_since is None

    def test_five_days_of_failing_switch_it_off_and_owners_hear(self, endpoint, server, merchant):
        make_member(merchant, "owner", email="olga@example.com")
        make_member(merchant, "agent", email="andy@example.com")
        server.reply = lambda asked: Reply(500)
        WebhookEndpoint.objects.update(failing_since=timezone.now() - timedelta(days=5))
        first, waiting = webhooks.test_send(endpoint=endpoint), webhooks.test_send(endpoint=endpoint)
        sending.deliver(first.pk)
        endpoint.refresh_from_db()
        waiting.refresh_from_db()
        assert not endpoint.is_active
        assert endpoint.disabled_reason
        assert waiting.state == State.FAILED
        assert OutboundMail.objects.get().to == "olga@example.com"
        assert Event.objects.filter(name="integrations.endpoint_disabled").count() == 1
        with pytest.raises(Conflict):
            webhooks.attempt_again(attempt=waiting)
        webhooks.endpoint_change(endpoint=endpoint, is_active=True)
        webhooks.attempt_again(attempt=waiting)
        server.reply = lambda asked: Reply(200)
        assert sending.deliver(waiting.pk) is True

    def test_410_switches_it_off_at_once(self, endpoint, server):
        server.reply = lambda asked: Reply(410)
        sending.deliver(webhooks.test_send(endpoint=endpoint).pk)
        endpoint.refresh_from_db()
        assert not endpoint.is_active

    def test_a_redirect_is_not_followed(self, endpoint, server):
        server.reply = lambda asked: Reply(302, headers={"Location": f"{server.url}/elsewhere"})
        assert sending.deliver(webhooks.test_send(endpoint=endpoint).pk) is False
        assert len(server.asked) == 1

    @pytest.mark.django_db(transaction=True)
    def test_two_workers_send_once_and_never_inside_a_transaction(self, merchant, server):
        with merchant_scope(merchant):
            endpoint, _ = webhooks.endpoint_create(merchant=merchant, url=server.url, names=NAMES)
            attempt = webhooks.test_send(endpoint=endpoint)
        go_on, counted = threading.Event(), threading.Event()
        open_transactions = []

        def reply(asked):
            with database.cursor() as cursor:
                cursor.execute(
                    "SELECT count(*) FROM pg_stat_activity"
                    " WHERE state = 'idle in transaction' AND datname = current_database()"
                )
                open_transactions.append(cursor.fetchone()[0])
            database.close()
            counted.set()
            go_on.wait(20)
            return Reply()

        server.reply = reply
        done = []
        worker = threading.Thread(target=lambda: (done.append(sending.deliver(attempt.pk)), database.close()))
        worker.start()
        assert counted.wait(30)  # before this thread opens a transaction of its own
        assert sending.deliver(attempt.pk) is False  # leased
        go_on.set()
        worker.join(30)
        assert done == [True]
        assert len(server.asked) == 1
        assert open_transactions == [0]

    def test_a_worker_that_died_sending_is_followed_after_the_lease(self, endpoint, server):
        attempt = webhooks.test_send(endpoint=endpoint)
        assert sending._claim(attempt.pk) is not None  # and dies
        assert sending.sweep() == 0
        due_now()
        assert sending.sweep() == 1
        assert sending.deliver(attempt.pk) is True


class TestAddresses:
    @pytest.mark.parametrize(
        "url",
        [
            "http://example.com/",
            "ftp://example.com/",
            "https:///x",
            "https://user:pass@example.com/",
            "javascript:alert(1)",
            "http://127.0.0.1:9/",
        ],
    )
    def test_an_unusable_one_is_refused(self, scoped, url):
        with pytest.raises(Rejected):
            webhooks.endpoint_create(merchant=scoped, url=url, names=NAMES)
        assert not WebhookEndpoint.objects.exists()

    @pytest.mark.parametrize(
        "url",
        [
            "https://127.0.0.1/",
            "https://localhost/",
            "https://0.0.0.0/",
            "https://10.0.0.1/",
            "https://172.16.0.1/",
            "https://192.168.1.1/",
            "https://169.254.169.254/latest/meta-data/",
            "https://100.64.0.1/",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[fd00::1]/",
            "https://[64:ff9b::7f00:1]/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://224.0.0.1/",
        ],
    )
    def test_a_private_one_is_never_connected_to(self, url, settings):
        settings.OUTGOING_ALLOW_LOOPBACK = False
        with pytest.raises(Upstream) as refusal:
            http.send("POST", url, data=b"{}")
        assert refusal.value.retryable is False
        assert refusal.value.code_name == "private_address"

    def test_a_name_that_leads_inside_is_refused_too(self, settings, monkeypatch):
        import socket

        settings.OUTGOING_ALLOW_LOOPBACK = False
        real = socket.getaddrinfo

        def lookup(host, *args, **kwargs):
            return real("10.1.2.3" if host == "evil.example.com" else host, *args, **kwargs)

        monkeypatch.setattr(socket, "getaddrinfo", lookup)
        with pytest.raises(Upstream) as refusal:
            http.send("GET", "https://evil.example.com/")
        assert refusal.value.code_name == "private_address"

    def test_proxies_of_the_environment_are_not_used(self, server, monkeypatch):
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
        assert http.send("GET", server.url).status == 200

    def test_a_huge_answer_is_cut_or_refused(self, server):
        server.reply = lambda asked: Reply(200, b"x" * 5_000)
        assert len(http.send("GET", server.url, largest=100, cut=True).body) == 100
        with pytest.raises(Upstream):
            http.send("GET", server.url, largest=100)


def test_old_messages_are_forgotten(endpoint, server):
    sending.deliver(webhooks.test_send(endpoint=endpoint).pk)
    WebhookAttempt.objects.update(done_at=timezone.now() - timedelta(days=31))
    assert sending.prune() == 1
    work_all()
