"""A mail that came in becomes words on a ticket: matched by address or thread, quotes stripped."""

from __future__ import annotations

import email
import email.policy
import hashlib
import re
from dataclasses import dataclass
from email.message import EmailMessage, Message
from email.utils import getaddresses, parseaddr

import structlog
from django.db import transaction
from django.utils.translation import gettext as _
from mailparser_reply import EmailReplyParser

from crm.accounts.models import Merchant
from crm.integrations.mail import sender_of
from crm.integrations.messengers.items import InboundMail
from crm.integrations.models import Connection
from crm.integrations.registry import register
from crm.lib.errors import Rejected
from customers.normalising import normalise_email
from service.bodies import clean_text, text_of_html
from service.mailing import ticket_of_token
from service.models import Entry, Ticket
from service.returned import taken
from service.tickets import Stranger, Words, ticket_open, ticket_receive

log = structlog.get_logger()

# Larger ones are refused unread: pictures of a broken cup have 5 MB.
MAIL_BYTES = 25 * 2**20
# The reply parser works by regular expressions over the whole text.
PARSED_CHARS = 50_000
TOKEN = re.compile(r"\+(\d{1,18}-[0-9a-f]{16})@", re.IGNORECASE)
LANGUAGES = ["en", "zh", "de", "fr", "es", "it", "ja", "ko", "nl", "pl", "sv"]
# A forwarded forward with pictures has a dozen.
MOST_NESTED = 50
# Reasons that may stand on a bounce.
MACHINES = {"no sender", "automatic", "bounce"}
ADDRESSED = ("To", "Cc", "Delivered-To", "X-Original-To", "Envelope-To")


@dataclass(frozen=True)
class Received:
    """What became of a mail: reply, opened, or ignored with the reason."""

    outcome: str
    ticket: Ticket | None = None
    reason: str = ""


@transaction.atomic
def mail_receive(*, merchant: Merchant, raw: bytes) -> Received:
    """Writes the mail down, once however often it is fetched. Machines' answers and our own mails are
    ignored, so that two robots never talk to each other here."""
    if len(raw) > MAIL_BYTES:
        return Received("ignored", reason="too big")
    message = _read(raw)
    if message is None:
        return Received("ignored", reason="nested too deep")
    name, address = _sender(message)
    reason = _ignored(merchant, message, address)
    # A report of a carrier (RFC 3464, 5965) may come from any address; it is never a customer's words.
    is_report = message.get_content_type() == "multipart/report"
    if (is_report or reason in MACHINES) and taken(merchant, raw):
        reason = "report"
    if reason:
        return Received("ignored", reason=reason)
    words = _words(message, raw)
    if not words.text:
        return Received("ignored", reason="no words")
    ticket = _by_token(merchant, message) or _by_thread(message, address)
    try:
        if ticket is not None:
            ticket_receive(merchant=merchant, ticket=ticket, words=words, channel=Ticket.Channel.EMAIL)
            return Received("reply", ticket)
        opened = ticket_open(
            merchant=merchant,
            subject=_header(message, "Subject"),
            words=words,
            channel=Ticket.Channel.EMAIL,
            contact=Stranger(name=name, email=address),
        )
    except Rejected as refusal:  # nothing but control characters
        return Received("ignored", reason=str(refusal))
    return Received("opened", opened)


def _read(raw: bytes) -> EmailMessage | None:
    """None for parts in one another beyond MOST_NESTED: the standard library walks them by recursion, and
    such a mail would stop every look into the mailbox that it lies in."""
    try:
        message = email.message_from_bytes(raw, policy=email.policy.default)
    except RecursionError:
        return None
    assert isinstance(message, EmailMessage)
    level: list[Message] = [message]
    for _depth in range(MOST_NESTED):
        inside = [part for one in level if one.is_multipart() for part in one.get_payload()]
        level = [part for part in inside if isinstance(part, Message)]
        if not level:
            return message
    return None


def _header(message: EmailMessage, name: str) -> str:
    """The header as text; broken ones (the standard library raises on some) count as absent."""
    try:
        return " ".join(str(message.get(name, "") or "").split())
    except (ValueError, IndexError, LookupError, AttributeError, TypeError) as error:
        log.info("unreadable header", name=name, error=repr(error))
        return ""


def _sender(message: EmailMessage) -> tuple[str, str]:
    reply_to = parseaddr(_header(message, "Reply-To"))[1]
    name, address = parseaddr(_header(message, "From"))
    return name, normalise_email(reply_to) or normalise_email(address)


def _ignored(merchant: Merchant, message: EmailMessage, address: str) -> str:
    """Why nobody should read it, or "". RFC 3834 says how machines mark what they send."""
    if not address:
        return "no sender"
    if address == normalise_email(parseaddr(sender_of(merchant))[1]):
        return "our own"
    if _header(message, "Auto-Submitted").casefold() not in {"", "no"}:
        return "automatic"
    if _header(message, "Precedence").casefold() in {"bulk", "list", "junk", "auto_reply"}:
        return "bulk"
    if _header(message, "Return-Path") == "<>" or address.startswith(("mailer-daemon@", "postmaster@")):
        return "bounce"
    return "list" if message.get("List-Id") else ""


def _words(message: EmailMessage, raw: bytes) -> Words:
    plain, html = _part(message, "plain"), _part(message, "html")
    text = clean_text(plain) or text_of_html(html)
    latest, quoted = _split(text[:PARSED_CHARS])
    message_id = _header(message, "Message-ID")[:300]
    key = f"mail:{hashlib.sha256(message_id.encode() or raw).hexdigest()}"
    return Words(latest, html=html, quoted=quoted, message_id=message_id, key=key)


def _part(message: EmailMessage, kind: str) -> str:
    """The text or HTML body; an unknown charset is read as far as it goes."""
    try:
        part = message.get_body((kind,))
    except (AttributeError, KeyError, IndexError, ValueError):
        return ""
    if part is None:
        return ""
    try:
        return str(part.get_content())
    except (LookupError, UnicodeError, ValueError, KeyError, AssertionError):
        payload = part.get_payload(decode=True)
        return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""


def _split(text: str) -> tuple[str, str]:
    """(what is new, what was quoted). When everything looks quoted, all of it is new."""
    if not text:
        return "", ""
    latest = (EmailReplyParser(languages=LANGUAGES).read(text=text).latest_reply or "").strip()
    if not latest:
        return text, ""
    start = text.find(latest)
    quoted = text[start + len(latest) :].strip() if start >= 0 else ""
    return latest, quoted


def _by_token(merchant: Merchant, message: EmailMessage) -> Ticket | None:
    addressed = [_header(message, name) for name in ADDRESSED]
    for _name, address in getaddresses([line for line in addressed if line]):
        if found := TOKEN.search(address):
            return ticket_of_token(merchant, found[1])
    return None


def _by_thread(message: EmailMessage, address: str) -> Ticket | None:
    """By the ids of our own mails; only from the address that the ticket is with."""
    known = re.findall(
        r"<[^<>\s]{1,298}>", f"{_header(message, 'In-Reply-To')} {_header(message, 'References')}"
    )
    entries = Entry.objects.filter(message_id__in=known[-20:]).select_related("ticket__customer")
    for entry in entries.order_by("-created_at", "-id"):
        ticket: Ticket = entry.ticket
        if normalise_email(ticket.person_email) == address:
            return ticket
    return None


def _take_mail(connection: Connection, item: InboundMail, backfill: bool) -> str:
    done = mail_receive(merchant=connection.merchant, raw=item.raw)
    if done.ticket is None:
        return _("Ignored: %(reason)s") % {"reason": done.reason}
    return _("On ticket %(number)s.") % {"number": done.ticket.number}


register(InboundMail, _take_mail)
