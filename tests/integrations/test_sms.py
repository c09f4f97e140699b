"""SMS by Twilio's and by Aliyun's API, against servers that check who asks as theirs do."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest
from django.test import Client

from crm.integrations.catalog import messenger
from crm.integrations.connecting import connection_create, hook_url, hook_urls
from crm.integrations.messengers.aliyun import e164, national, signature
from crm.integrations.messengers.base import Fate, Message
from crm.integrations.messengers.items import InboundText, OptOut
from crm.integrations.messengers.reports import Channel, MessageReport, ReportKind
from crm.integrations.messengers.texting import means_stop, size_of
from crm.integrations.models import InboundHook
from crm.integrations.working import items_of
from crm.lib import signatures
from crm.lib.tenancy import merchant_scope
from customers.consent import consent_now, is_suppressed
from tests.factories.customers import make_consent, make_customer
from tests.integrations.conftest import work_all
from tests.integrations.servers import Reply
from tests.support.carriers import FakeAliyun, FakeTwilio

MESSAGE = Message(
    to="+8613800138000",
    reference="m1",
    text="Hi, 你好",
    template="SMS_1",
    values={"name": "王伟", "code": "a b&c=d/~*"},
    callback="https://shop.test/hooks/1/",
)
TWILIO = {"account_sid": "AC1", "auth_token": "twilio-token", "sender": "+15017122661"}
ALIYUN = {"access_key_id": "id", "access_key_secret": "ali-secret", "sign_name": "冠西"}


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("", ("GSM-7", 0, 0)),
        ("a" * 160, ("GSM-7", 160, 1)),
        ("a" * 161, ("GSM-7", 161, 2)),
        ("€" * 80, ("GSM-7", 160, 1)),
        ("a" * 152 + "€" + "a" * 10, ("GSM-7", 164, 2)),  # the euro does not fit the first part's last place
        ("a" * 152 + "€" + "a" * 151, ("GSM-7", 305, 2)),
        ("a" * 152 + "€" + "a" * 152, ("GSM-7", 306, 3)),
        ("你" * 70, ("UCS-2", 70, 1)),
        ("你" * 71, ("UCS-2", 71, 2)),
        ("😀" * 35, ("UCS-2", 70, 1)),
        ("😀" * 66, ("UCS-2", 132, 2)),
        ("😀" * 67, ("UCS-2", 134, 3)),  # 33 to a part, for none is torn
    ],
)
def test_how_many_parts_a_text_takes(text, size):
    found = size_of(text)
    assert (found.encoding, found.places, found.parts) == size


@pytest.mark.parametrize(
    ("text", "stop"),
    [
        *[
            (word, True)
            for word in ("STOP", " stop! ", "TD", "t", "退订", "退订。", "Unsubscribe", "opt-out")
        ],
        *[(word, False) for word in ("", "stop it please", "不要退订", "T恤什么时候到", "hello")],
    ],
)
def test_which_answers_withdraw(text, stop):
    assert means_stop(text) is stop


class TestTwilio:
    @pytest.fixture
    def gateway(self, server):
        server.reply = FakeTwilio()
        return server.reply

    @pytest.fixture
    def twilio(self, merchant):
        with merchant_scope(merchant):
            return connection_create(merchant=merchant, platform="twilio", name="Twilio", values=TWILIO)

    def post(self, connection, form: dict[str, str], *, token: str = "twilio-token"):
        given = signatures.twilio(url=hook_url(connection), params=form, token=token)
        return Client().post(
            f"/hooks/{connection.uuid}/",
            urlencode(form),
            content_type="application/x-www-form-urlencoded",
            headers={"X-Twilio-Signature": given},
        )

    def test_it_sends(self, gateway, server):
        receipt = messenger("twilio").send(MESSAGE, TWILIO | {"api_url": server.url})
        assert (receipt.fate, receipt.provider_id, receipt.parts) == (Fate.ACCEPTED, "SM0001", 2)
        wanted = {"To": MESSAGE.to, "Body": MESSAGE.text, "From": TWILIO["sender"]}
        assert gateway.taken == [wanted | {"StatusCallback": MESSAGE.callback}]
        service = TWILIO | {"api_url": server.url, "sender": "MG1"}
        assert messenger("twilio").send(MESSAGE, service).fate is Fate.ACCEPTED
        assert gateway.taken[-1]["MessagingServiceSid"] == "MG1" and "From" not in gateway.taken[-1]

    @pytest.mark.parametrize(
        ("case", "no", "fate"),
        [
            ("not a number", (400, 21211, "invalid To"), Fate.REFUSED),
            ("opted out there", (400, 21610, "unsubscribed"), Fate.REFUSED),
            ("our own number", (400, 21606, "From is not valid"), Fate.TROUBLE),
            ("too fast", (429, 20429, "too many"), Fate.DEFERRED),
            ("down", (503, 20503, "unavailable"), Fate.DEFERRED),
        ],
    )
    def test_what_a_refusal_means(self, case, no, fate, gateway, server):
        gateway.no = lambda form: no
        receipt = messenger("twilio").send(MESSAGE, TWILIO | {"api_url": server.url})
        assert (receipt.fate, receipt.code) == (fate, str(no[1]))
        assert gateway.taken == []

    def test_a_wrong_key_and_an_answer_without_words(self, gateway, server):
        wrong = TWILIO | {"api_url": server.url, "auth_token": "no"}
        assert messenger("twilio").send(MESSAGE, wrong).fate is Fate.TROUBLE
        server.reply = lambda asked: Reply(201, b"")
        assert messenger("twilio").send(MESSAGE, TWILIO | {"api_url": server.url}).fate is Fate.UNKNOWN

    @pytest.mark.parametrize(
        ("state", "code", "kind", "permanent"),
        [
            ("delivered", "", ReportKind.DELIVERED, None),
            ("undelivered", "30005", ReportKind.BOUNCED, True),
            ("undelivered", "30003", ReportKind.BOUNCED, False),
            ("undelivered", "30007", ReportKind.BOUNCED, None),
            ("failed", "21211", ReportKind.REJECTED, True),
        ],
    )
    def test_reports(self, state, code, kind, permanent, twilio, scoped):
        form = {"MessageSid": "SM1", "MessageStatus": state, "To": "+8613800138000", "From": "+15017122661"}
        answer = self.post(twilio, form | ({"ErrorCode": code} if code else {}))
        assert (answer.status_code, answer["Content-Type"]) == (200, "text/xml")
        [report] = items_of(InboundHook.objects.get())
        assert isinstance(report, MessageReport)
        assert (report.kind, report.permanent, report.code) == (kind, permanent, code)
        assert (report.recipient, report.provider_id) == ("+8613800138000", "SM1")

    def test_each_state_once(self, twilio, scoped):
        for state in ("sent", "delivered", "delivered"):
            self.post(twilio, {"MessageSid": "SM1", "MessageStatus": state, "To": "+8613800138000"})
        assert InboundHook.objects.count() == 2

    def test_stop_withdraws_and_other_words_are_an_answer(self, twilio, scoped):
        form = {"SmsStatus": "received", "From": "+8613800138000", "To": "+15017122661"}
        self.post(twilio, form | {"MessageSid": "SM1", "Body": "Stop"})
        self.post(twilio, form | {"MessageSid": "SM2", "Body": "Where is it?"})
        self.post(twilio, form | {"MessageSid": "SM3", "Body": "ARRET", "OptOutType": "STOP"})
        first, second, third = (items_of(hook)[0] for hook in InboundHook.objects.order_by("id"))
        assert first == OptOut(Channel.SMS, "+8613800138000", "Stop", "SM1")
        assert third == OptOut(Channel.SMS, "+8613800138000", "ARRET", "SM3")
        assert second == InboundText(Channel.SMS, "+8613800138000", "Where is it?", "SM2")

    def test_stop_ends_the_consent_and_an_unknown_number_is_noted(self, twilio, scoped):
        reader, other = make_customer(scoped, phone="+8613800138000"), make_customer(scoped)
        make_consent(reader, "sms"), make_consent(reader), make_consent(other, "sms")
        form = {"SmsStatus": "received", "Body": "T", "To": "+15017122661"}
        self.post(twilio, form | {"MessageSid": "SM1", "From": "+8613800138000"})
        self.post(twilio, form | {"MessageSid": "SM2", "From": "+8613800138999"})
        failed = {"MessageStatus": "failed", "ErrorCode": "21610", "To": "+8613800138998"}
        self.post(twilio, failed | {"MessageSid": "SM3"})
        work_all()
        assert consent_now(customer=reader, channel="sms") is False
        assert consent_now(customer=reader, channel="email") is True
        assert consent_now(customer=other, channel="sms") is True
        for number, noted in (("000", False), ("999", True), ("998", True)):
            assert is_suppressed(channel="sms", value=f"+8613800138{number}") is noted

    def test_a_forger_is_refused(self, twilio, scoped):
        form = {"MessageSid": "SM1", "MessageStatus": "delivered"}
        assert self.post(twilio, form, token="other").status_code == 401
        unsigned = Client().post(f"/hooks/{twilio.uuid}/", form)
        assert unsigned.status_code == 401
        assert self.post(twilio, {"AccountSid": "AC1"}).status_code == 422
        assert not InboundHook.objects.exists()


class TestAliyun:
    @pytest.fixture
    def gateway(self, server):
        server.reply = FakeAliyun()
        return server.reply

    @pytest.fixture
    def aliyun(self, merchant):
        with merchant_scope(merchant):
            return connection_create(merchant=merchant, platform="aliyun", name="阿里云", values=ALIYUN)

    def post(self, connection, said, *, token: str | None = None):
        token = connection.secrets()["hook_token"] if token is None else token
        return Client().post(
            f"/hooks/{connection.uuid}/{token}/", json.dumps(said), content_type="application/json"
        )

    def test_the_signature_of_aliyuns_manual(self):
        params = {
            "AccessKeyId": "testId",
            "Action": "SendSms",
            "Format": "XML",
            "OutId": "123",
            "PhoneNumbers": "15300000001",
            "RegionId": "cn-hangzhou",
            "SignName": "阿里云短信测试专用",
            "SignatureMethod": "HMAC-SHA1",
            "SignatureNonce": "45e25e9b-0a6f-4070-8c85-2956eda1b466",
            "SignatureVersion": "1.0",
            "TemplateCode": "SMS_71390007",
            "Version": "2017-05-25",
            "TemplateParam": '{"customer":"test"}',
            "Timestamp": "2017-07-12T02:42:19Z",
        }
        assert signature("GET", params, "testSecret") == "zJDF+Lrzhj/ThnlvIToysFRq6t4="

    def test_it_sends(self, gateway, server):
        adapter, secrets = messenger("aliyun"), ALIYUN | {"api_url": server.url}
        first, second = adapter.send(MESSAGE, secrets), adapter.send(MESSAGE, secrets)
        assert [first.fate, second.fate] == [Fate.ACCEPTED, Fate.ACCEPTED], first
        assert first.provider_id == "biz1"
        said = gateway.taken[0]
        assert (said["PhoneNumbers"], said["SignName"], said["TemplateCode"]) == (
            "13800138000",
            "冠西",
            "SMS_1",
        )
        assert json.loads(said["TemplateParam"]) == MESSAGE.values
        assert said["OutId"] == "m1"

    @pytest.mark.parametrize(
        ("code", "fate"),
        [
            ("isv.BUSINESS_LIMIT_CONTROL", Fate.DEFERRED),
            ("isv.MOBILE_NUMBER_ILLEGAL", Fate.REFUSED),
            ("isv.AMOUNT_NOT_ENOUGH", Fate.TROUBLE),
            ("isv.SMS_TEMPLATE_ILLEGAL", Fate.TROUBLE),
            ("isp.SYSTEM_ERROR", Fate.UNKNOWN),
        ],
    )
    def test_what_a_code_means(self, code, fate, gateway, server):
        gateway.no = lambda params: code
        receipt = messenger("aliyun").send(MESSAGE, ALIYUN | {"api_url": server.url})
        assert (receipt.fate, receipt.code) == (fate, code)

    def test_wrong_keys(self, gateway, server):
        for wrong in ({"access_key_secret": "x"}, {"access_key_id": "x"}):
            receipt = messenger("aliyun").send(MESSAGE, ALIYUN | {"api_url": server.url} | wrong)
            assert receipt.fate is Fate.TROUBLE, wrong

    def test_reports(self, aliyun, scoped):
        good = {
            "phone_number": "13800138000",
            "send_time": "2017-08-30 00:00:00",
            "success": True,
            "report_time": "2017-08-30 08:00:00",
            "err_code": "DELIVERED",
            "err_msg": "用户接收成功",
            "sms_size": "1",
            "biz_id": "932702304080415357^0",
            "out_id": "m1",
        }
        bad = good | {"success": False, "err_code": "MK:0001", "phone_number": "85261234567"}
        answer = self.post(aliyun, [good, bad])
        assert answer.json() == {"code": 0, "msg": "成功"}
        first, second = items_of(InboundHook.objects.get())
        assert first == MessageReport(
            channel=Channel.SMS,
            kind=ReportKind.DELIVERED,
            occurred_at=datetime(2017, 8, 30, tzinfo=UTC),
            recipient="+8613800138000",
            message_id="m1",
            provider_id="932702304080415357^0",
            code="DELIVERED",
            text="用户接收成功",
            report_id="932702304080415357^0:+8613800138000",
        )
        assert isinstance(second, MessageReport)
        assert (second.kind, second.permanent) == (ReportKind.BOUNCED, True)
        assert second.recipient == "+85261234567"

    def test_answers(self, aliyun, scoped):
        one = {"phone_number": "13800138000", "send_time": "2017-09-01 11:12:13", "dest_code": "1"}
        self.post(
            aliyun, [one | {"content": "TD", "sequence_id": 1}, one | {"content": "谢谢", "sequence_id": 2}]
        )
        report, text = items_of(InboundHook.objects.get())
        assert report == OptOut(Channel.SMS, "+8613800138000", "TD", "1")
        assert text == InboundText(Channel.SMS, "+8613800138000", "谢谢", "2")

    def test_only_the_given_address_opens(self, aliyun, scoped):
        [(_label, url)] = hook_urls(aliyun)
        assert url.endswith(f"/hooks/{aliyun.uuid}/{aliyun.secrets()['hook_token']}/")
        assert self.post(aliyun, [], token="wrong").status_code == 401
        assert (
            Client().post(f"/hooks/{aliyun.uuid}/", "[]", content_type="application/json").status_code == 401
        )
        assert not InboundHook.objects.exists()

    def test_a_signature_may_be_chinese_and_keys_may_not(self, member_client, merchant):
        client = member_client("owner")
        form = {"name": "阿里云", **ALIYUN}
        assert client.post("/settings/connections/new/aliyun/", form).status_code == 302
        wrong = form | {"access_key_secret": "密钥"}
        assert client.post("/settings/connections/new/aliyun/", wrong).status_code == 422


@pytest.mark.parametrize(
    ("phone", "there"), [("+8613800138000", "13800138000"), ("+85261234567", "85261234567")]
)
def test_numbers_go_and_come(phone, there):
    assert national(phone) == there
    assert e164(there) == e164(f"00{phone[1:]}") == phone
