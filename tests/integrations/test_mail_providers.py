"""185 recorded calls of 13 mail providers: the events they mean, and the forgeries that must be refused.

Keys stand in the recordings' own test classes (django-anymail, BSD-3). Postal's RSA keys and SendGrid's ECDSA
keys were thrown away after recording: those bodies are signed again with a key of ours, and must be refused
with the recorded signature.
"""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest
import time_machine
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from django.test import Client
from django.utils.datastructures import CaseInsensitiveMapping

from crm.integrations.catalog import messenger
from crm.integrations.connecting import connection_create, hook_urls
from crm.integrations.messengers.anymail import (
    INBOUND,
    KINDS,
    TRACKING,
    AnymailMessenger,
    request_of,
    told_of,
)
from crm.integrations.messengers.base import Call
from crm.integrations.messengers.providers import LOGIN, PROVIDERS
from crm.integrations.messengers.reports import MessageReport, ReportKind
from crm.integrations.models import InboundHook
from crm.integrations.working import items_of
from crm.lib.errors import Rejected, Unauthorised
from crm.lib.tenancy import merchant_scope
from service.models import Ticket
from tests.integrations.conftest import work_all
from tests.integrations.servers import Asked, Reply

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SVIX = "whsec_" + base64.b64encode(b"TEST_SIGNING_SECRET").decode()
SVIX_INBOUND = "whsec_" + base64.b64encode(b"TEST_INBOUND_SECRET").decode()
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC_KEY = ec.generate_private_key(ec.SECP256R1())


def public(key: Any) -> str:
    pem = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return "\n".join(pem.decode().splitlines()[1:-1])


def login_of(test: str) -> str:
    rotated = "test_supports_credential_rotation" in test or "AndHttpBasicAuth" in test
    return "guanxi:x cred1:pass1 cred2:pass2" if rotated else "username:password"


def secrets_of(row: dict[str, Any], url: str) -> dict[str, str]:
    """The settings of the test class that made the recording."""
    key, part, test = row["path"].split("/")[2], part_of(row), row["test"]
    secrets = {LOGIN: login_of(test), "api_key": "test-api-key", "api_token": "token", "api_url": f"{url}/"}
    if key == "mailersend":
        secrets["signing_secret"] = "TEST_WEBHOOK_SIGNING_SECRET"
        secrets["inbound_secret"] = secrets["signing_secret"]
        if "secret_is_different" in test:
            secrets |= {"signing_secret": "webhook secret", "inbound_secret": "inbound secret"}
    if key == "mailgun":
        secrets["webhook_signing_key"] = "TEST_WEBHOOK_SIGNING_KEY"
    if key == "mandrill":
        secrets["webhook_key"] = "TEST_WEBHOOK_KEY"
    if key == "postal":
        secrets |= {"webhook_key": public(RSA_KEY), LOGIN: ""}
    if key == "resend" and "optional_with_basic_auth" not in test and "ResendInboundTestCase" not in test:
        secrets |= {"signing_secret": SVIX, "inbound_secret": SVIX_INBOUND}
    if "SendGridSigned" in test:
        secrets["tracking_webhook_verification_key"] = public(EC_KEY)
        secrets[LOGIN] = login_of(test) if "AndHttpBasicAuth" in test else ""
    if key == "unisender_go":
        actual = "test_actual_signed_payload" in test
        secrets["api_key"] = "6mjstx9gwi7qj8eni6m77hfiiw6aifmss154y4ze" if actual else "TEST_API_KEY"
    if "auth_disabled" in test:
        secrets[LOGIN] = ""
    if "SettingsTestCase.test_requires" in test:  # recorded without any key
        for name in ("signing_secret", "inbound_secret", "webhook_signing_key", "webhook_key"):
            secrets.pop(name, None)
        secrets["api_key"] = ""
    assert part in (TRACKING, INBOUND)
    return secrets


def part_of(row: dict[str, Any]) -> str:
    return INBOUND if row["path"].endswith("/inbound/") else TRACKING


def call_of(row: dict[str, Any]) -> Call:
    body = (
        base64.b64decode(row["body_base64"]) if "body_base64" in row else (row["body"] or "").encode("utf-8")
    )
    headers = {name: str(value) for name, value in row["headers"].items()}
    headers["Content-Type"] = row["content_type"] or ""
    url = "http://testserver" + row["path"] + (f"?{row['query']}" if row["query"] else "")
    return Call(row["method"], url, body, CaseInsensitiveMapping(headers), part_of(row))


def signed_again(call: Call, row: dict[str, Any]) -> Call:
    """With our key, where the recorder's is lost and the recording was good."""
    headers = dict(call.headers.items())
    if "/postal/" in row["path"]:
        signature = RSA_KEY.sign(call.body, padding.PKCS1v15(), hashes.SHA1())
        headers["X-Postal-Signature"] = base64.b64encode(signature).decode()
    elif "test_successful_signature_check" in row["test"]:
        stamp = headers["X-Twilio-Email-Event-Webhook-Timestamp"]
        signature = EC_KEY.sign(stamp.encode() + call.body, ec.ECDSA(hashes.SHA256()))
        headers["X-Twilio-Email-Event-Webhook-Signature"] = base64.b64encode(signature).decode()
    else:
        return call
    return Call(call.method, call.url, call.body, CaseInsensitiveMapping(headers), call.part)


def at_the_time(row: dict[str, Any]) -> datetime:
    stamp = row["headers"].get("Svix-Timestamp")
    return datetime.fromtimestamp(float(stamp), UTC) if stamp else NOW


def plain(event: Any) -> dict[str, Any]:
    """An event of anymail as the recording writes it."""
    said: dict[str, Any] = {"event_type": event.event_type, "event_id": event.event_id}
    said["timestamp"] = event.timestamp.isoformat() if event.timestamp else None
    inbound = event.event_type == "inbound"
    names = ("message_id", "recipient", "reject_reason", "description", "mta_response", "tags", "metadata")
    for name in (*names, "click_url", "user_agent"):
        said[name] = None if inbound else getattr(event, name)
    if inbound and event.message is not None:
        mail = event.message
        said["message"] = {
            "from": str(mail.from_email),
            "to": [str(one) for one in mail.to],
            "cc": [str(one) for one in mail.cc],
            "subject": mail.subject,
            "date": mail.date.isoformat() if mail.date else "None",
            **{name: getattr(mail, name) for name in ("text", "html", "stripped_text")},
            **{name: getattr(mail, name) for name in ("envelope_sender", "envelope_recipient")},
            **{name: getattr(mail, name) for name in ("spam_detected", "spam_score")},
            "attachments": [
                [one.get_filename(), one.get_content_type(), len(one.get_content_bytes())]
                for one in mail.attachments
            ],
        }
    return said


def adapter_of(row: dict[str, Any]) -> AnymailMessenger:
    found = messenger(row["path"].split("/")[2])
    assert isinstance(found, AnymailMessenger)
    return found


def name_of(row: dict[str, Any]) -> str:
    return row["test"].split(".", 2)[2]


@pytest.fixture(scope="module")
def rows(real_data: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((real_data / "webhooks/esp/requests.json").read_text())
    return found


def named(rows: list[dict[str, Any]], words: str) -> dict[str, Any]:
    return next(row for row in rows if words in row["test"])


def test_every_provider_of_the_recordings_is_here(rows):
    assert len(rows) == 185
    assert {row["path"].split("/")[2] for row in rows} == {one.key for one in PROVIDERS}


@pytest.mark.parametrize("provider", [one.key for one in PROVIDERS])
def test_recorded_calls(provider, rows, server):
    """Good ones mean exactly the recorded events; bad ones are refused at the door or, where they are signed
    and come to the wrong address, with a reason when they are read."""
    server.reply = lambda asked: resend_keeps(asked, rows)
    wrong = {}
    of_provider = [row for row in rows if row["path"].split("/")[2] == provider]
    for number, row in enumerate(of_provider):
        with time_machine.travel(at_the_time(row), tick=False):
            if problem := problem_of(row, server.url):
                wrong[f"{number} {name_of(row)}"] = problem
    assert wrong == {}
    assert len(of_provider) >= 3


def problem_of(row: dict[str, Any], url: str) -> str:
    """How our reading differs from the recorded one, or ""."""
    adapter, call, secrets = adapter_of(row), call_of(row), secrets_of(row, url)
    good = row.get("anymail_status") == 200
    call = signed_again(call, row) if good or "test_misconfigured" in row["test"] else call
    try:
        received = adapter.verify(call, secrets)
        if received.ping or "auto_confirm" in row["test"]:  # test_amazons_subscription_is_confirmed
            return "" if good else "a forgery was a ping"
        events = adapter.events(call, secrets, received.topic)
    except (Unauthorised, Rejected) as refusal:
        return f"refused: {refusal}" if good else ""
    if not good:
        return f"not refused: {events}"
    wanted = [{k: v for k, v in one.items() if k not in ("kind", "esp")} for one in row["expected_events"]]
    wanted, found = unix_lines(wanted), unix_lines([plain(event) for event in events])
    if found != wanted:
        return f"{differing(found, wanted)} instead of {differing(wanted, found)}"
    told = [one for one in map(partial(told_of, received_at=NOW), events) if isinstance(one, MessageReport)]
    kinds = [KINDS[one["event_type"]] for one in wanted if one["event_type"] in KINDS]
    return "" if [one.kind for one in told] == kinds else f"told {told}"


def unix_lines(said: Any) -> Any:
    """Python 3.12 and later keep a mail's own line ends, earlier ones don't: they mean the same."""
    return json.loads(json.dumps(said).replace("\\r\\n", "\\n"))


def differing(ones: list[dict[str, Any]], others: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What is in the ones and not in the others, for a message that can be read."""
    pairs = zip_longest(ones, others, fillvalue={})
    return [{name: value for name, value in one.items() if other.get(name) != value} for one, other in pairs]


def test_a_signature_of_another_key_is_refused(rows):
    signed = [row for row in rows if row["headers"].get("X-Postal-Signature")]
    assert len(signed) == 9
    for row in signed:
        with pytest.raises(Unauthorised):
            adapter_of(row).verify(call_of(row), secrets_of(row, ""))


def test_a_svix_signature_is_stale_after_five_minutes(rows):
    row = named(rows, "ResendTestCase.test_delivered_event")
    adapter, call, secrets = adapter_of(row), call_of(row), secrets_of(row, "")
    with time_machine.travel(at_the_time(row).timestamp() + 301, tick=False), pytest.raises(Unauthorised):
        adapter.verify(call, secrets)


@pytest.mark.parametrize(
    ("case", "test", "wanted"),
    [
        (
            "SES permanent",
            "AmazonSESNotificationsTests.test_bounce_event",
            (ReportKind.BOUNCED, True, "5.1.1"),
        ),
        (
            "soft by name",
            "MailerSendTestCase.test_soft_bounced_event",
            (ReportKind.BOUNCED, False, "bounced"),
        ),
        (
            "an invalid address",
            "BrevoDeliveryTestCase.test_invalid_email",
            (ReportKind.BOUNCED, True, "invalid"),
        ),
        ("hard by name", "MandrillTrackingTestCase.test_hard_bounce", (ReportKind.BOUNCED, True, "5.1.1")),
        ("no bounce", "UnisenderGoTestCase.test_spam_event", (ReportKind.COMPLAINED, None, "spam")),
    ],
)
def test_a_bounce_says_whether_it_is_for_good(case, test, wanted, rows):
    row = named(rows, test)
    events = adapter_of(row).events(signed_again(call_of(row), row), secrets_of(row, ""), part_of(row))
    told = told_of(events[0], NOW)
    assert isinstance(told, MessageReport)
    assert (told.kind, told.permanent, told.code) == wanted


class TestDoor:
    """From the provider's POST to the taker, by way of a kept delivery."""

    @pytest.fixture
    def brevo(self, merchant):
        with merchant_scope(merchant):
            return connection_create(
                merchant=merchant, platform="brevo", name="Brevo", values={"api_key": "k"}
            )

    def post(self, connection, body, *, part="", password=None):
        login = connection.secrets()[LOGIN] if password is None else password
        authorization = "Basic " + base64.b64encode(login.encode()).decode()
        return Client().post(
            f"/hooks/{connection.uuid}/{part}",
            body,
            content_type="application/json",
            headers={"Authorization": authorization} if login else {},
        )

    def test_a_report_is_kept_once_and_worked(self, brevo, rows, scoped):
        body = call_of(named(rows, "BrevoDeliveryTestCase.test_deferred_event")).body
        first, second = self.post(brevo, body), self.post(brevo, body)
        assert [first.json()["repeated"], second.json()["repeated"]] == [False, True]
        hook = InboundHook.objects.get()
        assert (bytes(hook.body), hook.topic) == (body, "tracking")
        [report] = items_of(hook)
        assert isinstance(report, MessageReport)
        assert (report.kind, report.recipient) == (ReportKind.DEFERRED, "notauser@example.com")
        assert report.provider_id == "201803011158.9876543210@smtp-relay.mailin.fr"

    @pytest.mark.parametrize("password", ["", "guanxi:wrong", "guanxi:"])
    def test_a_stranger_is_asked_for_the_password_and_nothing_is_kept(self, password, brevo, scoped):
        response = self.post(brevo, b"{}", password=password)
        assert response.status_code == 401
        assert response["WWW-Authenticate"].startswith("Basic ")
        assert not InboundHook.objects.exists()

    def test_an_incoming_mail_becomes_a_ticket(self, brevo, rows, scoped):
        body = call_of(named(rows, "BrevoInboundTestCase.test_inbound_basics")).body
        assert self.post(brevo, body, part="inbound/").status_code == 200
        work_all()
        hook = InboundHook.objects.get()
        assert hook.state == InboundHook.State.DONE
        ticket = Ticket.objects.get()
        assert (ticket.subject, ticket.person_email) == ("Testing Brevo inbound", "from@example.com")

    def test_what_comes_to_the_wrong_door_says_so_to_staff(self, brevo, rows, scoped):
        body = call_of(named(rows, "BrevoDeliveryTestCase.test_misconfigured_inbound")).body
        assert self.post(brevo, body).status_code == 200
        work_all()
        hook = InboundHook.objects.get()
        assert hook.state == InboundHook.State.REFUSED
        assert "inbound" in hook.result

    def test_a_door_that_is_not_there(self, brevo, scoped):
        assert self.post(brevo, b"{}", part="nothing/").status_code == 422
        assert not InboundHook.objects.exists()

    def test_the_address_to_paste_lets_its_owner_in(self, brevo, scoped):
        (_label, url), (label, inbound) = hook_urls(brevo)
        assert f"//{brevo.secrets()[LOGIN]}@" in url and url.endswith(f"/hooks/{brevo.uuid}/")
        assert label and inbound.endswith("/inbound/")

    def test_amazons_subscription_is_confirmed(self, merchant, rows, server, scoped):
        amazon = connection_create(merchant=merchant, platform="amazon_ses", name="SES", values={})
        row = named(rows, "test_sns_subscription_auto_confirmation")
        said = json.loads(call_of(row).body)
        for url, state in [
            (f"{server.url}/confirm?Token=1", InboundHook.State.IGNORED),
            ("https://sns.example.com/confirm", InboundHook.State.REFUSED),
        ]:
            said |= {"SubscribeURL": url, "MessageId": url}
            headers = {"X-Amz-Sns-Message-Id": url, "X-Amz-Sns-Message-Type": "SubscriptionConfirmation"}
            login = base64.b64encode(amazon.secrets()[LOGIN].encode()).decode()
            answer = Client().post(
                f"/hooks/{amazon.uuid}/",
                json.dumps(said),
                content_type="text/plain; charset=UTF-8",
                headers=headers | {"Authorization": f"Basic {login}"},
            )
            assert answer.status_code == 200
            work_all()
            assert InboundHook.objects.latest("id").state == state
        assert [asked.path for asked in server.asked] == ["/confirm?Token=1"]


def resend_keeps(asked: Asked, rows: list[dict[str, Any]]) -> Reply:
    """What Resend's API gives for the recorded mail: a text, a picture in the mail and a forwarded mail, the
    one that SendGrid's recording forwards too."""
    if asked.path.startswith("/emails/receiving/"):
        attachments = [
            {"filename": name, "content_type": kind, "download_url": f"http://{asked.headers['host']}/{name}"}
            for name, kind in [
                ("test.txt", "text/plain"),
                ("image.png", "image/png"),
                ("original.eml", "message/rfc822"),
            ]
        ]
        attachments[1]["content_id"] = "img001"
        answer = {"from": "from@example.com", "to": ["to@example.org"], "subject": "", "headers": {}}
        return Reply(200, json.dumps(answer | {"attachments": attachments}).encode())
    kept = {"/test.txt": b"Hello from attachment", "/image.png": b"PNG"}
    if asked.path in kept:
        return Reply(200, kept[asked.path])
    row = named(rows, "SendgridInboundTestCase.test_attachments")
    files = request_of(call_of(row)).FILES.values()
    return Reply(200, next(file.read() for file in files if file.content_type == "message/rfc822"))
