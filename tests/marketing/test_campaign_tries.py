"""A test is the real mail by the real way, goes to few, and is a relay for nobody."""

from __future__ import annotations

import email
import json
from typing import Any

import dkim as reference
import pytest
from django.test import Client

from crm.accounts.models import Membership, Merchant
from crm.events.models import Event
from crm.integrations.connecting import connection_create
from crm.lib.crypto import encrypt
from crm.lib.errors import Rejected, TooMany, Upstream
from customers.models import Suppression
from marketing.campaigns import trying
from marketing.campaigns.trials.services import version_add
from marketing.engine import dkim
from marketing.models import Campaign, SenderDomain
from tests.factories.accounts import make_member
from tests.factories.marketing_mail import make_campaign
from tests.integrations.servers import Asked, LocalServer, Reply
from tests.support.smtp import SmtpSink

TO = "owner@example.com"
SAID = f"Found inactive addresses: {TO}. Inactive recipients are ones that have generated a hard bounce."


def attempt(campaign: Campaign, *to: str, **more: Any) -> list[str]:
    actor = more.pop("actor", None) or Membership.objects.filter(merchant=campaign.merchant).earliest("pk")
    return trying.campaign_try(
        merchant=campaign.merchant, campaign=campaign, to=to or [TO], actor=actor, **more
    )


def test_it_is_the_real_mail(scoped: Merchant, owner: Membership, smtp_sink: SmtpSink) -> None:
    attempt(make_campaign(scoped))
    (mail,) = smtp_sink.mails
    head = email.message_from_bytes(mail.raw)
    assert head["Subject"] == "[Test] Tea for Mei"
    assert head["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    leave = head["List-Unsubscribe"].strip("<>")
    assert leave.endswith("/u/test/")
    assert leave in mail.html
    assert "example.com" not in mail.html
    assert head["Feedback-ID"]


@pytest.mark.parametrize("method", ["get", "head", "post"])
def test_its_way_out_changes_nothing(db: None, client: Client, method: str) -> None:
    answer = getattr(client, method)("/u/test/")
    assert answer.status_code == 200
    assert not Event.objects.exists()
    assert not Suppression._base_manager.exists()


def test_it_is_signed_like_the_real_mail(scoped: Merchant, owner: Membership, smtp_sink: SmtpSink) -> None:
    secret, public = dkim.new_key("ed25519")
    SenderDomain.objects.create(
        merchant=scoped,
        domain="qinghe.example",
        selector="gx1",
        key_type="ed25519",
        public_key=public,
        secret=encrypt(secret),
        signs=True,
    )
    attempt(make_campaign(scoped))
    record = dkim.record("ed25519", public).encode()
    assert reference.verify(smtp_sink.mails[0].raw, dnsfunc=lambda _name, timeout=5: record)


def test_it_goes_by_the_shops_provider(scoped: Merchant, owner: Membership, smtp_sink: SmtpSink) -> None:
    with LocalServer() as server:
        server.reply = lambda asked: Reply(
            200, json.dumps({"ErrorCode": 0, "Message": "OK", "MessageID": "m1", "To": TO}).encode()
        )
        connect(scoped, server)
        attempt(make_campaign(scoped))
    (asked,) = server.asked
    sent = json.loads(asked.body)
    assert (sent["To"], sent["Subject"]) == (TO, "[Test] Tea for Mei")
    assert any(one["Name"].lower() == "list-unsubscribe" for one in sent["Headers"])
    assert not smtp_sink.mails


@pytest.fixture(autouse=True)
def _loopback(settings) -> None:
    settings.OUTGOING_ALLOW_LOOPBACK = True


def connect(merchant: Merchant, server: LocalServer) -> None:
    values = {"server_token": "t", "api_url": server.url}
    connection_create(merchant=merchant, platform="postmark", name="Postmark", values=values)


def test_a_provider_that_refuses_is_quoted(scoped: Merchant, owner: Membership) -> None:
    make_member(scoped, "viewer", email="boss@example.com")

    def half(asked: Asked) -> Reply:
        if json.loads(asked.body)["To"] == TO:
            return Reply(422, json.dumps({"ErrorCode": 406, "Message": SAID}).encode())
        return Reply(200, json.dumps({"ErrorCode": 0, "Message": "OK", "MessageID": "m2"}).encode())

    with LocalServer() as server:
        server.reply = half
        connect(scoped, server)
        with pytest.raises(Upstream, match=f"{TO}: refused"):
            attempt(make_campaign(scoped), TO, "boss@example.com")
    assert Event.objects.get(name="marketing.test_sent").data["people"] == 1


def test_a_version_is_tried(scoped: Merchant, owner: Membership, smtp_sink: SmtpSink) -> None:
    campaign = make_campaign(scoped)
    version_add(campaign=campaign, values={"subject": "Other tea"})
    attempt(campaign, letter="B")
    assert email.message_from_bytes(smtp_sink.mails[0].raw)["Subject"] == "[Test] Other tea"


@pytest.mark.parametrize(
    "name, to, code",
    [
        ("a stranger", ["victim@elsewhere.example"], "not_staff"),
        ("a stranger behind a colleague", [TO, "victim@elsewhere.example"], "not_staff"),
        ("another shop's owner", ["owner@rival.example"], "not_staff"),
        ("who left", ["left@example.com"], "not_staff"),
        ("nobody", [" "], "bad_address"),
        ("many", [f"a{n}@example.com" for n in range(6)], "too_many_addresses"),
    ],
)
def test_who_gets_none(
    scoped: Merchant,
    rival: Merchant,
    owner: Membership,
    smtp_sink: SmtpSink,
    name: str,
    to: list[str],
    code: str,
) -> None:
    make_member(rival, "owner", email="owner@rival.example")
    make_member(scoped, "viewer", email="left@example.com", is_active=False)
    with pytest.raises(Rejected) as refused:
        attempt(make_campaign(scoped), *to)
    assert refused.value.code_name == code
    assert not smtp_sink.mails
    assert not Event.objects.filter(name="marketing.test_sent").exists()


def test_few_an_hour(
    scoped: Merchant, owner: Membership, smtp_sink: SmtpSink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trying, "PER_MEMBER", {True: 1, False: 1})
    monkeypatch.setattr(trying, "PER_SHOP", {True: 2, False: 2})
    campaign = make_campaign(scoped)
    attempt(campaign, actor=owner)
    with pytest.raises(TooMany):
        attempt(campaign, actor=owner)
    monkeypatch.setattr(trying, "PER_SHOP", {True: 0, False: 0})
    with pytest.raises(TooMany):
        trying.campaign_try_soon(merchant=scoped, campaign=campaign, to=[TO])
    assert len(smtp_sink.mails) == 1
