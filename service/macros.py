"""Ready answers: places such as {{customer.name}} are filled with facts, as plain text."""

from __future__ import annotations

import re
from collections.abc import Callable

from django.db.models import F
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.accounts.models import Membership
from crm.events.types import Text
from crm.lib.ui.formats import day_text, money_text
from service.models import Macro, Ticket

PLACE = re.compile(r"\{\{\s*([a-z_]+\.[a-z_]+)\s*\}\}")

Fill = Callable[[Ticket, Membership], str]


def _given_name(ticket: Ticket, _member: Membership) -> str:
    customer = ticket.customer
    return (customer.given_name if customer else "") or ticket.person_name


def _tracking(ticket: Ticket, _member: Membership) -> str:
    if ticket.order is None:
        return ""
    parcel = ticket.order.shipments.order_by("-created_at", "-id").first()
    return (parcel.tracking_url or parcel.tracking_number) if parcel else ""


def _promised(ticket: Ticket, _member: Membership) -> str:
    promised = ticket.order.promised_on if ticket.order else None
    return day_text(promised) if promised else ""


def _total(ticket: Ticket, _member: Membership) -> str:
    order = ticket.order
    return money_text(order.total, order.currency) if order else ""


# place: (what it is, how it is found)
PLACES: dict[str, tuple[Text, Fill]] = {
    "customer.name": (gettext_lazy("Name of the customer"), lambda ticket, _m: ticket.person_name),
    "customer.given_name": (gettext_lazy("Given name of the customer"), _given_name),
    "order.number": (
        gettext_lazy("Order number"),
        lambda ticket, _m: ticket.order.number if ticket.order else "",
    ),
    "order.total": (gettext_lazy("Total of the order"), _total),
    "order.tracking": (gettext_lazy("Tracking link or number"), _tracking),
    "order.promised": (gettext_lazy("Promised day"), _promised),
    "ticket.number": (gettext_lazy("Ticket number"), lambda ticket, _m: str(ticket.number)),
    "shop.name": (gettext_lazy("Name of the shop"), lambda ticket, _m: str(ticket.merchant.name)),
    "agent.name": (gettext_lazy("Your name"), lambda _t, member: str(member.user)),
}


def filled(text: str, *, ticket: Ticket, member: Membership) -> str:
    """The text with every known place filled; one without a fact reads […], which catches the eye."""

    def fact(match: re.Match[str]) -> str:
        place = PLACES.get(match[1])
        if place is None:
            return match[0]
        return place[1](ticket, member) or _("[…]")

    return PLACE.sub(fact, text)


def unknown_places(text: str) -> list[str]:
    """Places that nobody can fill, for the macro's form."""
    return sorted({name for name in PLACE.findall(text) if name not in PLACES})


def macro_apply(*, macro: Macro, ticket: Ticket, member: Membership) -> str:
    """The ready answer for this ticket; counts its use."""
    Macro.objects.filter(pk=macro.pk).update(used_count=F("used_count") + 1)
    return filled(macro.text, ticket=ticket, member=member)
