"""Segment conditions over what is counted of a customer: worth, scores, and what they do with mail."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from customers.models import Customer
from customers.segmenting import (
    COMPARE,
    IS,
    OPERATORS,
    Build,
    Condition,
    Option,
    Params,
    Row,
    Scope,
    add_condition,
    choice_field,
    days_field,
    number_field,
    one_of,
    some_field,
)

WORTH, ENGAGEMENT = _("Worth"), _("Mail")


def tiers() -> list[Option]:
    names = Customer.objects.exclude(metrics__tier="").values_list("metrics__tier", flat=True).distinct()
    return [Option(name, name) for name in sorted(names[:50])]


def _bins(params: Params, scope: Scope) -> Row:
    column = {"r": "recency_bin", "f": "frequency_bin", "m": "monetary_bin"}[params["bin"]]
    low, high = sorted((int(params["low"]), int(params["high"])))
    return Row(f"m.{column} BETWEEN %s AND %s", (low, high))


def _compare(column: str) -> Build:
    def build(params: Params, scope: Scope) -> Row:
        return Row(f"m.{column} {OPERATORS[params['compare']]} %s", (params["value"],))

    return build


def _recently(column: str) -> Build:
    def build(params: Params, scope: Scope) -> Row:
        row = Row(f"m.{column} >= %s", (scope.days_ago(params["days"]),))
        return row.negated() if params["did"] == "not" else row

    return build


def register() -> None:
    """Called by customers/conditions.py, which is found at start."""
    did = choice_field("did", _("Comparison"), (("did", _("have")), ("not", _("have not"))))
    for condition in (
        Condition(
            "customers.points",
            WORTH,
            _("Points"),
            _("who have {compare} {value} points"),
            _compare("points"),
            (COMPARE, number_field("value", _("Points"), 100)),
        ),
        Condition(
            "customers.tier",
            WORTH,
            _("Tier"),
            _("whose tier {is} {values}"),
            one_of("m.tier"),
            (IS, some_field(tiers)),
        ),
        Condition(
            "customers.score",
            WORTH,
            _("Score"),
            _("whose score is {compare} {value}"),
            _compare("score"),
            (COMPARE, number_field("value", _("Score"), 70, maximum=100)),
        ),
        Condition(
            "customers.rfm",
            WORTH,
            _("Recency, frequency, money"),
            _("whose {bin} is from {low} to {high} of 5"),
            _bins,
            (
                choice_field(
                    "bin", _("Which"), (("r", _("recency")), ("f", _("frequency")), ("m", _("money")))
                ),
                number_field("low", _("From"), 4, minimum=1, maximum=5),
                number_field("high", _("To"), 5, minimum=1, maximum=5),
            ),
        ),
        Condition(
            "customers.opened",
            ENGAGEMENT,
            _("Opened mail"),
            _("who {did} opened a mail in the last {days} days"),
            _recently("last_opened_at"),
            (did, days_field(_("Days"), 30)),
        ),
        Condition(
            "customers.clicked",
            ENGAGEMENT,
            _("Clicked in mail"),
            _("who {did} clicked in a mail in the last {days} days"),
            _recently("last_clicked_at"),
            (did, days_field(_("Days"), 30)),
        ),
        Condition(
            "customers.mailed",
            ENGAGEMENT,
            _("Got mail"),
            _("who {did} got a mail in the last {days} days"),
            _recently("last_sent_at"),
            (did, days_field(_("Days"), 7)),
        ),
    ):
        add_condition(condition)
