"""The count beside "Inbox", and tickets in the palette."""

from __future__ import annotations

from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from crm.accounts.models import Membership
from crm.accounts.navigation import badge
from crm.accounts.search import Hit, finder
from service.models import Ticket

# Beyond this the figure says nothing more; counting stops.
MOST = 999


@badge("inbox")
def waiting_tickets(membership: Membership) -> int:
    """Open tickets that are the member's or nobody's."""
    if not membership.can("tickets.view"):
        return 0
    mine = (
        Ticket.objects.open().visible_to(membership).filter(Q(assignee=membership) | Q(assignee__isnull=True))
    )
    return mine.order_by()[:MOST].count()


@finder(label=_("Tickets"), icon="ticket", needs="tickets.view")
def find_tickets(membership: Membership, query: str, limit: int) -> list[Hit]:
    found = (
        Ticket.objects.visible_to(membership)
        .about(query)
        .select_related("customer")
        .order_by("-last_at", "-id")[:limit]
    )
    return [
        Hit(f"#{ticket.number} {ticket.subject}", reverse("ticket", args=[ticket.number]), ticket.person_name)
        for ticket in found
    ]
