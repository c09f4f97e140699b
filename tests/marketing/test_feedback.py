"""What comes back of a mail: once, by whatever way, with what follows for the address."""

from __future__ import annotations

import re
import smtplib
from collections.abc import Callable
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.accounts.models import Merchant
from crm.events.models import Event
from crm.integrations.messengers.reports import Channel, MessageReport, ReportKind
from crm.integrations.registry import taker_of
from crm.lib.crypto import encrypt
from crm.lib.errors import Upstream
from crm.lib.tenancy import merchant_scope
from crm.local.ports import LOOPBACK
from customers.consent import consent_now, is_suppressed, suppress
from customers.models import Customer, Suppression
from customers.suppressions.services import suppression_release
from marketing.campaigns import selectors, services
from marketing.feedback import mailbox, refusals
from marketing.feedback.return_path import delivery_id_of, marked
from marketing.feedback.services import bounce_mailbox_save
from marketing.feedback.taking import take, take_report
from marketing.looks import clicks_settle
from marketing.models import BounceMailbox, Delivery, Engagement, SendingPolicy, SoftBounce
from marketing.sending.runner import Runner
from service.inbound import mail_receive
from service.models import Ticket
from tests.factories.marketing_mail import make_campaign, make_subscriber
from tests.marketing.test_bounce_reading import ARF, DSN
from tests.support.processes import wait_until
from tests.support.smtp import SmtpSink

HARD = {"permanent": True, "code": "5.1.1", "text": "550 5.1.1 User unknown"}
SOFT = {"permanent": False, "code": "5.2.2", "text": "552 5.2.2 mailbox full"}


def mail_to(merchant: Merchant, address: str = "li@example.com", **values: object) -> Delivery:
    """A mail that was sent."""
    person = make_subscriber(merchant, "Li", email=address)
    return again_to(person, **values)


def again_to(person: Customer, **values: object) -> Delivery:
    campaign = make_campaign(person.merchant)
    delivery: Delivery = Delivery.objects.create(
        merchant=person.merchant,
        campaign=campaign,
        customer=person,
        address=person.email,
        message_id=f"<{campaign.pk}.0123456789abcdef0123456789abcdef@shop.example>",
        **{"state": "sent", "sent_at": timezone.now() - timedelta(hours=1), **values},
    )
    return delivery


def report(delivery: Delivery | None, kind: ReportKind, **said: Any) -> MessageReport:
    values: dict[str, Any] = {"channel": Channel.EMAIL, "kind": kind, "occurred_at": timezone.now()}
    if delivery is not None:
        values |= {"recipient": delivery.address, "message_id": delivery.message_id.strip("<>")}
    return MessageReport(**(values | said))


def names() -> list[str]:
    mine = Event.objects.filter(
        name__regex=r"^(marketing\.mail_|marketing\.unsub|customers\.(address|consent_w))"
    )
    return list(mine.order_by("pk").values_list("name", flat=True))


def fresh(delivery: Delivery) -> Delivery:
    return Delivery.objects.get(pk=delivery.pk)


def test_reports_are_taken_from_carriers(scoped: Merchant) -> None:
    assert taker_of(report(None, ReportKind.OPENED)) is take_report


def test_a_hard_bounce_told_twice_counts_once(scoped: Merchant) -> None:
    mail = mail_to(scoped)
    for _again in range(2):
        take(merchant=scoped, report=report(mail, ReportKind.BOUNCED, **HARD))
    after = fresh(mail)
    assert (after.bounce, after.bounce_code, after.state) == ("hard", "5.1.1", "sent")
    assert after.bounced_at is not None
    entry = Suppression.objects.get()
    assert (entry.reason, entry.note, entry.customer_id) == ("bounce", "5.1.1", mail.customer_id)
    assert names() == ["marketing.mail_bounced", "customers.address_suppressed"]
    assert consent_now(customer=mail.customer, channel="email") is True
    assert selectors.funnel(mail.campaign, None).bounced == 1


@pytest.mark.parametrize("kind", [ReportKind.COMPLAINED, ReportKind.UNSUBSCRIBED])
def test_who_leaves_is_locked_before_the_mail_as_at_its_way_out(scoped: Merchant, kind: ReportKind) -> None:
    """The other order on one of the two ways is a deadlock: mail programs press both buttons at once."""
    mail = mail_to(scoped)
    with CaptureQueriesContext(connection) as queries:
        take(merchant=scoped, report=report(mail, kind))
    locks = [one["sql"] for one in queries if "FOR UPDATE" in one["sql"]]
    first = [re.search(r'FROM "(\w+)"', sql)[1] for sql in locks][:2]  # type: ignore[index]
    assert first == ["customers_customer", "marketing_delivery"]


def test_a_complaint_ends_consent_too(scoped: Merchant) -> None:
    mail = mail_to(scoped)
    for _again in range(2):
        take(merchant=scoped, report=report(mail, ReportKind.COMPLAINED))
    assert fresh(mail).complained_at is not None
    assert Suppression.objects.get().reason == "complaint"
    assert consent_now(customer=mail.customer, channel="email") is False
    assert sorted(names()) == sorted(
        ["customers.address_suppressed", "customers.consent_withdrawn", "marketing.mail_complained"]
    )
    assert "li@example.com" not in str(list(Event.objects.values_list("data", flat=True)))
    assert selectors.funnel(mail.campaign, None).complained == 1


def test_soft_bounces_count_within_their_days_and_begin_anew_after_a_release(scoped: Merchant) -> None:
    SendingPolicy.objects.create(merchant=scoped, soft_bounces=3, soft_days=30)
    first = mail_to(scoped)
    with time_machine.travel(timezone.now() - timedelta(days=40)):
        take(merchant=scoped, report=report(first, ReportKind.BOUNCED, **SOFT))
    mails = [again_to(first.customer) for _number in range(3)]
    for mail in mails[:2]:
        for _again in range(3):
            take(merchant=scoped, report=report(mail, ReportKind.BOUNCED, **SOFT))
    assert fresh(mails[0]).bounce == "soft"
    assert not is_suppressed(channel="email", value="li@example.com")
    take(merchant=scoped, report=report(mails[2], ReportKind.BOUNCED, **SOFT))
    assert is_suppressed(channel="email", value="li@example.com")
    assert not SoftBounce.objects.exists()

    suppression_release(suppression=Suppression.objects.get(), note="a new mailbox")
    take(merchant=scoped, report=report(again_to(first.customer), ReportKind.BOUNCED, **SOFT))
    assert not is_suppressed(channel="email", value="li@example.com")


@pytest.mark.parametrize(("count", "suppressed"), [(0, False), (1, True)])
def test_the_shop_chooses_how_many(scoped: Merchant, count: int, suppressed: bool) -> None:
    SendingPolicy.objects.create(merchant=scoped, soft_bounces=count)
    take(merchant=scoped, report=report(mail_to(scoped), ReportKind.BOUNCED, **SOFT))
    assert is_suppressed(channel="email", value="li@example.com") is suppressed


def test_what_is_about_us_leaves_the_address_alone_and_hard_comes_over_soft(scoped: Merchant) -> None:
    mail = mail_to(scoped)
    blocked = {"permanent": True, "text": "554 5.7.1 rejected as spam"}
    take(merchant=scoped, report=report(mail, ReportKind.BOUNCED, **blocked))
    assert (fresh(mail).bounce, Suppression.objects.count(), SoftBounce.objects.count()) == ("blocked", 0, 0)
    take(merchant=scoped, report=report(mail, ReportKind.BOUNCED, **HARD))
    take(merchant=scoped, report=report(mail, ReportKind.BOUNCED, **SOFT))
    assert fresh(mail).bounce == "hard"
    assert Suppression.objects.count() == 1


@pytest.mark.parametrize("kind", ["delivered", "bounced", "opened", "complained"])
def test_a_report_clears_a_doubt(scoped: Merchant, kind: str) -> None:
    mail = mail_to(scoped, state="unknown", reason="line_lost", sent_at=None, sending_at=timezone.now())
    take(merchant=scoped, report=report(mail, ReportKind(kind)))
    after = fresh(mail)
    assert (after.state, after.reason, after.sent_at) == ("sent", "", mail.sending_at)
    assert names().count("marketing.mail_sent") == 1


@pytest.mark.parametrize("kind", ["deferred", "rejected"])
def test_what_proves_nothing_leaves_the_doubt(scoped: Merchant, kind: str) -> None:
    mail = mail_to(scoped, state="unknown", reason="line_lost", sent_at=None, sending_at=timezone.now())
    take(merchant=scoped, report=report(mail, ReportKind(kind)))
    assert fresh(mail).state == "unknown"


def test_carriers_count_opens_clicks_and_leaving(scoped: Merchant) -> None:
    mail = mail_to(scoped)
    browser = {"user_agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Mobile/15E148"}
    opened = report(mail, ReportKind.OPENED, **browser)
    for _again in range(2):
        take(merchant=scoped, report=opened)
    before = timezone.now() - timedelta(minutes=1)
    clicked = report(mail, ReportKind.CLICKED, url="https://shop.example/", occurred_at=before, **browser)
    take(merchant=scoped, report=clicked)
    clicks_settle(delivery_id=mail.pk)
    take(merchant=scoped, report=report(mail, ReportKind.DELIVERED))
    take(merchant=scoped, report=report(mail, ReportKind.UNSUBSCRIBED))
    take(merchant=scoped, report=report(mail, ReportKind.UNSUBSCRIBED))
    after = fresh(mail)
    assert after.opened_at and after.clicked_at and after.delivered_at and after.unsubscribed_at
    assert Engagement.objects.filter(kind="open").count() == 1
    assert consent_now(customer=mail.customer, channel="email") is False
    assert names().count("marketing.unsubscribed") == 1


@pytest.mark.parametrize(
    ("case", "changed"),
    [
        ("another Message-ID", {"message_id": "9999.0123456789abcdef0123456789abcdef@shop.example"}),
        ("no Message-ID", {"message_id": ""}),
        ("no id of ours", {"message_id": "hello@example.com"}),
    ],
)
def test_an_unsigned_report_needs_our_id(scoped: Merchant, case: str, changed: dict[str, str]) -> None:
    mail = mail_to(scoped)
    take(merchant=scoped, report=report(mail, ReportKind.BOUNCED, **(HARD | changed)))
    assert not Suppression.objects.exists(), case
    assert fresh(mail).bounce == ""
    take(merchant=scoped, report=report(mail, ReportKind.BOUNCED, **(HARD | changed)), is_signed=True)
    assert Suppression.objects.get().reason == "bounce"


def test_another_shops_mail_is_nobodys(scoped: Merchant, rival: Merchant) -> None:
    with merchant_scope(rival):
        theirs = mail_to(rival)
        hers = report(theirs, ReportKind.BOUNCED, **HARD)
    take(merchant=scoped, report=hers, marked=theirs.pk)
    with merchant_scope(rival):
        assert fresh(theirs).bounce == ""
        assert not Suppression.objects.exists()


def test_refusals_at_the_hand_over_follow_the_same_rules(scoped: Merchant) -> None:
    said = {
        "gone@example.com": ("refused", "550 5.1.1 <gone@example.com> User unknown"),
        "full@example.com": ("refused", "552 5.2.2 Mailbox full"),
        "spam@example.com": ("refused", "550 5.7.1 Message rejected as spam"),
        "slow@example.com": ("gave_up", "450 4.1.1 User unknown"),
        "odd@example.com": ("render", "the template"),
    }
    mails = {
        address: mail_to(scoped, address, state="failed", reason=reason, receipt=receipt, sent_at=None)
        for address, (reason, receipt) in said.items()
    }
    assert refusals.grade_all() == 4
    assert refusals.grade_all() == 0
    grades = {address: fresh(mail).bounce for address, mail in mails.items()}
    assert list(grades.values()) == ["hard", "soft", "blocked", "soft", ""]
    assert is_suppressed(channel="email", value="gone@example.com")
    assert Suppression.objects.count() == 1


def test_refusals_are_written_in_the_order_of_the_addresses(scoped: Merchant) -> None:
    """Two campaigns to the same people are graded at once: in two orders they would be a deadlock."""
    gone = {"state": "failed", "reason": "refused", "receipt": "550 5.1.1 User unknown", "sent_at": None}
    mails = [mail_to(scoped, f"{name}@example.com", **gone) for name in ("c", "a", "b")]
    refusals.grade_all()
    written = Suppression.objects.order_by("pk").values_list("customer_id", flat=True)
    assert list(written) == [mails[1].customer_id, mails[2].customer_id, mails[0].customer_id]


def test_the_return_path_names_the_mail(scoped: Merchant, smtp_sink: SmtpSink) -> None:
    bounce_mailbox_save(merchant=scoped, address="Bounces@shop.example", host="", user="")
    person = make_subscriber(scoped)
    campaign = make_campaign(scoped)
    services.campaign_start(campaign=campaign)
    campaign.refresh_from_db()
    Runner(merchant=scoped, campaign=campaign, connections=1).run()
    mail = Delivery.objects.get(customer=person)
    (handed,) = smtp_sink.mails
    assert handed.sender == marked("bounces@shop.example", mail.pk)
    assert delivery_id_of(handed.sender.upper()) == mail.pk
    assert delivery_id_of("bounces+b" + "a" * 32 + "@shop.example") is None
    # The mark alone is enough: servers that send no Message-ID back.
    raw = DSN.format(action="failed", status="5.1.1", reply="550 5.1.1 unknown")
    raw = raw.replace("bounces@shop.example", handed.sender).replace("Message-ID: <7.", "X-Old: <7.")
    assert mailbox.mail_take(scoped, raw.encode())
    assert fresh(mail).bounce == "hard"
    assert is_suppressed(channel="email", value=person.email)


def of_mail(raw: str, mail: Delivery) -> bytes:
    """A report about that mail."""
    ours = mail.message_id.strip("<>")
    return raw.replace("7.0123456789abcdef0123456789abcdef@shop.example", ours).encode()


def test_the_desk_hands_reports_up(scoped: Merchant) -> None:
    mail = mail_to(scoped)
    raw = of_mail(DSN.format(action="failed", status="5.1.1", reply="550 5.1.1 User unknown"), mail)
    received = mail_receive(merchant=scoped, raw=raw)
    assert (received.outcome, received.reason) == ("ignored", "report")
    assert fresh(mail).bounce == "hard"
    other = mail_to(scoped, "mei@example.com")
    complaint = of_mail(ARF.format(kind="abuse"), other).replace(b"li@example.com", b"mei@example.com")
    assert mail_receive(merchant=scoped, raw=complaint).reason == "report"
    assert fresh(other).complained_at is not None
    assert not Ticket.objects.exists()


def test_an_autoreply_is_no_bounce(scoped: Merchant) -> None:
    mail = mail_to(scoped)
    away = EmailMessage()
    away["From"], away["To"], away["Subject"] = mail.address, "help@shop.example", "Automatic reply: Tea"
    away["Auto-Submitted"], away["In-Reply-To"] = "auto-replied", mail.message_id
    away.set_content("I am away. My mailbox is full of other things; user unknown says hello.")
    assert mail_receive(merchant=scoped, raw=away.as_bytes()).reason == "automatic"
    assert fresh(mail).bounce == ""
    assert not Suppression.objects.exists()


def test_the_mailbox_is_read_once_and_says_what_failed(scoped: Merchant, imap: tuple[int, int, str]) -> None:
    smtp_port, imap_port, password = imap
    mail = mail_to(scoped)
    bounce_mailbox_save(
        merchant=scoped,
        address="",
        host=LOOPBACK,
        port=imap_port,
        tls=False,
        user="bounces@shop.example",
        password=password,
    )
    raw = of_mail(DSN.format(action="failed", status="5.1.1", reply="550 5.1.1 User unknown"), mail)
    with smtplib.SMTP(LOOPBACK, smtp_port) as server:
        server.sendmail("", ["bounces@shop.example"], raw)
    wait_until(lambda: mailbox.fetch(merchant=scoped)["taken"] == 1, what="the bounce is read")
    assert fresh(mail).bounce == "hard"
    assert mailbox.fetch(merchant=scoped) == {"taken": 0, "ignored": 0}
    BounceMailbox.objects.update(secret=encrypt("wrong"))
    with pytest.raises(Upstream):
        mailbox.fetch(merchant=scoped)
    assert BounceMailbox.objects.get().state["error"]


def test_a_mailbox_that_fails_keeps_no_other_shop_waiting(
    scoped: Merchant, rival: Merchant, imap: tuple[int, int, str]
) -> None:
    smtp_port, imap_port, password = imap
    assert scoped.pk < rival.pk
    place = {"host": LOOPBACK, "port": imap_port, "tls": False, "password": password}
    bounce_mailbox_save(merchant=scoped, address="", user="first@shop.example", **place)
    BounceMailbox.objects.update(secret="of another installation's key")
    with merchant_scope(rival):
        theirs = mail_to(rival)
        bounce_mailbox_save(merchant=rival, address="", user="second@shop.example", **place)
    raw = of_mail(DSN.format(action="failed", status="5.1.1", reply="550 5.1.1 User unknown"), theirs)
    with smtplib.SMTP(LOOPBACK, smtp_port) as server:
        server.sendmail("", ["second@shop.example"], raw.replace(b"bounces@shop", b"second@shop"))
    wait_until(lambda: mailbox.fetch_all() == 1, what="the other shop's bounce is read")
    with merchant_scope(rival):
        assert fresh(theirs).bounce == "hard"
    assert "FIELD_ENCRYPTION_KEY" in BounceMailbox.objects.get().state["error"]


def test_the_settings_page_keeps_the_password_for_its_server(
    member_client: Callable[..., Client], merchant: Merchant
) -> None:
    owner = member_client("owner")
    said = {"address": "bounces@shop.example", "host": "imap.shop.example", "port": "993", "user": "b"}
    assert owner.post("/settings/bounces/", said).status_code == 422
    assert owner.post("/settings/bounces/", said | {"password": "secret"}).status_code == 302
    page = owner.get("/settings/bounces/").content.decode()
    assert "bounces@shop.example" in page and "secret" not in page
    assert owner.post("/settings/bounces/", said | {"port": "143"}).status_code == 302
    assert owner.post("/settings/bounces/", said | {"host": "evil.example"}).status_code == 422
    assert owner.post("/settings/bounces/", said | {"address": "a+b@shop.example"}).status_code == 422
    with merchant_scope(merchant):
        row = BounceMailbox.objects.get()
        assert (row.host, row.port, "secret" in row.secret) == ("imap.shop.example", 143, False)
        assert Event.objects.filter(name="marketing.bounce_mailbox_changed").count() == 2
    assert member_client("marketer").get("/settings/bounces/").status_code == 403


def test_nothing_new_is_kept_of_the_erased(scoped: Merchant) -> None:
    mail = mail_to(scoped)
    mail.customer.erased_at = timezone.now()
    mail.customer.save()
    Delivery.objects.update(address="")
    for kind in (ReportKind.COMPLAINED, ReportKind.OPENED, ReportKind.UNSUBSCRIBED, ReportKind.BOUNCED):
        take(merchant=scoped, report=report(mail, kind, **HARD))
    assert not Suppression.objects.exists()
    assert not Engagement.objects.exists()
    assert suppress(merchant=scoped, channel="email", value="x@y.cn", reason="manual") is not None
