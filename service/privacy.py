"""Conversations after an erasure: that somebody asked and how fast it was answered stays, the words go."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import ngettext

from crm.lib.privacy import Person, add_concern, add_eraser, harmless, personal
from service.models import Draft, Entry, Ticket

SHOWN = "—"


def find(person: Person) -> None:
    """Their tickets, and a stranger's tickets from one of their addresses."""
    strangers = Q(customer__isnull=True) & (
        Q(contact_email__in=person.emails) | (~Q(contact_phone="") & Q(contact_phone__in=person.phones))
    )
    tickets = Ticket.objects.filter(Q(customer_id__in=person.customer_ids) | strangers)
    for ticket in tickets.only("contact_name", "contact_email", "contact_phone").iterator():
        person.goes_by(ticket.contact_name, ticket.contact_email, ticket.contact_phone)
        person.owns("service.ticket", [ticket.pk])
    entries = Entry.objects.filter(ticket_id__in=person.ids("service.ticket"))
    for pk, mail_id in entries.values_list("pk", "mail_id"):
        person.owns("service.entry", [pk])
        if mail_id:
            person.owns("integrations.outboundmail", [mail_id])


def wipe(person: Person) -> int:
    tickets, entries = person.ids("service.ticket"), person.ids("service.entry")
    changed: int = Entry.objects.filter(pk__in=entries).update(
        text=SHOWN, html="", quoted="", message_id="", dedupe_key=None
    )
    # Colleagues' names stay beside what they did.
    Entry.objects.filter(pk__in=entries, author__isnull=True).update(author_name="")
    Ticket.objects.filter(pk__in=tickets).update(
        subject=SHOWN,
        preview="",
        contact_name="",
        contact_email="",
        contact_phone="",
        priority_reasons=[],
        updated_at=timezone.now(),
    )
    Draft.objects.filter(ticket_id__in=tickets).delete()
    return changed


def concerns(customer_id: int) -> Iterator[str]:
    if count := Ticket.objects.filter(customer_id=customer_id, status__in=Ticket.UNSOLVED).count():
        yield ngettext("%(count)s ticket isn't solved.", "%(count)s tickets aren't solved.", count) % {
            "count": count
        }


add_concern(concerns)
add_eraser("service", find=find, wipe=wipe)
personal(
    "service.ticket",
    *("subject", "preview", "contact_name", "contact_email", "contact_phone", "priority_reasons"),
)
harmless("service.ticket", "language", why="the language of the answer")
personal("service.entry", "text", "html", "quoted", "author_name", "message_id", "dedupe_key")
personal("service.draft", "text")
harmless("service.macro", "name", "text", why="the shop's ready answers")
harmless(
    "service.servicesettings",
    *("vip_tiers", "reply_address", "mailbox_host", "mailbox_user", "mailbox_secret", "mailbox_state"),
    why="the shop's own mailbox",
)
harmless("service.businesshours", "days", "holidays", why="the shop's own")
