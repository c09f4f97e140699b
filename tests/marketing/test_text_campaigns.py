"""SMS, WeChat and mail by a provider: the same rules, the same rows, other carriers."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.cache import cache
from django.test import Client

from crm.accounts.models import Merchant
from crm.integrations.connecting import connection_create, connection_pause, hook_url
from crm.integrations.messengers.base import Fate, Message, Receipt
from crm.integrations.models import Connection
from crm.lib import signatures
from crm.lib.errors import Rejected
from crm.lib.tenancy import merchant_scope
from customers.consent import is_suppressed, suppress
from customers.models import Suppression
from marketing.campaigns import services, texts
from marketing.campaigns.audience import reach
from marketing.campaigns.checklist import blocking
from marketing.campaigns.trials.services import version_add
from marketing.engine.http import HttpEngine, Letter
from marketing.engine.session import Result, Status
from marketing.engine.smtp import DONE, IDLE
from marketing.models import Campaign, Delivery, SendingPolicy
from marketing.sending import claiming
from marketing.sending.carriers import NoCarrier, message_of
from marketing.sending.runner import Runner
from tests.factories.customers import make_consent, make_customer, make_identity
from tests.factories.marketing_mail import make_campaign, make_subscriber
from tests.integrations.conftest import work_all
from tests.integrations.servers import LocalServer, Reply
from tests.support.carriers import FakeAliyun, FakeTwilio, FakeWeChat, form_of
from tests.support.smtp import SmtpSink

TWILIO = {"account_sid": "AC1", "auth_token": "twilio-token", "sender": "+15017122661"}
TEXT = "{{ shop.name }}: {{ customer.first_name }}, new tea is here. Reply STOP to opt out"


@pytest.fixture
def server(settings):
    settings.OUTGOING_ALLOW_LOOPBACK = True
    cache.clear()
    with LocalServer() as running:
        yield running


def connect(merchant: Merchant, platform: str, **values: str) -> Any:
    return connection_create(merchant=merchant, platform=platform, name=platform, values=values)


@pytest.fixture
def twilio(scoped: Merchant, server: LocalServer) -> FakeTwilio:
    connect(scoped, "twilio", **TWILIO, api_url=server.url)
    server.reply = gateway = FakeTwilio()
    return gateway


def make_text(merchant: Merchant, **values: Any) -> Campaign:
    fields = {"channel": "sms", "text": TEXT, "audience": Campaign.Audience.EVERYONE}
    return services.campaign_create(merchant=merchant, name="Tea by SMS", values=fields | values)


def make_reader(merchant: Merchant, name: str, phone: str, channel: str = "sms") -> Any:
    customer = make_customer(merchant, name, phone=phone)
    make_consent(customer, channel)
    return customer


def send(campaign: Campaign) -> Any:
    services.campaign_start(campaign=campaign)
    return work(campaign)


def work(campaign: Campaign) -> Any:
    campaign.refresh_from_db()
    report = Runner(merchant=campaign.merchant, campaign=campaign, connections=3).run()
    services.campaign_settle(campaign=campaign)
    campaign.refresh_from_db()
    return report


def states(campaign: Campaign) -> Counter[tuple[str, str]]:
    return Counter(Delivery.objects.filter(campaign=campaign).values_list("state", "reason"))


class TestSms:
    def test_each_who_allowed_it_gets_one(self, scoped: Merchant, twilio: FakeTwilio) -> None:
        mei = make_reader(scoped, "Mei Li", "+8613800138001")
        same = make_reader(scoped, "Same phone", "")
        type(same).objects.filter(pk=same.pk).update(phone="+8613800138001")
        make_reader(scoped, "李晓梅", "+8613800138002")
        make_subscriber(scoped, "allowed mail only", phone="+8613800138003")
        gone = make_reader(scoped, "withdrew", "+8613800138004")
        make_consent(gone, "sms", granted=False)
        make_reader(scoped, "suppressed", "+8613800138005")
        suppress(merchant=scoped, channel="sms", value="+8613800138005", reason=Suppression.Reason.COMPLAINT)
        make_reader(scoped, "no phone", "")
        campaign = make_text(scoped)
        assert reach(campaign).reachable == 4
        send(campaign)
        assert campaign.state == Campaign.State.SENT
        assert states(campaign) == {
            ("sent", ""): 2,
            ("skipped", "no_consent"): 1,
            ("skipped", "withdrawn"): 1,
            ("skipped", "suppressed"): 1,
            ("skipped", "no_address"): 1,
        }
        assert sorted(form["To"] for form in twilio.taken) == ["+8613800138001", "+8613800138002"]
        words = {form["To"]: form["Body"] for form in twilio.taken}
        assert words["+8613800138002"].startswith(f"{scoped.name}: 李晓梅, new tea")
        row = Delivery.objects.get(campaign=campaign, customer=mei)
        assert row.provider_id.startswith("SM")
        assert row.sent_at is not None

    def test_caps_count_every_way(self, scoped: Merchant, twilio: FakeTwilio, smtp_sink: SmtpSink) -> None:
        person = make_reader(scoped, "Mei Li", "+8613800138001")
        make_consent(person)
        SendingPolicy.objects.create(merchant=scoped, cap_count=1, cap_days=7)
        mail = make_campaign(scoped)
        send(mail)
        assert states(mail) == {("sent", ""): 1}
        text = make_text(scoped)
        send(text)
        assert states(text) == {("skipped", "frequency_cap"): 1}
        assert twilio.taken == []

    def test_a_number_that_moved_is_left_alone(self, scoped: Merchant, twilio: FakeTwilio) -> None:
        person = make_reader(scoped, "Mei Li", "+8613800138001")
        campaign = make_text(scoped)
        services.campaign_start(campaign=campaign)
        person.identities.all().delete()
        type(person).objects.filter(pk=person.pk).update(phone="+8613800138009")
        work(campaign)
        assert states(campaign) == {("skipped", "moved"): 1}

    def test_refused_deferred_and_unknown_are_told_apart(
        self, scoped: Merchant, twilio: FakeTwilio, server: LocalServer
    ) -> None:
        for number in range(1, 5):
            make_reader(scoped, f"P{number}", f"+861380013800{number}")

        def reply(asked: Any) -> Reply:
            last = form_of(asked)["To"][-1]
            if last == "1":
                return Reply(400, json.dumps({"code": 21211, "message": "no number"}).encode())
            if last == "2":
                return Reply(503, b"{}")
            return Reply(504, b"") if last == "3" else twilio(asked)

        server.reply = reply
        campaign = make_text(scoped)
        send(campaign)
        assert states(campaign) == {
            ("failed", "refused"): 1,
            ("deferred", "later"): 1,
            ("unknown", "line_lost"): 1,
            ("sent", ""): 1,
        }
        asked = len(server.asked)
        work(campaign)
        assert len(server.asked) == asked  # the unknown one is not repeated, the deferred one is not due

    def test_a_wrong_key_stops_it_and_loses_nobody(
        self, scoped: Merchant, twilio: FakeTwilio, server: LocalServer
    ) -> None:
        for number in range(12):
            make_reader(scoped, f"P{number}", f"+86138001380{number:02}")
        twilio.token = "another"
        campaign = make_text(scoped)
        report = send(campaign)
        assert report.permanent and "20003" in report.trouble
        assert states(campaign) == {("queued", ""): 12}
        assert len(server.asked) <= 3
        twilio.token = "twilio-token"
        work(campaign)
        assert states(campaign) == {("sent", ""): 12}

    def test_without_a_carrier_it_can_not_start(self, scoped: Merchant, twilio: FakeTwilio) -> None:
        make_reader(scoped, "Mei Li", "+8613800138001")
        campaign = make_text(scoped)
        services.campaign_start(campaign=campaign)
        connection_pause(connection=Connection.objects.get())
        campaign.refresh_from_db()
        with pytest.raises(NoCarrier):
            Runner(merchant=scoped, campaign=campaign)
        with pytest.raises(Rejected):
            services.campaign_start(campaign=make_text(scoped))

    def test_only_mails_have_versions_and_some_may_be_held_out(
        self, scoped: Merchant, twilio: FakeTwilio
    ) -> None:
        campaign = make_text(scoped, holdout_percent=90)
        with pytest.raises(Rejected):
            version_add(campaign=campaign)
        for number in range(20):
            make_reader(scoped, f"P{number}", f"+86138001380{number:02}")
        send(campaign)
        found = states(campaign)
        assert found["skipped", "holdout"] >= 10
        assert found["sent", ""] == len(twilio.taken) == 20 - found["skipped", "holdout"]

    @pytest.mark.parametrize(
        ("case", "text"),
        [
            ("nothing", ""),
            ("no way out", "New tea is here"),
            ("broken", "{{ customer.name "),
            ("too long", "STOP" + "a" * 700),
        ],
    )
    def test_what_the_check_list_stops(
        self, case: str, text: str, scoped: Merchant, twilio: FakeTwilio
    ) -> None:
        assert blocking(campaign=make_text(scoped, text=text), merchant=scoped)
        assert not blocking(campaign=make_text(scoped), merchant=scoped)

    def test_aliyun_takes_its_template_with_values(self, scoped: Merchant, server: LocalServer) -> None:
        keys = {"access_key_id": "id", "access_key_secret": "ali-secret", "sign_name": "冠西"}
        connect(scoped, "aliyun", **keys, api_url=server.url)
        server.reply = gateway = FakeAliyun()
        make_reader(scoped, "王伟", "+8613800138001")
        values = {"name": "{{ customer.name }}", "n": "{{ customer.orders }}"}
        campaign = make_text(scoped, text="", carrier_template="SMS_1", carrier_values=values)
        send(campaign)
        assert states(campaign) == {("sent", ""): 1}
        [said] = gateway.taken
        assert json.loads(said["TemplateParam"]) == {"name": "王伟", "n": "0"}
        row = Delivery.objects.get(campaign=campaign)
        assert said["OutId"] in row.message_id and len(said["OutId"]) == 32
        assert row.provider_id == "biz1"

    def test_what_came_back_is_known_by_the_carriers_name(self, scoped: Merchant, twilio: FakeTwilio) -> None:
        make_reader(scoped, "Mei Li", "+8613800138001")
        campaign = make_text(scoped)
        send(campaign)
        row, connection = Delivery.objects.get(), Connection.objects.get()
        form = {"MessageSid": row.provider_id, "MessageStatus": "undelivered", "ErrorCode": "30005"}
        form["To"] = row.address
        assert twilio.taken[0]["StatusCallback"] == hook_url(connection)
        given = signatures.twilio(url=hook_url(connection), params=form, token="twilio-token")
        answer = Client().post(
            f"/hooks/{connection.uuid}/",
            urlencode(form),
            content_type="application/x-www-form-urlencoded",
            headers={"X-Twilio-Signature": given},
        )
        assert answer.status_code == 200
        work_all()
        row.refresh_from_db()
        assert (row.bounce, row.channel) == ("hard", "sms")
        assert is_suppressed(channel="sms", value=row.address)
        assert not is_suppressed(channel="email", value=row.address)


class TestWeChat:
    def test_followers_of_this_account(self, scoped: Merchant, server: LocalServer) -> None:
        connect(scoped, "wechat", app_id="wx1", app_secret="wechat-secret", api_url=server.url)
        server.reply = account = FakeWeChat()
        for name, scope in (("here", "wx1"), ("elsewhere", "wx2"), ("not known where", "")):
            person = make_reader(scoped, name, "", "wechat")
            make_identity(person, kind="openid", value=f"openid {name}", scope=scope)
        account.no = lambda said: 43004 if said["touser"] == "openid not known where" else 0
        fields = {"carrier_template": "T1", "carrier_values": {"first": "{{ customer.name }}"}}
        campaign = make_text(scoped, channel="wechat", text="", **fields, carrier_url="https://shop.test/")
        assert reach(campaign).reachable == 2
        send(campaign)
        assert states(campaign) == {
            ("sent", ""): 1,
            ("failed", "refused"): 1,
            ("skipped", "no_address"): 1,
        }
        [said] = account.taken
        assert (said["touser"], said["data"]) == ("openid here", {"first": {"value": "here"}})
        assert len(account.tokens) == 1


class TestMailByProvider:
    def test_the_shops_provider_takes_the_mail(
        self, scoped: Merchant, server: LocalServer, smtp_sink: SmtpSink
    ) -> None:
        connect(scoped, "brevo", api_key="k", api_url=server.url)
        server.reply = lambda asked: Reply(201, json.dumps({"messageId": "<p1@brevo>"}).encode())
        person = make_subscriber(scoped, "李晓梅")
        campaign = make_campaign(scoped)
        send(campaign)
        assert smtp_sink.mails == []
        [asked] = server.asked
        said = json.loads(asked.body)
        assert said["to"] == [{"email": person.email}] or said["to"][0]["email"] == person.email
        assert said["subject"] == "Tea for 李晓梅"
        assert "Hello 李晓梅," in said["htmlContent"]
        assert said["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        row = Delivery.objects.get(campaign=campaign)
        assert (row.state, row.provider_id) == ("sent", "p1@brevo")
        assert said["sender"]["email"] == "news@qinghe.example"


def test_our_own_signature_does_not_travel_with_a_mail_that_a_provider_builds() -> None:
    data = (
        b"DKIM-Signature: v=1; b=x\r\nMessage-ID: <1.a@x>\r\nFrom: Shop <a@x.test>\r\nSubject: Hi\r\n"
        b"Reply-To: b@x.test\r\nContent-Type: text/plain\r\n\r\nHello\r\n"
    )
    message = message_of(data, to="c@x.test", reference="1.a@x")
    assert message.headers == {"Message-ID": "<1.a@x>", "Reply-To": "b@x.test"}
    assert (message.subject, message.sender) == ("Hi", "Shop <a@x.test>")
    assert message.text.strip() == "Hello"


class TestEngine:
    """The engine alone, against a hand that answers what it is told."""

    def run(self, letters: list[int], send: Any, **options: Any) -> tuple[Any, list[Result]]:
        waiting, results = list(letters), list[Result]()

        def pull() -> Any:
            return Letter(waiting.pop(0), Message(to="x")) if waiting else DONE

        engine = HttpEngine(send, pull=pull, report=results.extend, threads=4, **options)
        return engine.run(), results

    def test_every_letter_has_one_result(self) -> None:
        tally, results = self.run(list(range(50)), lambda message, client: Receipt(Fate.ACCEPTED, "p"))
        assert sorted(result.id for result in results) == list(range(50))
        assert tally.counts == {Status.SENT: 50}
        assert {result.provider_id for result in results} == {"p"}

    def test_only_as_many_as_may_begin_are_out(self) -> None:
        out, most, lock = set[int](), [0], threading.Lock()
        allowed = {0}

        def send(message: Message, client: Any) -> Receipt:
            with lock:
                out.add(len(out))
                most[0] = max(most[0], len(out))
            time.sleep(0.01)
            with lock:
                out.pop()
            return Receipt(Fate.ACCEPTED)

        waiting, results = list(range(8)), list[Result]()

        def report(found: Any) -> None:
            results.extend(found)
            allowed.add(len(results))

        engine = HttpEngine(
            send,
            pull=lambda: Letter(waiting.pop(0), Message(to="x")) if waiting else DONE,
            report=report,
            threads=4,
            may_begin=lambda each: each in allowed,
        )
        engine.run()
        assert most[0] == 1
        assert [result.id for result in results] == list(range(8))

    def test_trouble_stops_and_gives_back(self) -> None:
        tally, results = self.run(
            list(range(40)), lambda message, client: Receipt(Fate.TROUBLE, code="20003", text="no")
        )
        assert (tally.trouble, tally.permanent) == ("20003 no", True)
        assert {result.status for result in results} == {Status.RETURNED}
        assert len(results) <= 8

    def test_a_carrier_that_stays_away_stops_for_now(self) -> None:
        tally, results = self.run(
            list(range(100)), lambda message, client: Receipt(Fate.DEFERRED, code="503")
        )
        assert tally.trouble == "503" and not tally.permanent
        deferred = [result for result in results if result.status is Status.DEFERRED]
        assert 20 <= len(deferred) < 30
        assert claiming.outcome_of(deferred[0]).reason == "later"

    def test_a_bug_is_unknown_and_raised(self) -> None:
        def send(message: Message, client: Any) -> Receipt:
            raise RuntimeError("a bug")

        waiting, results = [1], list[Result]()
        engine = HttpEngine(
            send,
            pull=lambda: Letter(waiting.pop(), Message(to="x")) if waiting else IDLE,
            report=results.extend,
            threads=2,
        )
        with pytest.raises(RuntimeError):
            engine.run()
        assert [result.status for result in results] == [Status.UNKNOWN]


class TestPages:
    HTMX = {"HX-Request": "true"}

    def test_from_nothing_to_a_sent_sms(
        self, merchant: Merchant, member_client: Any, scoped: Merchant, twilio: FakeTwilio
    ) -> None:
        client: Client = member_client("owner")
        make_reader(scoped, "Mei Li", "+8613800138001")
        answer = client.post("/campaigns/new/", {"name": "Tea", "channel": "sms"})
        campaign = Campaign.objects.get()
        assert (campaign.channel, campaign.tracks, campaign.body) == ("sms", False, "")
        page = client.get(answer["Location"]).content.decode()
        assert "Write the message." in page and "twilio" in page
        edit = f"/campaigns/{campaign.pk}/edit/"
        form = {"name": "Tea", "audience": "everyone", "text": TEXT + " 你好"}
        side = client.post(edit, form, headers=self.HTMX).content.decode()
        assert "UCS-2" in side and "1 person" in side
        shown = client.get(f"/campaigns/{campaign.pk}/preview/?customer=Mei").content.decode()
        assert "Mei, new tea is here" in shown
        assert client.post(f"/campaigns/{campaign.pk}/test/", {"to": "+86 138 0013 8009"}).status_code == 302
        assert twilio.taken[-1]["To"] == "+8613800138009"
        assert client.post(f"/campaigns/{campaign.pk}/test/", {"to": "nobody"}).status_code == 422
        assert client.post(f"/campaigns/{campaign.pk}/start/").status_code == 302
        work(campaign)
        assert len(twilio.taken) == 2
        record = client.get(f"/campaigns/{campaign.pk}/").content.decode()
        assert "Tea" in record
        people = client.get(f"/campaigns/{campaign.pk}/people/").content.decode()
        assert "Mei Li" in people

    def test_values_are_written_as_lines(
        self, member_client: Any, scoped: Merchant, server: LocalServer
    ) -> None:
        connect(scoped, "wechat", app_id="wx1", app_secret="s", api_url=server.url)
        client: Client = member_client("owner")
        client.post("/campaigns/new/", {"name": "Tea", "channel": "wechat"})
        campaign = Campaign.objects.get()
        edit = f"/campaigns/{campaign.pk}/edit/"
        form = {"name": "Tea", "audience": "everyone", "carrier_template": "T1", "carrier_url": ""}
        lines = "first = 您好 {{ customer.first_name }}\n\nremark = a = b"
        assert client.post(edit, form | {"values": lines}, headers=self.HTMX).status_code == 200
        campaign.refresh_from_db()
        assert campaign.carrier_values == {"first": "您好 {{ customer.first_name }}", "remark": "a = b"}
        assert texts.values_of(texts.values_text(campaign.carrier_values)) == campaign.carrier_values
        page = client.get(edit).content.decode()
        assert "remark = a = b" in page
        for wrong in ("no equals", "a = 1\na = 2", "= 1"):
            assert client.post(edit, form | {"values": wrong}, headers=self.HTMX).status_code == 422
        shown = client.get(f"/campaigns/{campaign.pk}/preview/").content.decode()
        assert "您好 Mei" in shown

    def test_an_agent_may_not(self, member_client: Any, merchant: Merchant, scoped: Merchant) -> None:
        campaign = make_text(scoped)
        client: Client = member_client("viewer")
        assert client.post(f"/campaigns/{campaign.pk}/test/", {"to": "+8613800138001"}).status_code == 403
        with merchant_scope(merchant):
            assert Campaign.objects.get().state == Campaign.State.DRAFT
