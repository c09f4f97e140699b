"""Segment conditions over tickets; service keeps the figures in customers.Metrics."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from customers.segmenting import Condition, Params, Row, Scope, add_condition, choice_field, number_field

SERVICE = _("Service")
OPERATORS = {"min": ">=", "max": "<="}


def _open(params: Params, scope: Scope) -> Row:
    return Row("m.open_tickets > 0" if params["has"] == "has" else "m.open_tickets = 0")


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
