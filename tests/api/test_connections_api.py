"""Programs connect stores and carriers; what is secret goes in and never comes out."""

from __future__ import annotations

import json

import pytest

from crm.accounts.models import Merchant
from crm.integrations.models import Connection

TOKEN = "pm-very-secret-token"
POSTMARK = {
    "platform": "postmark",
    "name": "Postmark",
    "credentials": {"server_token": TOKEN, "message_stream": "broadcast"},
}


def test_connected_changed_and_removed(insider, scoped: Merchant) -> None:
    made = insider.post_json("connections/", POSTMARK)
    assert made.status_code == 201
    body = made.json()
    assert (body["channel"], body["state"], body["is_default"]) == ("email", "active", True)
    assert {"server_token", "message_stream"} <= set(body["set"])
    path = f"connections/{body['id']}/"
    changed = insider.patch_json(path, {"credentials": {"message_stream": "outbound"}})
    assert changed.status_code == 200
    kept = Connection.objects.get().secrets()
    assert (kept["server_token"], kept["message_stream"]) == (TOKEN, "outbound")
    assert insider.patch_json(path, {"name": "Mail"}).json()["name"] == "Mail"
    assert Connection.objects.get().secrets() == kept
    assert insider.delete(path if path.startswith("/") else f"/api/v1/{path}").status_code == 204
    assert not Connection.objects.exists()


def test_no_secret_comes_out(insider, scoped: Merchant) -> None:
    made = insider.post_json("connections/", POSTMARK)
    pk = made.json()["id"]
    answers = [
        made,
        insider.get(f"connections/{pk}/"),
        insider.get("connections/"),
        insider.patch_json(f"connections/{pk}/", {"credentials": {"server_token": "newer-secret"}}),
        insider.post_json(f"connections/{pk}/pause/", {}),
        insider.get("events/"),
    ]
    hidden = [value for value in Connection.objects.get().secrets().values() if len(value) > 10]
    assert len(hidden) >= 2, "ours for the hook's address, and theirs"
    for answer in answers:
        assert answer.status_code < 300
        for secret in (TOKEN, *hidden):
            assert secret not in json.dumps(answer.json())


def test_what_the_page_can_do(insider, scoped: Merchant) -> None:
    first = insider.post_json("connections/", POSTMARK).json()["id"]
    second = insider.post_json("connections/", POSTMARK | {"name": "Second"}).json()
    assert not second["is_default"]
    path = f"connections/{second['id']}/"
    assert insider.post_json(f"{path}make-default/", {}).json()["is_default"]
    assert not insider.get(f"connections/{first}/").json()["is_default"]
    assert insider.post_json(f"{path}pause/", {}).json()["state"] == "paused"
    assert insider.post_json(f"{path}make-default/", {}).status_code == 409
    assert insider.post_json(f"{path}resume/", {}).json()["state"] == "active"
    assert insider.post_json(f"{path}fetch/", {}).status_code == 409, "a carrier has no orders"
    found = insider.get("connections/?channel=email&state=active").json()["results"]
    assert {row["id"] for row in found} == {first, second["id"]}


@pytest.mark.parametrize(
    "name, change, field",
    [
        ("no key", {"credentials": {}}, "credentials.server_token"),
        ("a key of another", {"credentials": {"server_token": "t", "api_key": "x"}}, "credentials.api_key"),
        ("not ASCII", {"credentials": {"server_token": "密钥"}}, "credentials.server_token"),
        (
            "not encrypted",
            {"credentials": {"server_token": "t", "api_url": "http://x.example"}},
            "credentials.api_url",
        ),
        (
            "ours to make",
            {"credentials": {"server_token": "t", "hook_login": "a:b"}},
            "credentials.hook_login",
        ),
        ("a platform of nobody", {"platform": "pigeon"}, "platform"),
    ],
)
def test_what_is_wrong_is_named(
    insider, scoped: Merchant, name: str, change: dict[str, object], field: str
) -> None:
    answer = insider.post_json("connections/", POSTMARK | change)
    assert answer.status_code == 422, name
    assert field in answer.json()["fields"]
    assert not Connection.objects.exists()


def test_the_walls(insider, outsider, key_with, scoped: Merchant) -> None:
    pk = insider.post_json("connections/", POSTMARK).json()["id"]
    reader = key_with("integrations.read")
    assert reader.get(f"connections/{pk}/").status_code == 200
    for who, status in ((reader, 403), (outsider, 404)):
        assert who.patch_json(f"connections/{pk}/", {"name": "x"}).status_code == status
        assert who.delete(f"/api/v1/connections/{pk}/").status_code == status
        assert who.post_json(f"connections/{pk}/pause/", {}).status_code == status
    assert outsider.get(f"connections/{pk}/").status_code == 404
    address = str(Connection.objects.get().uuid)
    assert address not in reader.get(f"connections/{pk}/").content.decode(), (
        "it may be all that proves a carrier"
    )
    assert Connection.objects.get().is_active
