"""The sending rules for programs, and what a change of them announces."""

from __future__ import annotations

from crm.accounts.models import Merchant
from crm.events.models import Event
from marketing.models import SendingPolicy


def test_the_rules_by_api_and_what_they_announce(insider, scoped: Merchant) -> None:
    assert insider.get("sending-rules/").json()["attribution_model"] == "last"
    values = {"attribution_model": "linear", "attribution_days": 30, "cap_count": 2}
    answer = insider.post_json("sending-rules/", values)
    assert answer.status_code == 200 and answer.json()["attribution_days"] == 30
    assert SendingPolicy.objects.get().cap_count == 2
    assert Event.objects.filter(name="accounts.settings_changed").count() == 1
    insider.post_json("sending-rules/", values)
    assert Event.objects.filter(name="accounts.settings_changed").count() == 1, "nothing changed"
    half = insider.post_json("sending-rules/", {"quiet_from": "21:00"})
    assert half.status_code == 422 and "quiet_until" in half.json()["fields"]
    assert insider.post_json("sending-rules/", {"attribution_days": 0}).status_code == 422
