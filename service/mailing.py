"""Answers as mail: at least once, in one thread, and a way back that names the ticket."""

from __future__ import annotations

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation

from crm.accounts.models import Merchant
from crm.integrations import mail
from crm.lib.crypto import keyed_hash
from service.models import Entry, ServiceSettings, Ticket

# 64 bits: unguessable, and short enough for every mail system's local part (64 letters).
TOKEN_CHARS = 16
# Long threads carry their first and latest mails; servers cut a header of 998 letters.
REFERENCES = 6


def ticket_token(ticket: Ticket) -> str:
    """What stands behind the plus of the reply address: the ticket's id and a signature."""
    return f"{ticket.pk}-{_signature(ticket.merchant_id, ticket.pk)}"


def _signature(merchant_id: int, ticket_id: int) -> str:
    return keyed_hash(f"{merchant_id}:{ticket_id}", purpose="ticket-address")[:TOKEN_CHARS]


def ticket_of_token(merchant: Merchant, token: str) -> Ticket | None:
    """The ticket that a reply address names; None for a wrong or foreign one."""
    head, _sign, tail = token.lower().partition("-")
    if not head.isdecimal() or len(head) > 18 or tail != _signature(merchant.pk, int(head)):
        return None
    return Ticket.objects.filter(pk=int(head)).first()


def reply_address(merchant: Merchant, ticket: Ticket) -> str:
    """`ticket+<token>@…`: in the shop's own mailbox when it has named one."""
    known = ServiceSettings.objects.values_list("reply_address", flat=True).first() or ""
    local, _at, domain = (known or f"ticket@{mail.sender_domain(merchant)}").rpartition("@")
    return f"{local}+{ticket_token(ticket)}@{domain}"


def portal_link(merchant: Merchant, ticket: Ticket) -> str:
    return settings.PUBLIC_URL + reverse("portal_ticket", args=[merchant.slug, ticket.number])


def _language(merchant: Merchant, ticket: Ticket) -> str:
    known = {code for code, _name in settings.LANGUAGES}
    return ticket.language if ticket.language in known else merchant.locale


def _thread(ticket: Ticket) -> dict[str, str]:
    """In-Reply-To and References (RFC 5322, 3.6.4) over the mails of the ticket so far."""
    sent = Entry.objects.filter(ticket=ticket).exclude(message_id="").order_by("created_at", "id")
    ids = list(sent.values_list("message_id", flat=True))
    if not ids:
        return {}
    kept = ids if len(ids) <= REFERENCES else [ids[0], *ids[1 - REFERENCES :]]
    return {"In-Reply-To": ids[-1], "References": " ".join(kept)}


def post_answer(*, merchant: Merchant, ticket: Ticket, entry: Entry) -> None:
    """Puts the answer's mail into the outbox, in the answer's own transaction, and ties it to the entry.

    Somebody without an address reads it in the portal. Sets fields of the entry, saves nothing of it.
    """
    address = ticket.person_email
    if not address or "*" in address:
        return
    context = _context(merchant, ticket) | {"entry": entry}
    with translation.override(_language(merchant, ticket)):
        posted = mail.post(
            merchant=merchant,
            to=address,
            purpose="ticket_answer",
            subject=f"Re: {ticket.subject} [#{ticket.number}]",
            text=render_to_string("service/mail/answer.txt", context),
            html=render_to_string("service/mail/answer.html", context),
            headers=_headers(merchant, ticket) | {"Auto-Submitted": "no"},
            dedupe_key=f"ticket-entry:{entry.pk}",
        )
    if posted is not None:
        entry.mail, entry.message_id = posted, posted.message_id


def post_receipt(*, merchant: Merchant, ticket: Ticket) -> None:
    """Tells who wrote that their words have arrived, and under which number."""
    address = ticket.person_email
    if not address or "*" in address:
        return
    with translation.override(_language(merchant, ticket)):
        mail.post(
            merchant=merchant,
            to=address,
            purpose="ticket_receipt",
            subject=translation.gettext("We have your message [#%(number)s]") % {"number": ticket.number},
            text=render_to_string("service/mail/receipt.txt", _context(merchant, ticket)),
            html=render_to_string("service/mail/receipt.html", _context(merchant, ticket)),
            headers=_headers(merchant, ticket) | {"Auto-Submitted": "auto-replied"},
            dedupe_key=f"ticket-receipt:{ticket.pk}",
        )


def _context(merchant: Merchant, ticket: Ticket) -> dict[str, object]:
    return {"shop": merchant, "ticket": ticket, "link": portal_link(merchant, ticket)}


def _headers(merchant: Merchant, ticket: Ticket) -> dict[str, str]:
    return _thread(ticket) | {"Reply-To": reply_address(merchant, ticket)}
