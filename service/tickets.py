"""The verbs of a ticket. Each locks its row, writes what was said and what that changes, and announces it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Model
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.accounts.models import Membership, Merchant
from crm.accounts.numbering import next_number
from crm.events.emitting import emit
from crm.events.types import EventType
from crm.lib.errors import Conflict, Rejected
from crm.lib.locking import hold
from crm.lib.ui.formats import exact_text
from customers.models import Customer, Identity
from customers.normalising import normalise_email, normalise_name, normalise_phone
from orders.models import Order, Return
from service import events, mailing
from service.bodies import clean_html, clean_text, preview_of, subject_of
from service.models import Draft, Entry, Ticket
from service.models.ticket import Priority
from service.priority import standing_of
from service.sla import resume_clocks, retime, start_clocks, stop_clocks

Status, Channel, Kind = Ticket.Status, Ticket.Channel, Entry.Kind


@dataclass(frozen=True)
class Words:
    """What somebody said, as it came. `key` makes saying it twice one entry."""

    text: str
    html: str = ""
    quoted: str = ""
    message_id: str = ""
    key: str = ""


@dataclass(frozen=True)
class Stranger:
    """How somebody who is not signed in says they are."""

    name: str = ""
    email: str = ""
    phone: str = ""


# --- opening -----------------------------------------------------------------------------------------------


@transaction.atomic
def ticket_open(
    *,
    merchant: Merchant,
    subject: str,
    words: Words,
    channel: str,
    customer: Customer | None = None,
    order: Order | None = None,
    rma: Return | None = None,
    contact: Stranger | None = None,
    language: str = "",
    cause: str = Ticket.Cause.ASKED,
    author: Membership | None = None,
    review_id: int | None = None,
    confirm: bool = False,
) -> Ticket:
    """The new ticket with its first entry, or the one that `words.key` opened before.

    A stranger whose address a customer is known by is taken for them, since answers go to that address alone;
    nobody new is made of a claim. `confirm` mails a receipt. Raises Rejected for empty words.
    """
    text = clean_text(words.text)
    if not text:
        raise _empty()
    _lock_key(merchant, words.key)
    if known := _entry_of(words.key):
        return known.ticket
    contact = contact or Stranger()
    email = normalise_email(contact.email)
    if customer is None:
        customer = _known_by(email) or (order.customer if order else None)
    standing = standing_of(merchant=merchant, customer=customer, order=order, cause=cause)
    now = timezone.now()
    is_ours = cause != Ticket.Cause.ASKED
    ticket = Ticket(
        merchant=merchant,
        number=next_number(merchant_id=merchant.pk, series="ticket"),
        subject=subject_of(subject, text),
        channel=channel,
        cause=cause,
        priority=standing.priority,
        priority_reasons=standing.reasons,
        customer=customer,
        order=order,
        rma=rma,
        review_id=review_id,
        contact_name=normalise_name(contact.name) or (order.contact_name if order and not customer else ""),
        contact_email=email or _address_of(order, customer),
        contact_phone=normalise_phone(contact.phone, merchant.country),
        language=language or (customer.language if customer else ""),
        preview=preview_of(text),
        unread=True,
        opened_at=now,
        last_at=now,
        last_inbound_at=None if is_ours else now,
        waiting_since=now,
    )
    start_clocks(merchant, ticket, now)
    ticket.save()
    _say(ticket, Kind.NOTE if is_ours else Kind.INBOUND, words, text, author=author if is_ours else None)
    facts = {
        "subject": ticket.subject,
        "channel": str(ticket.get_channel_display()),
        "priority": ticket.priority,
    }
    _announce(events.TICKET_OPENED, ticket, facts)
    if confirm:
        mailing.post_receipt(merchant=merchant, ticket=ticket)
    return ticket


def _lock_key(merchant: Merchant, key: str) -> None:
    """Two presses of one button come after each other, so that the second finds the first one's ticket."""
    if key:
        hold(f"ticket-key:{merchant.pk}:{key}")


def _address_of(order: Order | None, customer: Customer | None) -> str:
    """The order's own address where the person has none of their own."""
    return "" if customer and customer.email else normalise_email(order.email if order else "")


def _known_by(email: str) -> Customer | None:
    if not email:
        return None
    found = (
        Identity.objects.filter(kind=Identity.Kind.EMAIL, scope="", value=email)
        .select_related("customer")
        .first()
    )
    return found.customer if found and found.customer.erased_at is None else None


def _empty() -> Rejected:
    text = _("Write something first.")
    return Rejected(text, code="empty", fields={"text": [text]})


def _entry_of(key: str) -> Entry | None:
    return Entry.objects.filter(dedupe_key=key).select_related("ticket").first() if key else None


def _say(
    ticket: Ticket, kind: str, words: Words, text: str, *, author: Membership | None, channel: str = ""
) -> Entry:
    name = str(author.user) if author else ticket.person_name if kind == Kind.INBOUND else ""
    return Entry.objects.create(
        merchant_id=ticket.merchant_id,
        ticket=ticket,
        kind=kind,
        channel=channel or ticket.channel,
        author=author,
        author_name=name[:200],
        text=text,
        html=clean_html(words.html),
        quoted=clean_text(words.quoted),
        message_id=words.message_id[:300],
        dedupe_key=words.key[:200] or None,
    )


def _announce(kind: EventType, ticket: Ticket, data: dict[str, Any] | None = None) -> None:
    facts = {"number": ticket.number, "ticket_id": ticket.pk, "order_id": ticket.order_id}
    emit(
        kind,
        merchant=ticket.merchant_id,
        customer=ticket.customer_id,
        subject=ticket,
        data=facts | (data or {}),
    )


def _locked(ticket: Ticket) -> Ticket:
    rows = Ticket.objects.select_for_update(of=("self",)).select_related(
        "customer", "order", "assignee__user"
    )
    locked: Ticket = rows.get(pk=ticket.pk)
    return locked


# --- what is said ------------------------------------------------------------------------------------------


@transaction.atomic
def ticket_receive(*, merchant: Merchant, ticket: Ticket, words: Words, channel: str) -> Entry:
    """The customer's new words; the ticket is open again, an answer is due. One `key` is one entry."""
    text = clean_text(words.text)
    if not text:
        raise _empty()
    ticket = _locked(ticket)
    if known := _entry_of(words.key):
        return known
    now = timezone.now()
    was = ticket.status
    entry = _say(ticket, Kind.INBOUND, words, text, author=None, channel=channel)
    ticket.preview, ticket.unread = preview_of(text), True
    ticket.last_at = ticket.last_inbound_at = now
    ticket.waiting_since = ticket.waiting_since or now
    ticket.status, ticket.snoozed_until, ticket.solved_at = Status.OPEN, None, None
    if was == Status.SOLVED:
        ticket.resolve_seconds_left = None
        ticket.resolve_due_at = None
    if was != Status.OPEN or ticket.due_at is None or ticket.waiting_since == now:
        resume_clocks(merchant, ticket, now)
    ticket.save()
    _announce(events.CUSTOMER_REPLIED, ticket, {"entry_id": entry.pk})
    if was == Status.SOLVED:
        _announce(events.TICKET_REOPENED, ticket)
    return entry


@transaction.atomic
def ticket_answer(
    *,
    merchant: Merchant,
    ticket: Ticket,
    words: Words,
    author: Membership | None,
    author_name: str = "",
    seen_entry_id: int | None = None,
    solve: bool = False,
) -> Entry:
    """The answer, which leaves by mail once this commits and stands in the portal; then it is their turn.

    The same `words.key` twice is one answer. Raises Conflict when something was said after `seen_entry_id`,
    so that nobody answers what they have not read; the draft stays.
    """
    text = clean_text(words.text)
    if not text:
        raise _empty()
    ticket = _locked(ticket)
    if known := _entry_of(words.key):
        return known
    _check_seen(ticket, seen_entry_id)
    now = timezone.now()
    entry = _say(ticket, Kind.OUTBOUND, words, text, author=author)
    if author_name and author is None:
        entry.author_name = author_name
    mailing.post_answer(merchant=merchant, ticket=ticket, entry=entry)
    entry.save()
    ticket.preview, ticket.unread = preview_of(text), False
    ticket.last_at = now
    ticket.waiting_since = None
    ticket.first_responded_at = ticket.first_responded_at or now
    if ticket.assignee_id is None and author is not None:
        ticket.assignee = author
    ticket.snoozed_until = None
    stop_clocks(merchant, ticket, now)
    was_solved = ticket.is_solved
    ticket.status = Status.SOLVED if solve or was_solved else Status.PENDING
    if solve and not was_solved:
        ticket.solved_at = now
    ticket.save()
    if author is not None:
        Draft.objects.filter(ticket=ticket, author=author).delete()
    _announce(events.TICKET_ANSWERED, ticket, {"entry_id": entry.pk})
    if solve and not was_solved:
        _announce(events.TICKET_SOLVED, ticket)
    return entry


def _check_seen(ticket: Ticket, seen_entry_id: int | None) -> None:
    if seen_entry_id is None:
        return
    newer = Entry.objects.filter(ticket=ticket, pk__gt=seen_entry_id).exclude(kind=Kind.NOTE)
    if newer.exists():
        text = _("Something new was said while you wrote. Read it, then send; your words are kept.")
        raise Conflict(text, code="new_words")


@transaction.atomic
def ticket_note(*, ticket: Ticket, words: Words, author: Membership) -> Entry:
    """A note for colleagues; the customer never sees it."""
    text = clean_text(words.text)
    if not text:
        raise _empty()
    ticket = _locked(ticket)
    if known := _entry_of(words.key):
        return known
    entry = _say(ticket, Kind.NOTE, words, text, author=author)
    Draft.objects.filter(ticket=ticket, author=author).delete()
    _announce(events.TICKET_NOTED, ticket, {"entry_id": entry.pk})
    return entry


# --- what is done ------------------------------------------------------------------------------------------


@transaction.atomic
def ticket_solve(*, merchant: Merchant, ticket: Ticket) -> Ticket:
    """Done; the customer's next word opens it again. Twice changes nothing."""
    ticket = _locked(ticket)
    if ticket.is_solved:
        return ticket
    now = timezone.now()
    stop_clocks(merchant, ticket, now)
    ticket.status, ticket.solved_at, ticket.snoozed_until = Status.SOLVED, now, None
    ticket.waiting_since, ticket.unread = None, False
    ticket.save()
    _announce(events.TICKET_SOLVED, ticket)
    return ticket


@transaction.atomic
def ticket_reopen(*, merchant: Merchant, ticket: Ticket) -> Ticket:
    """Ours again, from solved, pending or snoozed."""
    ticket = _locked(ticket)
    if ticket.status == Status.OPEN:
        return ticket
    was = ticket.status
    ticket.status, ticket.solved_at, ticket.snoozed_until = Status.OPEN, None, None
    if was == Status.SOLVED:
        ticket.resolve_seconds_left = ticket.resolve_due_at = None
    resume_clocks(merchant, ticket, timezone.now())
    ticket.save()
    _announce(events.TICKET_REOPENED, ticket)
    return ticket


@transaction.atomic
def ticket_snooze(*, merchant: Merchant, ticket: Ticket, until: datetime) -> Ticket:
    """Out of sight until that instant or the customer's next word. Raises Rejected for the past."""
    now = timezone.now()
    if until <= now:
        raise Rejected(_("Choose a time that is still to come."), code="past")
    ticket = _locked(ticket)
    stop_clocks(merchant, ticket, now)
    ticket.status, ticket.snoozed_until, ticket.solved_at = Status.SNOOZED, until, None
    ticket.save()
    _announce(events.TICKET_SNOOZED, ticket, {"until": exact_text(until)})
    return ticket


@transaction.atomic
def ticket_wake(*, merchant: Merchant, ticket: Ticket) -> bool:
    """True when a snoozed ticket's time had come and it is open again. For the sweeper."""
    ticket = _locked(ticket)
    if ticket.status != Status.SNOOZED or not ticket.snoozed_until or ticket.snoozed_until > timezone.now():
        return False
    ticket.status, ticket.snoozed_until, ticket.unread = Status.OPEN, None, True
    resume_clocks(merchant, ticket, timezone.now())
    ticket.save()
    _announce(events.TICKET_REOPENED, ticket)
    return True


@transaction.atomic
def ticket_assign(
    *, ticket: Ticket, assignee: Membership | None, why: dict[str, str] | None = None
) -> Ticket:
    """Whose it is. `why` is what the event tells (crm/accounts/why.py). Raises Rejected for somebody who
    can't answer tickets here."""
    ticket = _locked(ticket)
    if assignee is not None:
        fits = assignee.merchant_id == ticket.merchant_id and assignee.is_active
        if not fits or not assignee.can("tickets.answer"):
            raise Rejected(_("This person can't answer tickets."), code="bad_assignee")
    if ticket.assignee_id == _pk(assignee):
        return ticket
    ticket.assignee = assignee
    ticket.save(update_fields=["assignee", "updated_at"])
    name = str(assignee.user) if assignee else _("nobody")
    facts: dict[str, Any] = {"assignee": name, "assignee_id": _pk(assignee)}
    _announce(events.TICKET_ASSIGNED, ticket, facts | ({"why": why} if why else {}))
    return ticket


def _pk(row: Model | None) -> int | None:
    return int(row.pk) if row is not None else None


@transaction.atomic
def ticket_prioritise(*, merchant: Merchant, ticket: Ticket, priority: str, author: Membership) -> Ticket:
    """Another priority, set by hand; its promised times follow."""
    if priority not in Priority.values:
        raise Rejected(_("Choose a priority."), code="bad_priority")
    ticket = _locked(ticket)
    if ticket.priority == priority:
        return ticket
    ticket.priority = priority
    ticket.priority_reasons = [{"code": "by_hand", "name": str(author.user)}]
    retime(merchant, ticket)
    ticket.save()
    label = str(Priority(priority).label)
    _announce(events.TICKET_CHANGED, ticket, {"changes": _("priority %(name)s") % {"name": label}})
    return ticket


def ticket_seen(*, ticket: Ticket) -> None:
    """Somebody of ours has looked."""
    Ticket.objects.filter(pk=ticket.pk, unread=True).update(unread=False)


def draft_save(*, ticket: Ticket, author: Membership, text: str, kind: str) -> None:
    """Keeps what is typed; nothing typed is nothing kept."""
    kept = text.strip()
    mine = Draft.objects.filter(ticket=ticket, author=author)
    if not kept:
        mine.delete()
        return
    kind = kind if kind in (Kind.OUTBOUND, Kind.NOTE) else Kind.OUTBOUND
    Draft.objects.update_or_create(
        merchant_id=ticket.merchant_id,
        ticket=ticket,
        author=author,
        defaults={"text": text[:50_000], "kind": kind},
    )
