"""The same POST twice is done once: repeated, at the same moment, and after a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from datetime import timedelta

import pytest
from django.db import connection, connections
from django.utils import timezone

from crm.api import idempotency
from crm.api.models import IdempotentRequest
from crm.lib.tenancy import all_merchants, merchant_scope
from orders.models import Order, SalesChannel
from tests.api.conftest import ApiClient
from tests.factories.accounts import make_key


def order(external_id: str = "A-1", **values):
    return {
        "external_id": external_id,
        "placed_at": "2026-11-11T08:00:00Z",
        "currency": "CNY",
        "total": "10.00",
        "lines": [{"external_id": "1", "quantity": 1, "unit_price": "10.00", "title": "Tea"}],
    } | values


class TestRepeated:
    def test_the_first_answer_comes_again(self, insider, scoped):
        first = insider.post_json("orders/", order(), key="k1")
        second = insider.post_json("orders/", order(), key="k1")
        assert (first.status_code, second.status_code) == (201, 201)
        assert first.content == second.content
        assert "Idempotent-Replayed" not in first
        assert second["Idempotent-Replayed"] == "true"
        assert second["RateLimit-Limit"]
        assert Order.objects.count() == 1

    def test_without_a_key_the_upsert_answers_afresh(self, insider, scoped):
        assert insider.post_json("orders/", order()).json()["outcome"] == "created"
        assert insider.post_json("orders/", order()).json()["outcome"] == "unchanged"

    @pytest.mark.parametrize("change", ["body", "address"])
    def test_another_request_under_the_key_is_422(self, insider, scoped, change):
        insider.post_json("orders/", order(), key="k1")
        path = "orders/" if change == "body" else "products/"
        response = insider.post_json(path, order("A-2"), key="k1")
        assert response.status_code == 422
        assert response.json()["code"] == "idempotency_key_reused"
        assert Order.objects.count() == 1

    def test_a_refusal_is_kept_and_nothing_is_written(self, insider, scoped):
        bad = order(currency="eur", lines=[])
        answers = [insider.post_json("orders/", bad, key="k1") for _ in range(2)]
        assert [answer.status_code for answer in answers] == [422, 422]
        assert answers[1]["Idempotent-Replayed"] == "true"
        assert not Order.objects.exists()

    def test_a_bulk_is_replayed_whole(self, insider, scoped):
        body = {"orders": [order("A-1"), order("A-2", total="-1"), order("A-3")]}
        first, second = (insider.post_json("orders/", body, key="k1").json() for _ in range(2))
        assert first == second
        assert [row["status"] for row in first["results"]] == [201, 422, 201]

    def test_keys_of_two_programs_do_not_meet(self, insider, outsider, merchant, rival):
        assert insider.post_json("orders/", order(), key="same").status_code == 201
        other = outsider.post_json("orders/", order("B-9"), key="same")
        assert other.status_code == 201
        second_key = ApiClient(make_key(merchant)[1])
        assert second_key.post_json("orders/", order("A-2"), key="same").status_code == 201

    def test_after_a_day_the_key_is_new(self, insider, scoped):
        insider.post_json("orders/", order(), key="k1")
        IdempotentRequest.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        assert insider.post_json("orders/", order("A-2"), key="k1").status_code == 201
        assert Order.objects.count() == 2
        IdempotentRequest.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        assert idempotency.prune() == 1
        assert not IdempotentRequest.objects.exists()

    @pytest.mark.parametrize("key", ["x" * 256, "ключ".encode().decode("latin-1"), "a\tb"])
    def test_an_unusable_key_is_422(self, insider, scoped, key):
        assert insider.post_json("orders/", order(), key=key).status_code == 422
        assert not Order.objects.exists()

    def test_a_bug_keeps_nothing(self, insider, scoped, monkeypatch):
        from orders import api

        def broken(**kwargs):
            SalesChannel.objects.create(merchant=scoped, slug="half-done", name="Half done")
            raise RuntimeError("a bug")

        monkeypatch.setattr(api, "order_upsert", broken)
        response = insider.post_json("orders/", order(), key="k1")
        assert response.status_code == 500
        assert response.json()["code"] == "internal"
        assert not SalesChannel.objects.filter(slug="half-done").exists()
        monkeypatch.undo()
        assert insider.post_json("orders/", order(), key="k1").status_code == 201


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_two_at_the_same_moment_are_done_once(self, merchant):
        secret = make_key(merchant)[1]
        start, answers = threading.Barrier(4), []

        def send():
            start.wait()
            answers.append(ApiClient(secret).post_json("orders/", order(), key="k1"))
            connections.close_all()

        threads = [threading.Thread(target=send) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        statuses = sorted(answer.status_code for answer in answers)
        assert len(statuses) == 4
        assert statuses[0] == 201
        assert set(statuses) <= {201, 409}
        assert (
            sum(s == 201 and "Idempotent-Replayed" not in a for s, a in ((a.status_code, a) for a in answers))
            == 1
        )
        with merchant_scope(merchant):
            assert Order.objects.count() == 1

    def test_in_flight_is_409_until_it_is_done(self, merchant, monkeypatch):
        from orders import api

        secret = make_key(merchant)[1]
        inside, go_on = threading.Event(), threading.Event()
        real = api.order_upsert

        def slow(**kwargs):
            inside.set()
            assert go_on.wait(30)
            return real(**kwargs)

        monkeypatch.setattr(api, "order_upsert", slow)
        answers = []

        def send():
            answers.append(ApiClient(secret).post_json("orders/", order(), key="k1"))
            connections.close_all()

        thread = threading.Thread(target=send)
        thread.start()
        assert inside.wait(30)
        meanwhile = ApiClient(secret).post_json("orders/", order(), key="k1")
        other_body = ApiClient(secret).post_json("orders/", order("A-2"), key="k1")
        go_on.set()
        thread.join(60)
        assert (meanwhile.status_code, meanwhile.json()["code"]) == (409, "in_flight")
        assert meanwhile["Retry-After"]
        assert (other_body.status_code, other_body.json()["code"]) == (422, "idempotency_key_reused")
        assert answers[0].status_code == 201
        after = ApiClient(secret).post_json("orders/", order(), key="k1")
        assert after.content == answers[0].content

    def test_killed_in_flight_it_is_done_by_the_next(self, merchant, stack_env):
        secret = make_key(merchant)[1]
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.api.die_in_flight", secret],
            env=stack_env,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stdout is not None
            assert process.stdout.readline().strip() == "written, not committed"
            assert ApiClient(secret).post_json("orders/", order(), key="k1").status_code == 409
        finally:
            os.kill(process.pid, signal.SIGKILL)
            process.wait(10)
            process.stdout.close()
        with merchant_scope(merchant):
            assert not Order.objects.exists()
        deadline = time.monotonic() + 15
        while (answer := ApiClient(secret).post_json("orders/", order(), key="k1")).status_code == 409:
            assert time.monotonic() < deadline  # PostgreSQL notices the dead connection
            time.sleep(0.1)
        assert answer.status_code == 201
        assert "Idempotent-Replayed" not in answer
        with merchant_scope(merchant):
            assert Order.objects.count() == 1
        with all_merchants(reason="test"):
            assert IdempotentRequest.objects.get().status == 201
        assert connection.in_atomic_block is False
