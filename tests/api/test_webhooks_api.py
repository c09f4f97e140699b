"""Programs set up their own webhooks, and hear only what their key may read."""

from __future__ import annotations

from crm.integrations.models import WebhookAttempt, WebhookEndpoint

ENDPOINT = {"url": "https://example.com/in", "events": ["orders.order_paid"], "name": "Warehouse"}


def test_made_changed_tested_removed(insider, scoped):
    made = insider.post_json("webhooks/", ENDPOINT)
    assert made.status_code == 201
    body = made.json()
    assert body["secret"].startswith("whsec_")
    path = f"webhooks/{body['id']}/"
    assert "secret" not in insider.get(path).json()
    changed = insider.patch(f"/api/v1/{path}", {"is_active": False}, content_type="application/json")
    assert changed.json()["is_active"] is False
    assert insider.post_json(f"{path}test/", {}).status_code == 409
    insider.patch(f"/api/v1/{path}", {"is_active": True}, content_type="application/json")
    assert insider.post_json(f"{path}test/", {}).status_code == 202
    assert WebhookAttempt.objects.get().event_name == "webhooks.test"
    assert insider.delete(f"/api/v1/{path}").status_code == 204
    assert not WebhookEndpoint.objects.exists()


def test_a_key_hears_only_what_it_may_read(key_with, insider, scoped):
    deaf = key_with("webhooks.write", "customers.read")
    assert deaf.post_json("webhooks/", ENDPOINT).json()["code"] == "missing_scope"
    assert not WebhookEndpoint.objects.exists()
    pk = insider.post_json("webhooks/", ENDPOINT).json()["id"]
    elsewhere = {"url": "https://elsewhere.example.com/"}
    response = deaf.patch(f"/api/v1/webhooks/{pk}/", elsewhere, content_type="application/json")
    assert response.status_code == 403
    assert WebhookEndpoint.objects.get().url == ENDPOINT["url"]


def test_what_is_wrong_is_named(insider, scoped):
    for change, field in [
        ({"url": "http://example.com/"}, "url"),
        ({"url": "https://u:p@example.com/"}, "url"),
        ({"events": []}, "events"),
        ({"events": ["orders.nothing"]}, "events"),
    ]:
        response = insider.post_json("webhooks/", ENDPOINT | change)
        assert response.status_code == 422, change
        assert field in response.json()["fields"]
    assert not WebhookEndpoint.objects.exists()


def test_the_walls(insider, outsider, colleague, scoped):
    pk = insider.post_json("webhooks/", ENDPOINT).json()["id"]
    assert outsider.get(f"webhooks/{pk}/").status_code == 404
    assert outsider.delete(f"/api/v1/webhooks/{pk}/").status_code == 404
    assert outsider.post_json(f"webhooks/{pk}/test/", {}).status_code == 404
    assert outsider.get("webhooks/").json()["results"] == []
    assert colleague.get("webhooks/").status_code == 403
