"""Mail in: the right ticket, once, quotes off, and nothing from machines or forgers."""

from __future__ import annotations

import imaplib
import smtplib
from email.message import EmailMessage

import pytest

from crm.integrations.models import OutboundMail
from crm.lib.crypto import encrypt
from crm.lib.errors import Upstream
from crm.lib.tenancy import merchant_scope
from crm.local.mailbox_process import EVERY_MAIL
from crm.local.ports import LOOPBACK
from service.fetching import fetch
from service.inbound import mail_receive
from service.mailing import reply_address
from service.models import Entry, ServiceSettings, Ticket
from service.tickets import Words, ticket_answer
from tests.factories.accounts import make_member
from tests.factories.customers import make_customer
from tests.factories.service import fresh, make_ticket
from tests.support.hostile_mail import nested
from tests.support.processes import wait_until


@pytest.fixture
def ticket(scoped):
    return make_ticket(scoped, make_customer(scoped, "Mei", email="mei@example.com"))


def mail(
    to: str,
    text: str = "Thank you!",
    *,
    sender: str = "Mei <mei@example.com>",
    html: str = "",
    **headers: str,
) -> bytes:
    message = EmailMessage()
    message["From"], message["To"] = sender, to
    message["Subject"] = headers.pop("Subject", "Re: parcel")
    message["Message-ID"] = headers.pop("Message_ID", "<one@example.com>")
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html")
    return message.as_bytes()


def test_the_reply_address_names_the_ticket_and_quotes_come_off(scoped, ticket):
    quote = "On Mon, 16 Nov 2026 at 10:00, Qinghe <a@b.example> wrote:\n> It is on its way.\n> Wang Lei"
    text = f"Thank you!\n\n{quote}"
    received = mail_receive(merchant=scoped, raw=mail(reply_address(scoped, ticket), text))
    assert (received.outcome, received.ticket) == ("reply", ticket)
    entry = Entry.objects.order_by("-id").first()
    assert (entry.text, entry.channel, entry.kind) == ("Thank you!", "email", "inbound")
    assert "It is on its way." in entry.quoted


def test_a_mail_fetched_twice_is_one_entry(scoped, ticket):
    raw = mail(reply_address(scoped, ticket))
    for _ in range(2):
        mail_receive(merchant=scoped, raw=raw)
    assert Entry.objects.filter(channel="email").count() == 1


def test_the_thread_names_the_ticket_only_for_whom_it_is_with(scoped, ticket):
    agent = make_member(scoped, "agent")
    entry = ticket_answer(merchant=scoped, ticket=ticket, words=Words("Soon."), author=agent)
    theirs = mail("help@shop.example", In_Reply_To=entry.message_id)
    forged = mail(
        "help@shop.example", sender="eve@example.com", In_Reply_To=entry.message_id, Message_ID="<two@x>"
    )
    assert mail_receive(merchant=scoped, raw=theirs).ticket == ticket
    assert mail_receive(merchant=scoped, raw=forged).ticket != ticket


def test_a_forged_or_foreign_token_opens_a_new_ticket(scoped, rival, ticket):
    right = reply_address(scoped, ticket)
    wrong = right.replace(right.split("-")[1].split("@")[0], "0" * 16)
    assert mail_receive(merchant=scoped, raw=mail(wrong)).outcome == "opened"
    with merchant_scope(rival):
        received = mail_receive(merchant=rival, raw=mail(right))
        assert (received.outcome, received.ticket.merchant_id) == ("opened", rival.pk)
    assert Entry.objects.filter(ticket=ticket).count() == 1


def test_a_new_mail_opens_a_ticket_in_the_customers_name(scoped, ticket):
    received = mail_receive(
        merchant=scoped, raw=mail("help@shop.example", "Invoice please", Subject="Invoice")
    )
    assert received.outcome == "opened"
    assert (received.ticket.subject, received.ticket.customer) == ("Invoice", ticket.customer)


@pytest.mark.parametrize(
    "case, headers",
    [
        ("out of office", {"Auto_Submitted": "auto-replied"}),
        ("newsletter", {"Precedence": "bulk"}),
        ("list", {"List_Id": "<x.example.com>"}),
        ("bounce", {"Return_Path": "<>"}),
        ("bounce by name", {"sender": "MAILER-DAEMON@example.com"}),
        ("no sender", {"sender": "nobody"}),
    ],
)
def test_machines_are_not_answered(scoped, ticket, case, headers):
    assert (
        mail_receive(merchant=scoped, raw=mail(reply_address(scoped, ticket), **headers)).outcome == "ignored"
    ), case
    assert Entry.objects.count() == 1
    assert not OutboundMail.objects.exists()


@pytest.mark.parametrize("levels", [100, 400, 3_000])
def test_a_mail_nested_too_deep_stops_nobody(scoped, ticket, levels):
    received = mail_receive(merchant=scoped, raw=nested(levels))
    assert (received.outcome, received.reason) == ("ignored", "nested too deep")


def test_html_alone_is_read_and_kept_clean(scoped, ticket):
    message = EmailMessage()
    message["From"], message["To"], message["Message-ID"] = (
        "mei@example.com",
        reply_address(scoped, ticket),
        "<h@x>",
    )
    message.set_content("<p>It <b>broke</b>.</p><script>alert(1)</script>", subtype="html")
    mail_receive(merchant=scoped, raw=message.as_bytes())
    entry = Entry.objects.order_by("-id").first()
    assert entry.text == "It broke ."
    assert "script" not in entry.html


def test_no_real_mail_breaks_it(scoped, real_data):
    """Well-formed, broken, bounced, in many charsets: each is written down or ignored with a reason."""
    outcomes: dict[str, int] = {}
    folders = [real_data / "mail" / name for name in ("enmime", "cpython", "helpdesk", "bounces")]
    files = sorted(path for folder in folders for path in folder.rglob("*") if path.is_file())
    files = [
        path
        for path in files
        if path.suffix in {".raw", ".eml", ".txt", ".golden", ""} and path.stat().st_size < 500_000
    ]
    assert len(files) > 50
    for path in files[:400]:
        received = mail_receive(merchant=scoped, raw=path.read_bytes())
        outcomes[received.outcome] = outcomes.get(received.outcome, 0) + 1
        assert received.ticket is not None or received.reason
    assert outcomes["opened"] > 5  # bounces and reports of carriers open none (service/returned.py)
    assert outcomes["ignored"] > 10


def test_fetched_by_imap_once_and_a_wrong_password_is_said(scoped, ticket, imap):
    smtp_port, imap_port, password = imap
    desk = ServiceSettings.objects.create(
        merchant=scoped,
        mailbox_host=LOOPBACK,
        mailbox_port=imap_port,
        mailbox_user="help@shop.example",
        mailbox_secret=encrypt(password),
        mailbox_tls=False,
    )
    with smtplib.SMTP(LOOPBACK, smtp_port) as server:
        # This mailbox delivers by the To header; a real one keeps the envelope's address as Postfix does.
        raw = mail("help@shop.example", "By IMAP.", X_Original_To=reply_address(scoped, ticket))
        server.sendmail("mei@example.com", ["help@shop.example"], raw)
    wait_until(lambda: fetch(merchant=scoped)["reply"] == 1, what="the mail is fetched")
    assert fetch(merchant=scoped) == {"reply": 0, "opened": 0, "ignored": 0}
    assert Entry.objects.filter(text="By IMAP.").count() == 1
    assert fresh(ticket).status == Ticket.Status.OPEN
    ServiceSettings.objects.filter(pk=desk.pk).update(mailbox_secret=encrypt("wrong"))
    with pytest.raises(Upstream):
        fetch(merchant=scoped)
    desk.refresh_from_db()
    assert desk.mailbox_state["error"]


def test_every_mail_lies_once_more_in_the_box_that_the_mailbox_opens_with(imap):
    smtp_port, imap_port, password = imap
    with smtplib.SMTP(LOOPBACK, smtp_port) as server:
        for to in ("mei@example.com", "bo@example.com"):
            server.sendmail("shop@shop.example", [to], mail(to, f"For {to}."))
    for user, expected in ((EVERY_MAIL, 2), ("mei@example.com", 1), ("bo@example.com", 1)):
        with imaplib.IMAP4(LOOPBACK, imap_port) as box:
            box.login(user, password)
            assert box.select("INBOX")[1] == [str(expected).encode()], user
