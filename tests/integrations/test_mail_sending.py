"""Mails through a provider's HTTP API: what leaves, and what each answer means for the one who sends."""

from __future__ import annotations

import json
import socket
import threading

import pytest
from django.db import transaction

from crm.integrations import mail
from crm.integrations.catalog import MESSENGERS, messenger
from crm.integrations.connecting import connection_create, connection_make_default, connection_pause
from crm.integrations.messengers.base import Fate, Message, fate_of_status
from crm.integrations.models import Connection, OutboundMail
from crm.lib.errors import Conflict
from tests.integrations.servers import Reply

MAIL = Message(
    to="ann@example.com",
    reference="m1@shop.test",
    subject="Hello Ann",
    text="Hi",
    html="<p>Hi</p>",
    sender="Shop <shop@shop.test>",
    headers={"List-Unsubscribe": "<https://shop.test/u/1>", "Message-ID": "<m1@shop.test>"},
)
# What each provider says of a mail that it took, in its API's own words.
TAKEN = {
    "brevo": {"messageId": "<p1@smtp-relay.mailin.fr>"},
    "mailersend": {},
    "mailgun": {"id": "<p1@shop.test>", "message": "Queued. Thank you."},
    "mailjet": {
        "Messages": [
            {"Status": "success", "To": [{"Email": "ann@example.com", "MessageID": 1, "MessageUUID": "p1"}]}
        ]
    },
    "mailtrap": {"success": True, "message_ids": ["p1"]},
    "mandrill": [{"email": "ann@example.com", "status": "sent", "_id": "p1"}],
    "postal": {
        "status": "success",
        "data": {"message_id": "p1", "messages": {"ann@example.com": {"id": 1503, "token": "t"}}},
    },
    "postmark": {"To": "ann@example.com", "MessageID": "p1", "ErrorCode": 0, "Message": "OK"},
    "resend": {"id": "p1"},
    "sendgrid": {},
    "sparkpost": {"results": {"total_rejected_recipients": 0, "total_accepted_recipients": 1, "id": "p1"}},
    "unisender_go": {"status": "success", "job_id": "p1", "emails": ["ann@example.com"]},
}


def secrets_of(key: str, url: str) -> dict[str, str]:
    given = {one.name: "k" for one in MESSENGERS[key].fields if one.required or one.name == "sender_domain"}
    return given | {"api_url": url}


@pytest.mark.parametrize("key", sorted(TAKEN))
def test_a_provider_takes_a_mail(key, server):
    headers = {"X-Message-Id": "p1", "Content-Type": "application/json"}
    server.reply = lambda asked: Reply(202, json.dumps(TAKEN[key]).encode(), headers)
    receipt = messenger(key).send(MAIL, secrets_of(key, server.url))
    assert receipt.fate is Fate.ACCEPTED, receipt
    assert len(server.asked) == 1
    said = server.asked[0].body.decode("utf-8", "replace")
    assert "ann@example.com" in said or "ann%40example.com" in said
    assert "u/1" in said or "u%2F1" in said  # List-Unsubscribe goes along
    assert receipt.provider_id


def test_only_amazon_reports_without_sending():
    assert {key for key, one in MESSENGERS.items() if one.channel == "email" and not one.sends} == {
        "amazon_ses"
    }
    assert set(TAKEN) == {
        key for key, one in MESSENGERS.items() if one.channel == "email" and key != "amazon_ses"
    }
    assert messenger("amazon_ses").send(MAIL, {}).fate is Fate.TROUBLE


@pytest.mark.parametrize(
    ("case", "reply", "fate", "wait"),
    [
        ("a wrong key", Reply(401, b'{"ErrorCode": 10}'), Fate.TROUBLE, 0),
        ("words they won't take", Reply(400, b'{"message": "bad"}'), Fate.REFUSED, 0),
        ("too fast", Reply(429, b"{}", {"Retry-After": "30"}), Fate.DEFERRED, 30),
        (
            "too fast, by date",
            Reply(429, b"{}", {"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT"}),
            Fate.DEFERRED,
            0,
        ),
        ("down", Reply(503, b""), Fate.DEFERRED, 0),
        ("a gateway gave up", Reply(504, b""), Fate.UNKNOWN, 0),
        ("taken, but no JSON", Reply(200, b"<html>"), Fate.UNKNOWN, 0),
    ],
)
def test_what_an_answer_means(case, reply, fate, wait, server):
    server.reply = lambda asked: reply
    receipt = messenger("resend").send(MAIL, secrets_of("resend", server.url))
    assert (receipt.fate, receipt.wait_seconds) == (fate, wait), receipt


def test_nobody_at_home_is_deferred_and_a_cut_line_is_unknown(settings):
    settings.OUTGOING_ALLOW_LOOPBACK = True
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        assert messenger("resend").send(MAIL, secrets_of("resend", url)).fate is Fate.DEFERRED
    with socket.create_server(("127.0.0.1", 0)) as cutting:

        def cut() -> None:
            line, _address = cutting.accept()
            line.recv(65536)
            line.close()

        thread = threading.Thread(target=cut)
        thread.start()
        url = f"http://127.0.0.1:{cutting.getsockname()[1]}"
        assert messenger("resend").send(MAIL, secrets_of("resend", url)).fate is Fate.UNKNOWN
        thread.join(10)


def test_keys_travel_by_https_only_and_never_inside(settings):
    settings.OUTGOING_ALLOW_LOOPBACK = False
    for url in ("http://api.example.com", "https://127.0.0.1:9", "ftp://x"):
        assert messenger("resend").send(MAIL, secrets_of("resend", url)).fate is Fate.TROUBLE, url


@pytest.mark.parametrize(
    ("status", "fate"),
    [
        (200, Fate.ACCEPTED),
        (204, Fate.ACCEPTED),
        (402, Fate.TROUBLE),
        (422, Fate.REFUSED),
        (500, Fate.DEFERRED),
    ],
)
def test_statuses(status, fate):
    assert fate_of_status(status) is fate


class TestMailThatMustArrive:
    """Codes, receipts and answers go by the shop's provider too."""

    def send(self, merchant) -> OutboundMail:
        with transaction.atomic():
            kept = mail.post(
                merchant=merchant, to="ann@example.com", subject="Your code", text="123456", purpose="test"
            )
        assert kept is not None
        mail.send(kept.pk)
        kept.refresh_from_db()
        return kept

    @pytest.mark.parametrize(
        ("reply", "state"),
        [
            (Reply(200, b'{"id": "p1"}'), OutboundMail.State.SENT),
            (Reply(503, b""), OutboundMail.State.QUEUED),
            (Reply(504, b""), OutboundMail.State.QUEUED),
            (Reply(401, b"{}"), OutboundMail.State.QUEUED),
            (Reply(422, b"{}"), OutboundMail.State.FAILED),
        ],
    )
    def test_by_the_provider(self, reply, state, merchant, server, scoped, smtp_sink):
        values = {"api_key": "k", "api_url": server.url}
        resend = connection_create(merchant=merchant, platform="resend", name="Resend", values=values)
        server.reply = lambda asked: reply
        kept = self.send(merchant)
        assert kept.state == state
        said = json.loads(server.asked[0].body)
        assert (said["to"], said["subject"], said["text"]) == (["ann@example.com"], "Your code", "123456")
        assert smtp_sink.mails == []
        connection_pause(connection=resend)
        assert self.send(merchant).state == OutboundMail.State.SENT
        assert len(smtp_sink.mails) == 1


class TestDefault:
    """One connection of a channel is what the shop sends by."""

    def make(self, merchant, platform):
        values = {"api_key": "k", "server_token": "t"}
        return connection_create(merchant=merchant, platform=platform, name=platform, values=values)

    def test_the_first_that_sends_becomes_it_and_another_can_take_over(self, merchant, scoped):
        amazon, first, second = (self.make(merchant, key) for key in ("amazon_ses", "brevo", "postmark"))
        assert [one.is_default for one in (amazon, first, second)] == [False, True, False]
        connection_make_default(connection=second)
        assert Connection.objects.get(is_default=True) == second
        with pytest.raises(Conflict):
            connection_make_default(connection=amazon)
        connection_pause(connection=first)
        with pytest.raises(Conflict):
            connection_make_default(connection=first)
        assert Connection.objects.get(is_default=True) == second

    def test_a_store_sends_nothing(self, shopify, scoped):
        assert (shopify.channel, shopify.is_default) == ("", False)
        with pytest.raises(Conflict):
            connection_make_default(connection=shopify)

    def test_its_pages(self, merchant, member_client, scoped):
        client = member_client("owner")
        assert "Brevo" in client.get("/settings/connections/").content.decode()
        answer = client.post("/settings/connections/new/brevo/", {"name": "Our Brevo", "api_key": "s3cret"})
        connection = Connection.objects.get()
        assert answer.status_code == 302 and connection.secrets()["api_key"] == "s3cret"
        self.make(merchant, "postmark")
        page = client.get(f"/settings/connections/{connection.pk}/").content.decode()
        assert connection.secrets()["hook_login"] in page and "s3cret" not in page
        other = Connection.objects.get(platform="postmark")
        assert client.post(f"/settings/connections/{other.pk}/default/").status_code == 302
        other.refresh_from_db()
        assert other.is_default
        bad = {"name": "x", "api_key": "k", "api_url": "http://example.com"}
        assert client.post("/settings/connections/new/resend/", bad).status_code == 422
