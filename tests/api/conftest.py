"""Programs that call the API: insider (every scope), colleague (reads only), outsider (the rival's key)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from crm.accounts.models import Merchant
from tests.factories.accounts import make_key


class ApiClient(Client):
    """Speaks JSON with a Bearer key; `client.get("orders/")` is /api/v1/orders/."""

    def __init__(self, secret: str = "", **defaults: Any) -> None:
        super().__init__(raise_request_exception=False, **defaults)
        self.secret = secret

    def generic(self, method: str, path: str, *args: Any, **extra: Any) -> Any:
        if not path.startswith(("/", "http")):
            path = f"/api/v1/{path}"
        headers = {"Authorization": f"Bearer {self.secret}"} if self.secret else {}
        extra["headers"] = headers | (extra.get("headers") or {})
        return super().generic(method, path, *args, **extra)

    def get(self, path: str, data: Any = None, **extra: Any) -> Any:
        return super().get(path if path.startswith(("/", "http")) else f"/api/v1/{path}", data, **extra)

    def post_json(self, path: str, data: Any, *, key: str = "", **extra: Any) -> Any:
        headers = {"Idempotency-Key": key} if key else {}
        return self.post(path, data, content_type="application/json", headers=headers, **extra)

    def patch_json(self, path: str, data: Any, **extra: Any) -> Any:
        return self.patch(path, data, content_type="application/json", **extra)


@pytest.fixture
def insider(merchant: Merchant) -> ApiClient:
    return ApiClient(make_key(merchant, name="insider")[1])


@pytest.fixture
def colleague(merchant: Merchant) -> ApiClient:
    return ApiClient(make_key(merchant, "orders.read", "events.read", "customers.read", name="reader")[1])


@pytest.fixture
def outsider(rival: Merchant) -> ApiClient:
    return ApiClient(make_key(rival, name="outsider")[1])


@pytest.fixture
def key_with(merchant: Merchant) -> Callable[..., ApiClient]:
    """`key_with("orders.read")`: a key with just these scopes."""
    return lambda *scopes: ApiClient(make_key(merchant, *scopes)[1])


@pytest.fixture
def time_machine_at() -> Callable[[str], Any]:
    """`with time_machine_at("2026-11-11T08:00:00Z"):` the clock stands still there."""
    import time_machine

    return lambda moment: time_machine.travel(moment, tick=False)
