"""Segment conditions over who looks after a customer, where they come from, and their next birthday."""

from __future__ import annotations

from datetime import date, timedelta

from django.utils.translation import gettext_lazy as _

from crm.accounts.models import Team
from customers.models import Customer
from customers.segmenting import (
    IS,
    Condition,
    Field,
    Option,
    Params,
    Row,
    Scope,
    add_condition,
    one_of,
    options_in_use,
    some_field,
)

PROFILE = _("Profile")
NONE = "0"
# A year of days says every birthday.
MOST_DAYS_AHEAD = 365


def teams() -> list[Option]:
    found = Team.objects.order_by("name").values_list("pk", "name")
    return [Option(NONE, _("none")), *(Option(str(pk), name) for pk, name in found)]


def _team(params: Params, scope: Scope) -> Row:
    ids = [int(value) for value in params["values"] if value != NONE]
    none = " OR c.team_id IS NULL" if NONE in params["values"] else ""
    row = Row(f"(c.team_id = ANY(%s::bigint[]){none})", (ids,), "c")
    return row.negated() if params["is"] == "not" else row


def birthdays(today: date, days: int) -> list[int]:
    """The birthdays from today to so many days ahead as month × 100 + day. Who was born on 29 February has
    theirs on the 28th in a year without a 29th."""
    found = [today + timedelta(days=ahead) for ahead in range(days + 1)]
    marks = {day.month * 100 + day.day for day in found}
    marks |= {229 for day in found if (day.month, day.day) == (2, 28) and (day + timedelta(days=1)).day == 1}
    return sorted(marks)


def _birthday_soon(params: Params, scope: Scope) -> Row:
    today = scope.now.astimezone(scope.merchant.zone).date()
    text = "extract(month FROM c.birthday_on) * 100 + extract(day FROM c.birthday_on) = ANY(%s)"
    return Row(text, (birthdays(today, params["days"]),), "c")


def register() -> None:
    """Called by customers/conditions.py, which is found at start."""
    for condition in (
        Condition(
            "customers.team",
            PROFILE,
            _("Team"),
            _("whose team {is} {values}"),
            _team,
            (IS, some_field(teams)),
        ),
        Condition(
            "customers.grade",
            PROFILE,
            _("Grade"),
            _("whose grade {is} {values}"),
            one_of("c.grade"),
            (IS, some_field(lambda: options_in_use(Customer.objects.all(), "grade"))),
        ),
        Condition(
            "customers.source",
            PROFILE,
            _("First seen through"),
            _("whose first way to us {is} {values}"),
            one_of("c.source"),
            (IS, some_field(lambda: options_in_use(Customer.objects.all(), "source"))),
        ),
        Condition(
            "customers.birthday_soon",
            PROFILE,
            _("Birthday soon"),
            _("whose birthday is today or in the next {days} days"),
            _birthday_soon,
            (Field("days", "number", _("Days"), 7, 0, MOST_DAYS_AHEAD),),
        ),
    ):
        add_condition(condition)
