"""Tickets are somebody's: open ones go to another when that person leaves, new ones to whoever's turn it
is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from django.conf import settings
from django.db.models import Count, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.accounts.assignment.registry import Choices, Condition, Subject, add_subject
from crm.accounts.handover.registry import Given, Holding, Transfer, add_holding
from crm.accounts.models import Membership
from crm.events.emitting import Draft, emit_many
from crm.lib.ids import row_id
from customers.visibility import in_region
from service import events
from service.models import Ticket
from service.models.ticket import Priority


def tickets_hand_on(given: Sequence[Given], transfer: Transfer) -> None:
    """The receivers answer them from now on."""
    now = timezone.now()
    for one in given:
        one.row.assignee, one.row.updated_at = one.receiver, now
    Ticket.objects.bulk_update([one.row for one in given], ["assignee", "updated_at"])
    label = Ticket._meta.label_lower
    drafts = [
        Draft(events.TICKET_ASSIGNED, one.row.customer_id, label, one.row.pk, _facts(one, transfer))
        for one in given
    ]
    emit_many(drafts, merchant=transfer.merchant_id, backfill=transfer.large)


def _facts(one: Given, transfer: Transfer) -> dict[str, Any]:
    return {
        "number": one.row.number,
        "ticket_id": one.row.pk,
        "order_id": one.row.order_id,
        "assignee": str(one.receiver.user),
        "assignee_id": one.receiver.pk,
        "why": transfer.why,
    }


add_holding(
    Holding(
        key="tickets",
        label=_("Tickets"),
        icon="ticket",
        model=Ticket,
        column="assignee",
        needs="tickets.answer",
        held=lambda: Ticket.objects.unsolved(),
        write=tickets_hand_on,
        in_region=lambda region: in_region(region, "customer__"),
        team="customer__team_id",
        title=lambda row: f"#{row.number} {row.subject}",
        href=lambda row: reverse("ticket", args=[row.number]),
        mine=lambda member: f"{reverse('inbox')}?view=mine",
        order=30,
    )
)


# --- who gets new tickets
# -----------------------------------------------------------------------------------


def _of_choices(choices: Any) -> Callable[[], Choices]:
    return lambda: [(value, str(label)) for value, label in choices]


def _in_any_region(ticket: Ticket, regions: Sequence[str]) -> bool:
    inside = Q()
    for region in regions:
        inside |= in_region(region, "customer__")
    return bool(Ticket.objects.filter(inside, pk=ticket.pk).exists())


def _sees(ticket: Ticket, member: Membership) -> bool:
    return bool(Ticket.objects.filter(pk=ticket.pk).visible_to(member).exists())


def _load(members: Iterable[int]) -> dict[int, int]:
    """Those that wait for us; what waits for the customer is no work today."""
    rows = Ticket.objects.open().filter(assignee__in=list(members)).order_by()
    return dict(rows.values_list("assignee").annotate(n=Count("pk")))


def _find(text: str, viewer: Membership) -> Ticket | None:
    number = row_id(text.lstrip("#")) or 0
    rows = Ticket.objects.visible_to(viewer).select_related("customer")
    return rows.filter(number=number).first() if number < 2**31 else None


add_subject(
    Subject(
        key="tickets",
        label=_("Tickets"),
        one=_("new ticket"),
        icon="ticket",
        needs="tickets.answer",
        conditions=(
            Condition(
                "channel",
                _("Channel"),
                _of_choices(Ticket.Channel.choices),
                lambda row, values: row.channel in values,
            ),
            Condition(
                "cause",
                _("Cause"),
                _of_choices(Ticket.Cause.choices),
                lambda row, values: row.cause in values,
            ),
            Condition(
                "priority",
                _("Priority"),
                _of_choices(Priority.choices),
                lambda row, values: row.priority in values,
            ),
            Condition(
                "language",
                _("Language"),
                _of_choices(settings.LANGUAGES),
                lambda row, values: row.language in values,
            ),
            Condition("region", _("Customer's region"), list, _in_any_region, is_free=True),
            Condition(
                "grade",
                _("Customer's grade"),
                list,
                lambda row, values: row.customer is not None and row.customer.grade in values,
                is_free=True,
            ),
        ),
        sees=_sees,
        load=_load,
        holder=lambda row: row.assignee_id,
        find=_find,
        find_label=_("Ticket's number"),
        title=lambda row: f"#{row.number} {row.subject}",
        order=10,
    )
)
