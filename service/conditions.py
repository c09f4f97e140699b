"""Segment conditions over tickets; service keeps the figures in customers.Metrics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext_lazy as _

from customers.segmenting import (
    Condition,
    Detail,
    Field,
    Members,
    Option,
    Params,
    Row,
    Scope,
    add_condition,
    choice_field,
    days_field,
    number_field,
)
from service.models import Ticket
from service.models.ticket import Priority

SERVICE = _("Service")
OPERATORS = {"min": ">=", "max": "<="}


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
    if params["compare"] == "min":
        tail = "GROUP BY t.customer_id HAVING count(*) >= %s"
        return scope.members(Ticket._meta.db_table, where, [*values, params["tickets"]], tail=tail)
    # "At most" holds for who never wrote, too: everybody but those with more.
    tail = "GROUP BY t.customer_id HAVING count(*) > %s"
    more = scope.members(Ticket._meta.db_table, where, [*values, params["tickets"]], tail=tail)
    among = scope.among("m.customer_id")
    return Members(
        f"SELECT m.customer_id FROM customers_metrics m WHERE m.merchant_id = %s::bigint{among.text}"
        f" AND NOT EXISTS (SELECT 1 FROM ({more.text}) x WHERE x.customer_id = m.customer_id)",
        (scope.merchant_id, *among.params, *more.params),
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
            choice_field("compare", _("Comparison"), (("min", _("at least")), ("max", _("at most")))),
            number_field("value", _("Tickets"), 1),
        ),
    )
)


def _fixed(name: str, label: Any, pairs: Sequence[tuple[str, Any]]) -> tuple[Field, ...]:
    return (Field(name, "choices", label, [], options=[Option(value, text) for value, text in pairs]),)


add_condition(
    Condition(
        "service.tickets_in",
        SERVICE,
        _("Tickets in a period"),
        _("who wrote {compare} {tickets} tickets in the last {days} days"),
        _window,
        (
            choice_field("compare", _("Comparison"), (("min", _("at least")), ("max", _("at most")))),
            number_field("tickets", _("Tickets"), 1, maximum=1_000),
            days_field(_("Days"), 90),
        ),
        (
            Detail(
                "channels",
                _("by a way"),
                _("by {channels}"),
                _fixed("channels", _("Channels"), Ticket.Channel.choices),
            ),
            Detail(
                "priorities",
                _("of a priority"),
                _("of the priority {priorities}"),
                _fixed("priorities", _("Priorities"), Priority.choices),
            ),
            Detail(
                "causes", _("about"), _("about: {causes}"), _fixed("causes", _("About"), Ticket.Cause.choices)
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
