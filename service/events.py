"""What is announced about tickets. No words of anybody travel in an event."""

from django.utils.translation import gettext_lazy as _

from crm.accounts.why import why_text
from crm.events.types import EventType

TICKET_OPENED = EventType(
    "service.ticket_opened",
    _("Ticket opened"),
    _("Ticket #%(number)s “%(subject)s” by %(channel)s"),
    icon="message-plus",
    scope="tickets.read",
    portal=True,
    keys=("number", "subject", "channel"),
)
TICKET_ANSWERED = EventType(
    "service.ticket_answered",
    _("Ticket answered"),
    _("Ticket #%(number)s answered"),
    icon="message-reply",
    tone="good",
    scope="tickets.read",
    portal=True,
    keys=("number",),
)
CUSTOMER_REPLIED = EventType(
    "service.customer_replied",
    _("Customer wrote"),
    _("Wrote again about ticket #%(number)s"),
    icon="message",
    scope="tickets.read",
    portal=True,
    keys=("number",),
)
TICKET_SOLVED = EventType(
    "service.ticket_solved",
    _("Ticket solved"),
    _("Ticket #%(number)s solved"),
    icon="circle-check",
    tone="good",
    scope="tickets.read",
    portal=True,
    keys=("number",),
)
TICKET_REOPENED = EventType(
    "service.ticket_reopened",
    _("Ticket reopened"),
    _("Ticket #%(number)s opened again"),
    icon="rotate",
    tone="warn",
    scope="tickets.read",
    keys=("number",),
)
TICKET_ASSIGNED = EventType(
    "service.ticket_assigned",
    _("Ticket assigned"),
    _("Ticket #%(number)s assigned to %(assignee)s%(why)s"),
    icon="user-check",
    scope="tickets.read",
    on_timeline=False,
    keys=("number", "assignee"),
    optional=("why",),
    words={"why": why_text},
)
TICKET_SNOOZED = EventType(
    "service.ticket_snoozed",
    _("Ticket snoozed"),
    _("Ticket #%(number)s snoozed until %(until)s"),
    icon="zzz",
    scope="tickets.read",
    on_timeline=False,
    keys=("number", "until"),
)
TICKET_NOTED = EventType(
    "service.ticket_noted",
    _("Note on a ticket"),
    _("Note on ticket #%(number)s"),
    icon="note",
    scope="tickets.read",
    on_timeline=False,
    keys=("number",),
)
TICKET_CHANGED = EventType(
    "service.ticket_changed",
    _("Ticket changed"),
    _("Ticket #%(number)s changed: %(changes)s"),
    icon="edit",
    scope="tickets.read",
    on_timeline=False,
    keys=("number", "changes"),
)
