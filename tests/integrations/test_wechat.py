"""A WeChat official account: its recorded messages, its door, its template messages."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest
from django.core.cache import cache
from django.test import Client

from crm.integrations.catalog import messenger
from crm.integrations.connecting import connection_create
from crm.integrations.messengers.base import Fate, Message
from crm.integrations.messengers.items import InboundText
from crm.integrations.messengers.reports import Channel, MessageReport, ReportKind
from crm.integrations.messengers.wechat_messages import parse, plain, sealed
from crm.integrations.models import InboundHook
from crm.integrations.working import items_of
from crm.lib import signatures
from crm.lib.errors import Rejected
from crm.lib.tenancy import merchant_scope
from customers.consent import consent_now
from tests.factories.customers import make_consent, make_customer, make_identity
from tests.integrations.conftest import work_all
from tests.integrations.servers import Reply
from tests.support.carriers import FakeWeChat

MESSAGE = Message(
    to="openid1",
    reference="m1",
    template="TPL1",
    values={"first": "您好", "keyword1": "42"},
    url="https://shop.test/t/1",
)


def test_all_25_recorded_messages_are_read(real_data):
    rows = json.loads((real_data / "webhooks/wechat/messages.json").read_text())
    wrong = {}
    for row in rows:
        message = parse(row["xml"])
        fields = {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in message.fields.items()
        }
        if (message.type, message.event, fields) != (row["type"], row["event"], row["fields"]):
            wrong[row["test"]] = (message.type, message.event, fields)
    assert wrong == {}
    assert len(rows) == 25


@pytest.mark.parametrize(
    ("case", "xml"),
    [
        ("no XML", "hello"),
        ("nothing", ""),
        ("not theirs", "<xml><a>1</a></xml>"),
        ("no number", "<xml><MsgType>text</MsgType><FromUserName>u</FromUserName><MsgId>x</MsgId></xml>"),
        ("an entity", '<!DOCTYPE x [<!ENTITY a "b">]><xml><MsgType>&a;</MsgType></xml>'),
        ("too large", "<xml>" + "a" * 1_000_000 + "</xml>"),
    ],
)
def test_what_is_no_message_is_refused(case, xml):
    with pytest.raises(Rejected):
        parse(xml)


def test_a_kind_that_is_new_has_what_all_have():
    message = parse("<xml><MsgType>event</MsgType><FromUserName>u</FromUserName><Event>NEW</Event></xml>")
    assert (message.event, message.source) == ("new", "u")


def xml(kind: str, **fields: str) -> bytes:
    said = {"ToUserName": "gh_1", "FromUserName": "openid1", "CreateTime": "1348831860", "MsgType": kind}
    inner = "".join(f"<{name}><![CDATA[{value}]]></{name}>" for name, value in {**said, **fields}.items())
    return f"<xml>{inner}</xml>".encode()


FINISHED = xml("event", Event="TEMPLATESENDJOBFINISH", MsgID="200163836", Status="success")


@pytest.fixture
def account(merchant):
    values = {"app_id": "wx1", "app_secret": "wechat-secret"}
    with merchant_scope(merchant):
        return connection_create(merchant=merchant, platform="wechat", name="公众号", values=values)


class TestDoor:
    def url(self, connection, *parts: str, name: str = "signature", **more: str) -> str:
        token = connection.secrets()["token"]
        stamp, nonce = "1410685589", "n0nce"
        query = {name: signatures.wechat(token, stamp, nonce, *parts), "timestamp": stamp, "nonce": nonce}
        return f"/hooks/{connection.uuid}/?{urlencode(query | more)}"

    def test_the_address_is_proven_by_saying_the_echo(self, account):
        answer = Client().get(self.url(account, echostr="5917440273"))
        assert (answer.status_code, answer.content) == (200, b"5917440273")
        assert answer["Content-Type"].startswith("text/plain")
        wrong = self.url(account, echostr="<b>1</b>").replace("nonce=n0nce", "nonce=other")
        assert Client().get(wrong).status_code == 401

    def test_a_plain_report(self, account, scoped):
        for _again in range(2):
            answer = Client().post(self.url(account), FINISHED, content_type="text/xml")
            assert (answer.status_code, answer.content) == (200, b"success")
        hook = InboundHook.objects.get()
        assert hook.topic == "templatesendjobfinish"
        [report] = items_of(hook)
        assert report == MessageReport(
            channel=Channel.WECHAT,
            kind=ReportKind.DELIVERED,
            occurred_at=datetime(2012, 9, 28, 11, 31, tzinfo=UTC),
            recipient="openid1",
            provider_id="200163836",
            code="success",
            report_id="200163836:success",
        )

    def test_a_sealed_message_is_kept_sealed(self, account, scoped):
        secrets = account.secrets()
        body = xml("text", Content="你好", MsgId="77")
        envelope = sealed(body, aes_key=secrets["aes_key"], receiver="wx1")
        raw = f"<xml><ToUserName>gh_1</ToUserName><Encrypt>{envelope}</Encrypt></xml>".encode()
        good = self.url(account, envelope, name="msg_signature", encrypt_type="aes")
        assert Client().post(good, raw, content_type="text/xml").content == b"success"
        hook = InboundHook.objects.get()
        assert bytes(hook.body) == raw
        assert items_of(hook) == [InboundText(Channel.WECHAT, "openid1", "你好", "77")]
        # The plain signature, which whoever saw one address could repeat, does not open the sealed door.
        assert Client().post(self.url(account), raw, content_type="text/xml").status_code == 401
        other = sealed(body, aes_key=secrets["aes_key"], receiver="wx2")
        raw = f"<xml><Encrypt>{other}</Encrypt></xml>".encode()
        bad = self.url(account, other, name="msg_signature")
        assert Client().post(bad, raw, content_type="text/xml").status_code == 401
        assert InboundHook.objects.count() == 1

    @pytest.mark.parametrize(
        ("case", "body", "kind", "permanent"),
        [
            (
                "blocked",
                xml("event", Event="TEMPLATESENDJOBFINISH", MsgID="2", Status="failed:user block"),
                ReportKind.REJECTED,
                None,
            ),
            (
                "their fault",
                xml("event", Event="TEMPLATESENDJOBFINISH", MsgID="3", Status="failed: system failed"),
                ReportKind.BOUNCED,
                False,
            ),
        ],
    )
    def test_what_followers_and_wechat_say(self, case, body, kind, permanent, account, scoped):
        assert Client().post(self.url(account), body, content_type="text/xml").status_code == 200
        [report] = items_of(InboundHook.objects.get())
        assert isinstance(report, MessageReport)
        assert (report.kind, report.permanent, report.recipient) == (kind, permanent, "openid1")

    @pytest.mark.parametrize(
        "body", [xml("event", Event="unsubscribe"), xml("text", Content=" 退订。", MsgId="1")]
    )
    def test_who_leaves_or_says_so_has_withdrawn(self, body, account, scoped):
        here, elsewhere = make_customer(scoped), make_customer(scoped)
        for customer, scope in ((here, "wx1"), (elsewhere, "wx2")):
            make_identity(customer, kind="openid", value="openid1", scope=scope)
            make_consent(customer, "wechat")
        assert Client().post(self.url(account), body, content_type="text/xml").status_code == 200
        work_all()
        assert InboundHook.objects.get().state == InboundHook.State.DONE
        assert consent_now(customer=here, channel="wechat") is False
        assert consent_now(customer=elsewhere, channel="wechat") is True

    @pytest.mark.parametrize("body", [b"", b"<xml/>", b"no xml"])
    def test_rubbish_is_refused_and_not_kept(self, body, account, scoped):
        assert Client().post(self.url(account), body, content_type="text/xml").status_code == 422
        assert not InboundHook.objects.exists()


class TestSending:
    @pytest.fixture
    def wechat(self, server):
        cache.clear()
        server.reply = FakeWeChat()
        return server.reply

    def secrets(self, server, **other: str) -> dict[str, str]:
        return {"app_id": "wx1", "app_secret": "wechat-secret", "api_url": server.url, **other}

    def test_one_token_serves_many_and_an_old_one_is_renewed_once(self, wechat, server):
        adapter, secrets = messenger("wechat"), self.secrets(server)
        first, second = adapter.send(MESSAGE, secrets), adapter.send(MESSAGE, secrets)
        assert [first.fate, second.fate] == [Fate.ACCEPTED, Fate.ACCEPTED]
        assert first.provider_id == "200228333"
        assert wechat.tokens == ["token-1"]
        wechat.expire()
        assert adapter.send(MESSAGE, secrets).fate is Fate.ACCEPTED
        assert wechat.tokens[-1] == "token-2" and len(wechat.taken) == 3
        said = wechat.taken[0]
        assert (said["touser"], said["template_id"], said["url"]) == ("openid1", "TPL1", MESSAGE.url)
        assert said["data"]["first"] == {"value": "您好"} and said["client_msg_id"] == "m1"

    def test_the_kept_token_can_not_be_read(self, wechat, server):
        messenger("wechat").send(MESSAGE, self.secrets(server))
        raw = cache._cache.get_client(None)
        assert not any(b"token-1" in (raw.get(key) or b"") for key in raw.keys("*wechat-token*"))
        assert list(raw.keys("*wechat-token*"))

    def test_a_token_that_stays_old_stops_after_two_tries(self, wechat, server):
        wechat.no = lambda said: 42001
        receipt = messenger("wechat").send(MESSAGE, self.secrets(server))
        assert (receipt.fate, receipt.code) == (Fate.TROUBLE, "42001")
        assert len(wechat.tokens) == 2

    @pytest.mark.parametrize(
        ("code", "fate"),
        [
            (43004, Fate.REFUSED),
            (40003, Fate.REFUSED),
            (45009, Fate.DEFERRED),
            (-1, Fate.DEFERRED),
            (40037, Fate.TROUBLE),
            (48001, Fate.TROUBLE),
        ],
    )
    def test_what_a_code_means(self, code, fate, wechat, server):
        wechat.no = lambda said: code
        receipt = messenger("wechat").send(MESSAGE, self.secrets(server))
        assert (receipt.fate, receipt.code) == (fate, str(code))
        assert (receipt.wait_seconds > 0) == (fate is Fate.DEFERRED)

    def test_a_wrong_secret_and_a_broken_answer(self, wechat, server):
        adapter = messenger("wechat")
        assert adapter.send(MESSAGE, self.secrets(server, app_secret="no")).fate is Fate.TROUBLE
        good, secrets = server.reply, self.secrets(server)
        assert adapter.send(MESSAGE, secrets).fate is Fate.ACCEPTED
        server.reply = lambda asked: Reply(200, b"<html>")
        assert adapter.send(MESSAGE, secrets).fate is Fate.UNKNOWN
        assert len(good.taken) == 1

    @pytest.mark.parametrize(
        ("said", "fate"),
        [
            ({"errcode": "none", "errmsg": "odd"}, Fate.TROUBLE),
            ({"access_token": "t", "expires_in": "soon"}, Fate.UNKNOWN),
        ],
    )
    def test_odd_answers_of_a_proxy_raise_nothing(self, said, fate, wechat, server):
        server.reply = lambda asked: Reply(200, json.dumps(said).encode())
        assert messenger("wechat").send(MESSAGE, self.secrets(server)).fate is fate


def test_plain_is_text_only():
    assert plain("<xml><a><b>1</b></a><c/></xml>") == {"a": {"b": "1"}, "c": None}
