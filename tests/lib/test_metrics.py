"""Who reads /metrics."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest
from django.test import Client

from tests.support.settings_names import ROOT


@pytest.mark.parametrize(
    "case, address, headers, proxies, status",
    [
        ("this machine", "127.0.0.1", {}, 0, 200),
        ("this machine by IPv6", "::1", {}, 0, 200),
        ("a stranger", "203.0.113.9", {}, 0, 404),
        (
            "a stranger through a proxy that nobody declared",
            "127.0.0.1",
            {"X-Forwarded-For": "1.2.3.4"},
            0,
            404,
        ),
        ("a stranger through our proxy", "127.0.0.1", {"X-Forwarded-For": "203.0.113.9"}, 1, 404),
        ("a stranger who lies", "127.0.0.1", {"X-Forwarded-For": "127.0.0.1, 203.0.113.9"}, 1, 404),
        ("this machine past our proxy", "127.0.0.1", {}, 1, 200),
        ("no address at all", "", {}, 0, 404),
    ],
)
def test_without_a_token_the_address_decides(
    settings: Any, case: str, address: str, headers: dict[str, str], proxies: int, status: int
) -> None:
    settings.TRUSTED_PROXIES = proxies
    response = Client(REMOTE_ADDR=address).get("/metrics", headers=headers)
    assert response.status_code == status
    assert (b"python_info" in response.content) == (status == 200)


def test_a_network_may_be_let_in(settings: Any) -> None:
    settings.METRICS_ALLOW = [ip_network("10.8.0.0/16")]
    assert Client(REMOTE_ADDR="10.8.3.4").get("/metrics").status_code == 200
    assert Client(REMOTE_ADDR="127.0.0.1").get("/metrics").status_code == 404


@pytest.mark.parametrize(
    "given, status",
    [("Bearer right", 200), ("Bearer wrong", 404), ("Basic right", 404), ("Bearer ünrecht", 404)],
)
def test_with_a_token_only_it_decides(settings: Any, given: str, status: int) -> None:
    settings.METRICS_TOKEN = "right"
    assert (
        Client(REMOTE_ADDR="203.0.113.9").get("/metrics", headers={"Authorization": given}).status_code
        == status
    )
    assert Client(REMOTE_ADDR="127.0.0.1").get("/metrics").status_code == 404


def test_it_asks_neither_for_a_host_nor_for_the_database(django_assert_num_queries: Any, db: None) -> None:
    with django_assert_num_queries(0):
        assert (
            Client(REMOTE_ADDR="127.0.0.1").get("/metrics", headers={"Host": "web:8000"}).status_code == 200
        )


def test_the_proxy_passes_it_to_nobody() -> None:
    lines = [line.strip() for line in (ROOT / "crm/local/container/Caddyfile").read_text().splitlines()]
    inside = lines.index("@inside path /metrics /metrics/*")
    assert lines[inside + 1] == "respond @inside 404"
