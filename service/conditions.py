"""Segment conditions over tickets; service keeps the figures in customers.Metrics."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from customers.segmenting import (
    COMPARE,
    OPERATORS,
    Condition,
    Detail,
    Members,
    Params,
    Row,
    Scope,
    add_condition,
    choice_field,
    days_field,
    fixed_field,
    number_field,
)
from service.models import Ticket
from service.models.ticket import Priority

SERVICE = _("Service")


def _open(params: Params, scope: Scope) -> Row:
    return Row("m.open_tickets > 0" if params["has"] == "has" else "m.open_tickets = 0")


def _window(params: Params, scope: Scope) -> Members:
    """Tickets opened in the window, of the channels, priorities and kind that are named."""
    where, values = "t.opened_at >= %s", list[Any]([scope.days_ago(params["days"])])
    for name, column in (("channels", "channel"), ("priorities", "priority"), ("causes", "cause")):
        if params[name] is not None:
            where, values = f"{where} AND t.{column} = ANY(%s)", [*values, list(params[name])]
    if params["late"] is not None:
        where, values = f"{where} AND {LATE[params['late']]}", [*values, scope.now]
    table, values = Ticket._meta.db_table, [*values, params["tickets"]]
    holds = f"count(*) {OPERATORS[params['compare']]} %s"
    if params["compare"] == "min" and params["tickets"] > 0:
        return scope.members(table, where, values, tail=f"GROUP BY t.customer_id HAVING {holds}")
    # It holds for who never wrote, too: everybody but those for whom it doesn't.
    return scope.outside(
        scope.members(table, where, values, tail=f"GROUP BY t.customer_id HAVING NOT {holds}")
    )


# The first answer came after it was due, or is due and hasn't come.
LATE = {
    "late": "coalesce(t.first_responded_at, %s) > t.first_response_due_at",
    "in_time": "(coalesce(t.first_responded_at, %s) > t.first_response_due_at) IS NOT TRUE",
}


def _count(params: Params, scope: Scope) -> Row:
    return Row(f"m.tickets_count {OPERATORS[params['compare']]} %s", (params["value"],))


add_condition(
    Condition(
        "service.open_ticket",
        SERVICE,
        _("Open ticket"),
        _("who {has} open ticket"),
        _open,
        (choice_field("has", _("Comparison"), (("not", _("have no")), ("has", _("have an")))),),
    )
)
add_condition(
    Condition(
        "service.tickets",
        SERVICE,
        _("Number of tickets"),
        _("who wrote {compare} {value} tickets altogether"),
        _count,
        (
            COMPARE,
            number_field("value", _("Tickets"), 1),
        ),
    )
)


add_condition(
    Condition(
        "service.tickets_in",
        SERVICE,
        _("Tickets in a period"),
        _("who wrote {compare} {tickets} tickets in the last {days} days"),
        _window,
        (
            COMPARE,
            number_field("tickets", _("Tickets"), 1, maximum=1_000),
            days_field(_("Days"), 90),
        ),
        (
            Detail(
                "channels",
                _("by a way"),
                _("by {channels}"),
                (fixed_field("channels", _("Channels"), Ticket.Channel.choices),),
            ),
            Detail(
                "priorities",
                _("of a priority"),
                _("of the priority {priorities}"),
                (fixed_field("priorities", _("Priorities"), Priority.choices),),
            ),
            Detail(
                "causes",
                _("about"),
                _("about: {causes}"),
                (fixed_field("causes", _("About"), Ticket.Cause.choices),),
            ),
            Detail(
                "late",
                _("answered late or in time"),
                _("{late}"),
                (
                    choice_field(
                        "late",
                        _("First answer"),
                        (("late", _("first answered too late")), ("in_time", _("first answered in time"))),
                    ),
                ),
            ),
        ),
    )
)
