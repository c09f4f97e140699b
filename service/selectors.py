"""The inbox as it is read: queues with counts, conversations with clocks, one ticket with all about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.accounts.models import Membership
from crm.accounts.permissions import TABLE
from crm.events.models import Event
from crm.events.selectors import subject_timeline
from crm.events.types import Text
from crm.lib.keyset import Page, keyset_page
from customers.models import Customer
from service import events
from service.models import Draft, Entry, Ticket
from service.querysets import TicketQuerySet

# As many rows as an agent scrolls through; more come by "load more".
LIST_SIZE = 40
# The conversation shows its latest words; a thread longer than this is a chat log.
ENTRIES_SHOWN = 200
# A closed shop's figure stops here.
COUNT_CAP = 999


@dataclass(frozen=True)
class View:
    """A queue: its name in the address, what it holds, in which order it is worked."""

    key: str
    label: Text
    icon: str
    order: tuple[str, ...]


BY_DUE = ("due_at", "id")
BY_NEWEST = ("-last_at", "-id")
VIEWS: dict[str, View] = {
    view.key: view
    for view in (
        View("mine", gettext_lazy("Mine"), "user", BY_DUE),
        View("unassigned", gettext_lazy("Unassigned"), "user-question", BY_DUE),
        View("open", gettext_lazy("All open"), "inbox", BY_DUE),
        View("pending", gettext_lazy("Waiting"), "hourglass", BY_NEWEST),
        View("snoozed", gettext_lazy("Snoozed"), "zzz", ("snoozed_until", "id")),
        View("solved", gettext_lazy("Solved"), "circle-check", BY_NEWEST),
    )
}
DEFAULT_VIEW = "open"


def in_view(tickets: TicketQuerySet, view: str, membership: Membership) -> TicketQuerySet:
    if view == "mine":
        return tickets.open().assigned_to(membership)
    if view == "unassigned":
        return tickets.open().unassigned()
    return tickets.filter(status=view)


@dataclass(frozen=True)
class Queue:
    view: View
    count: int | None
    current: bool


def queues(membership: Membership, current: str) -> list[Queue]:
    """Each view with its count; solved ones aren't counted. One query over the unsolved."""
    seen = Ticket.objects.unsolved().visible_to(membership)
    counts = seen.aggregate(
        mine=Count("pk", filter=Q(status="open", assignee=membership)),
        unassigned=Count("pk", filter=Q(status="open", assignee__isnull=True)),
        open=Count("pk", filter=Q(status="open")),
        pending=Count("pk", filter=Q(status="pending")),
        snoozed=Count("pk", filter=Q(status="snoozed")),
    )
    return [Queue(view, counts.get(key), key == current) for key, view in VIEWS.items()]


@dataclass(frozen=True)
class Wait:
    """The clock as a bar that shrinks: `left` of 100, a tone, and the same in words."""

    left: int
    tone: str
    text: str


def wait_of(ticket: Ticket, now: datetime) -> Wait | None:
    """How long the ticket may still wait for us; None when it isn't our turn."""
    if ticket.status != Ticket.Status.OPEN or ticket.due_at is None:
        return None
    start = ticket.waiting_since or ticket.opened_at
    whole = max((ticket.due_at - start).total_seconds(), 1)
    left = (ticket.due_at - now).total_seconds()
    share = max(0, min(100, round(100 * left / whole)))
    if left < 0:
        return Wait(0, "bad", _("%(time)s over") % {"time": _length(-left)})
    tone = "warn" if share < 25 else "good"
    return Wait(max(share, 2), tone, _("%(time)s left") % {"time": _length(left)})


def _length(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 60:
        return _("%(n)s min") % {"n": max(minutes, 1)}
    hours = round(seconds / 3600)
    if hours < 48:
        return _("%(n)s h") % {"n": hours}
    return _("%(n)s days") % {"n": round(seconds / 86400)}


@dataclass(frozen=True)
class Row:
    ticket: Ticket
    wait: Wait | None
    current: bool


@dataclass(frozen=True)
class Conversations:
    rows: list[Row]
    after: str


def conversations(
    membership: Membership, *, view: str, search: str = "", after: str = "", current: int | None = None
) -> Conversations:
    """One page of a queue, or of a search through everything visible. One query."""
    seen = Ticket.objects.visible_to(membership).select_related("customer", "order", "assignee__user")
    if search:
        chosen, order = seen.about(search), VIEWS["solved"].order
    else:
        chosen, order = in_view(seen, view, membership), VIEWS[view].order
    page: Page[Ticket] = keyset_page(chosen, order=order, after=after, size=LIST_SIZE)
    now = timezone.now()
    return Conversations(
        [Row(one, wait_of(one, now), one.number == current) for one in page.rows], page.after
    )


# --- one ticket --------------------------------------------------------------------------------------------

SHOWN_EVENTS = (
    events.TICKET_SOLVED.name,
    events.TICKET_REOPENED.name,
    events.TICKET_ASSIGNED.name,
    events.TICKET_SNOOZED.name,
    events.TICKET_CHANGED.name,
)


@dataclass(frozen=True)
class Line:
    """An entry, or a quiet line that says what was done."""

    at: datetime
    entry: Entry | None = None
    event: Event | None = None
    actor: str = ""


@dataclass(frozen=True)
class Thread:
    lines: list[Line]
    last_entry_id: int


def thread_of(ticket: Ticket, *, public: bool = False) -> Thread:
    """The conversation, oldest first; `public` leaves out notes and what staff did. At most three queries."""
    said = Entry.objects.filter(ticket=ticket).select_related("author__user", "mail")
    if public:
        said = said.exclude(kind=Entry.Kind.NOTE)
    entries = list(said.order_by("-created_at", "-id")[:ENTRIES_SHOWN])
    lines = [Line(entry.created_at, entry=entry) for entry in entries]
    if not public:
        lines += _done(ticket)
    lines.sort(key=lambda line: (line.at, line.entry.pk if line.entry else 0))
    return Thread(lines, max((entry.pk for entry in entries), default=0))


def _done(ticket: Ticket) -> list[Line]:
    everything = subject_timeline(subject_type="service.ticket", subject_id=ticket.pk)
    log = list(everything.filter(name__in=SHOWN_EVENTS))
    names = _names({event.actor for event in log})
    return [Line(event.occurred_at, event=event, actor=names.get(event.actor, "")) for event in log]


def _names(actors: set[str]) -> dict[str, str]:
    ids = {int(actor.partition(":")[2]) for actor in actors if actor.startswith("user:")}
    members = Membership.objects.filter(user_id__in=ids).select_related("user") if ids else []
    return {f"user:{member.user_id}": str(member.user) for member in members}


@dataclass(frozen=True)
class Beside:
    """Who is writing and what it is about."""

    customer: Customer | None
    figures: Any
    order: Any
    returns: list[Any]
    others: list[Ticket]


def beside(ticket: Ticket) -> Beside:
    """The customer with their figures, the order, its returns, their other tickets. At most four queries."""
    customer, order = ticket.customer, ticket.order
    figures = getattr(customer, "metrics", None) if customer else None
    others = []
    if customer is not None:
        mine = Ticket.objects.filter(customer=customer).exclude(pk=ticket.pk)
        others = list(mine.order_by("-last_at", "-id")[:5])
    returns = list(order.returns.order_by("-requested_at")) if order is not None else []
    return Beside(customer, figures, order, returns, others)


def answering_members(merchant_id: int) -> QuerySet[Membership]:
    """Who can be given a ticket, by name."""
    roles = [role.value for role in TABLE["tickets.answer"][1]]
    members = Membership.objects.filter(merchant_id=merchant_id, is_active=True, role__in=roles)
    return members.select_related("user").order_by("user__name", "user__email")


def draft_of(ticket: Ticket, membership: Membership) -> Draft | None:
    return Draft.objects.filter(ticket=ticket, author=membership).first()
