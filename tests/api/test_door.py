"""Keys, scopes, limits and the one error shape, tried on the event log."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from crm.accounts.models import ApiKey
from crm.accounts.services import apikey_revoke
from crm.lib.tenancy import all_merchants, merchant_scope
from tests.api.conftest import ApiClient
from tests.factories.accounts import make_key

SHAPE = {"code", "message", "fields"}


def refused(response, status: int, code: str) -> dict:
    assert response.status_code == status, response.content
    assert response["Content-Type"].startswith("application/json")
    body = response.json()
    assert set(body) == SHAPE
    assert body["code"] == code, body
    assert body["message"]
    return body


class TestKeys:
    def test_a_good_key_reads(self, insider):
        assert insider.get("events/").status_code == 200

    @pytest.mark.parametrize(
        "case, header",
        [
            ("none", None),
            ("empty", ""),
            ("basic", "Basic abc"),
            ("bearer alone", "Bearer"),
            ("nonsense", "Bearer nonsense"),
            ("another mark", "Bearer zz_{prefix}_{tail}"),
            ("wrong secret", "Bearer gx_{prefix}_wrong"),
            ("wrong prefix", "Bearer gx_0000000000_{tail}"),
            ("cut off", "Bearer gx_{prefix}"),
            ("not ascii", "Bearer gx_ключ_{tail}"),
            ("sql", "Bearer gx_'; drop table_{tail}"),
            ("long", "Bearer gx_" + "a" * 5000),
        ],
    )
    def test_a_bad_key_is_401(self, merchant, case, header):
        _row, secret = make_key(merchant)
        _mark, prefix, tail = secret.split("_", 2)
        headers = {} if header is None else {"Authorization": header.format(prefix=prefix, tail=tail)}
        response = ApiClient().get("events/", headers=headers)
        refused(response, 401, "unauthorised")
        assert response["WWW-Authenticate"].startswith("Bearer")

    @pytest.mark.parametrize("case", ["revoked", "expired", "shop closed"])
    def test_a_key_ends(self, merchant, case):
        row, secret = make_key(merchant)
        with merchant_scope(merchant):
            if case == "revoked":
                apikey_revoke(key=row)
            elif case == "expired":
                ApiKey.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
        if case == "shop closed":
            merchant.is_active = False
            merchant.save()
        refused(ApiClient(secret).get("events/"), 401, "unauthorised")

    def test_use_is_noted_once_a_minute(self, merchant, django_assert_num_queries, time_machine_at):
        row, secret = make_key(merchant)
        client = ApiClient(secret)
        with time_machine_at("2026-11-11T08:00:00Z"):
            client.get("events/")
        with time_machine_at("2026-11-11T08:00:59Z"):
            client.get("events/")
        with all_merchants(reason="test"):
            assert ApiKey.objects.get(pk=row.pk).last_used_at.isoformat() == "2026-11-11T08:00:00+00:00"
        with time_machine_at("2026-11-11T08:01:01Z"):
            client.get("events/")
        with all_merchants(reason="test"):
            assert ApiKey.objects.get(pk=row.pk).last_used_at.isoformat() == "2026-11-11T08:01:01+00:00"

    def test_a_session_opens_nothing(self, member_client):
        refused(member_client("owner").get("/api/v1/events/"), 401, "unauthorised")


class TestScopes:
    def test_without_the_scope_403_names_it(self, key_with):
        body = refused(key_with("orders.read").get("events/"), 403, "missing_scope")
        assert "events.read" in body["message"]

    def test_events_of_a_kind_need_its_own_scope(self, merchant, key_with):
        make_key(merchant)
        assert key_with("events.read").get("events/").json()["results"]
        assert key_with("events.read", "orders.read").get("events/?name=orders.order_paid").status_code == 200


class TestRefusals:
    @pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options", "trace"])
    def test_405_says_what_is_allowed(self, insider, method):
        response = getattr(insider, method)("/api/v1/events/")
        refused(response, 405, "method_not_allowed")
        assert "GET" in response["Allow"]

    def test_404_for_an_unknown_address(self, insider):
        refused(insider.get("nothing/"), 404, "not_found")

    @pytest.mark.parametrize("pk", ["0", "999999", "9223372036854775807", "9223372036854775808", "9" * 19])
    def test_404_for_an_unknown_id(self, insider, pk):
        refused(insider.get(f"events/{pk}/"), 404, "not_found")

    @pytest.mark.parametrize("pk", ["x", "-1", "1.5", "9" * 20, "%00", "%ED%A0%80", "1/2"])
    def test_404_for_what_is_no_id(self, insider, pk):
        refused(insider.get(f"events/{pk}/"), 404, "not_found")

    def test_406_for_another_format(self, insider):
        refused(insider.get("events/", headers={"Accept": "application/xml"}), 406, "not_acceptable")

    @pytest.mark.parametrize(
        "query, field",
        [
            ("nmae=x", "nmae"),
            ("name=", "name"),
            ("name=a&name=b", "name"),
            ("name=%00", "name"),
            ("customer=x", "customer"),
            ("customer=-1", "customer"),
            ("customer=1.0", "customer"),
            ("customer=9223372036854775808", "customer"),
            ("backfill=1", "backfill"),
            ("occurred_after=2026-11-11", "occurred_after"),
            ("occurred_after=2026-11-11T08:00:00", "occurred_after"),
            ("occurred_after=2026-99-11T08:00:00Z", "occurred_after"),
            ("limit=0", "limit"),
            ("limit=201", "limit"),
            ("limit=ten", "limit"),
            ("limit=٣", "limit"),
            ("cursor=nonsense", "cursor"),
            ("sort=name", "body"),
            ("format=api", "format"),
        ],
    )
    def test_422_for_a_wrong_parameter(self, insider, query, field):
        body = refused(insider.get(f"/api/v1/events/?{query}"), 422, "invalid")
        assert field in body["fields"]


class TestLimits:
    def test_headers_count_down_and_429_says_when(self, settings, insider):
        settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"DEFAULT_THROTTLE_RATES": {"key": "2/min"}}
        first, second, third = (insider.get("events/") for _ in range(3))
        assert [first["RateLimit-Remaining"], second["RateLimit-Remaining"]] == ["1", "0"]
        assert first["RateLimit-Limit"] == "2"
        assert 1 <= int(first["RateLimit-Reset"]) <= 60
        refused(third, 429, "too_many_requests")
        assert 1 <= int(third["Retry-After"]) <= 60
        assert third["RateLimit-Remaining"] == "0"

    def test_keys_do_not_share_a_budget(self, settings, insider, colleague):
        settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"DEFAULT_THROTTLE_RATES": {"key": "1/min"}}
        assert insider.get("events/").status_code == 200
        assert colleague.get("events/").status_code == 200
        assert insider.get("events/").status_code == 429

    def test_without_redis_nobody_is_held_back(self, settings, insider):
        settings.REDIS_URL = "redis://127.0.0.1:1/0"
        assert insider.get("events/").status_code == 200


class TestWalls:
    def test_the_rival_sees_its_own_only(self, insider, outsider):
        ours = insider.get("events/").json()["results"]
        theirs = outsider.get("events/").json()["results"]
        assert ours
        assert theirs
        assert not {row["id"] for row in ours} & {row["id"] for row in theirs}
        refused(outsider.get(f"events/{ours[0]['id']}/"), 404, "not_found")

    def test_the_same_number_of_queries_for_2_and_50_rows(self, insider, merchant, django_assert_num_queries):
        insider.get("events/")
        for _ in range(50):
            make_key(merchant)
        for limit in (2, 50):
            # 1 key with its merchant, 2 the rows
            with django_assert_num_queries(2):
                assert len(insider.get(f"/api/v1/events/?limit={limit}").json()["results"]) == limit
