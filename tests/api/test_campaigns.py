"""Templates, campaigns and their mails by REST."""

from __future__ import annotations

from marketing.models import Campaign, Delivery
from tests.factories.marketing_mail import BODY, make_campaign, make_subscriber

MAIL = {
    "name": "Spring",
    "audience": "everyone",
    "subject": "Hi",
    "body": BODY,
    "sender_email": "a@shop.example",
}


def test_a_campaign_is_made_and_sent(insider, scoped):
    make_subscriber(scoped)
    made = insider.post_json("campaigns/", MAIL)
    assert made.status_code == 201, made.content
    pk = made.json()["id"]
    sent = insider.post_json(f"campaigns/{pk}/send/", {}, key="once")
    assert sent.status_code == 200, sent.content
    assert sent.json()["state"] == "sending"
    assert insider.post_json(f"campaigns/{pk}/send/", {}, key="once").status_code == 200
    assert insider.post_json(f"campaigns/{pk}/send/", {}).status_code == 409
    assert Delivery.objects.count() == 1
    rows = insider.get(f"deliveries/?campaign={pk}&state=queued").json()
    assert len(rows["results"]) == 1
    figures = insider.get(f"campaigns/{pk}/figures/").json()
    assert (figures["people"], figures["waiting"], figures["revenue"]) == (1, 1, "0.00")
    assert insider.post_json(f"campaigns/{pk}/pause/", {}).json()["state"] == "paused"
    assert insider.post_json(f"campaigns/{pk}/cancel/", {}).json()["state"] == "cancelled"


def test_what_is_missing_is_said(insider, scoped):
    made = insider.post_json("campaigns/", {"name": "Empty"})
    answer = insider.post_json(f"campaigns/{made.json()['id']}/send/", {})
    assert answer.status_code == 422
    assert answer.json()["code"] == "not_ready"
    assert Campaign.objects.get().state == Campaign.State.DRAFT


def test_a_template_is_made_and_copied(insider, scoped):
    made = insider.post_json("templates/", {"name": "Letter", "subject": "News", "body": BODY})
    assert made.status_code == 201, made.content
    campaign = insider.post_json("campaigns/", {"name": "From it", "template": made.json()["id"]}).json()
    assert campaign["body"] == BODY


def test_scope_and_shop_are_walls(insider, colleague, outsider, scoped):
    campaign = make_campaign(scoped)
    assert colleague.get("campaigns/").status_code == 403
    assert outsider.get(f"campaigns/{campaign.pk}/").status_code == 404
    assert outsider.post_json(f"campaigns/{campaign.pk}/send/", {}).status_code == 404
    assert outsider.get("deliveries/").json()["results"] == []
