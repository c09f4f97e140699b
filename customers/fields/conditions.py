"""A segment condition for each custom field, made from its key alone: "customers.field:<type>:<key>".

The type stands in the key, so that compiling a stored segment asks nothing of the definitions; when a field
becomes another type, its old condition finds nobody until staff choose the new one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from typing import Any

from django.utils.functional import Promise, lazystr
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.accounts.models import Membership
from crm.events.types import Text
from crm.lib.tenancy import scoped_merchant_id
from crm.lib.ui.places import country_choices
from customers.fields.filters import numeric_sql
from customers.fields.selectors import definitions
from customers.models import FieldDefinition
from customers.segmenting import (
    COMPARE,
    IS,
    MOST_DAYS,
    OPERATORS,
    Build,
    Condition,
    ConditionSource,
    Field,
    Members,
    Option,
    Params,
    Row,
    Scope,
    add_condition_source,
    choice_field,
)

Type = FieldDefinition.Type
PREFIX = "customers.field:"
KEY = re.compile(rf"{re.escape(PREFIX)}(?P<type>[a-z_]{{1,8}}):(?P<key>[a-z][a-z0-9_]{{0,39}})")
GROUP = gettext_lazy("Your own fields")
WORDS = (Type.TEXT, Type.LONG, Type.EMAIL, Type.PHONE, Type.URL)
FIGURES = (Type.NUMBER, Type.MONEY)
DAYS = (Type.DATE, Type.INSTANT)
LISTED = (Type.CHOICE, Type.CHOICES, Type.COUNTRY, Type.MEMBER)


@dataclass(frozen=True)
class _Named:
    """A field by its key; its label and list are read when somebody looks at them."""

    type: str
    key: str
    subject: str = FieldDefinition.Subject.CUSTOMER

    @property
    def definition(self) -> FieldDefinition | None:
        rows = FieldDefinition.objects.filter(applies_to=self.subject)
        found: FieldDefinition | None = rows.filter(key=self.key).first()
        return found

    def label(self) -> str:
        found = self.definition
        # Braces would be read as inputs of the sentence.
        return re.sub(r"[{}]", "", found.label) if found else _("(no longer there)")

    def options(self) -> list[Option]:
        if self.type == Type.COUNTRY:
            return [Option(code, name) for code, name in country_choices()]
        if self.type == Type.MEMBER:
            working = Membership.objects.filter(merchant_id=scoped_merchant_id(), is_active=True)
            return [
                Option(str(one.pk), str(one.user)) for one in working.select_related("user").order_by("pk")
            ]
        found = self.definition
        return [Option(value, label) for value, label in found.labels.items()] if found else []

    def search(self, query: str, values: Sequence[str]) -> list[Option]:
        if values:
            labels = {one.value: one for one in self.options()}
            return [labels.get(value, Option(value, value)) for value in values]
        folded = query.casefold()
        return [one for one in self.options() if folded in str(one.label).casefold()][:30]


class _Later:
    """A text that is asked for when it is shown, in the reader's language."""

    def __init__(self, named: _Named, phrase: Promise | None = None) -> None:
        self.named, self.phrase = named, phrase

    def __str__(self) -> str:
        label = self.named.label()
        return label if self.phrase is None else str(self.phrase).replace("[field]", label)


def condition_from(key: str) -> Condition | None:
    """The condition that the key names, None when it names none. No queries."""
    found = KEY.fullmatch(key)
    if found is None or found["type"] not in Type.values:
        return None
    named = _Named(found["type"], found["key"])
    phrase, fields, build = _shape(named)
    return Condition(key, GROUP, lazystr(_Later(named)), lazystr(_Later(named, phrase)), build, fields)


def key_for(definition: FieldDefinition) -> str:
    return f"{PREFIX}{definition.type}:{definition.key}"


def _offered() -> list[Condition]:
    return [one for field in definitions() if (one := condition_from(key_for(field))) is not None]


SAYS = choice_field(
    "says",
    gettext_lazy("Comparison"),
    (
        ("is", gettext_lazy("is")),
        ("has", gettext_lazy("contains")),
        ("not", gettext_lazy("does not contain")),
    ),
)
WHEN = choice_field(
    "when",
    gettext_lazy("Comparison"),
    (
        ("last", gettext_lazy("in the last")),
        ("before", gettext_lazy("longer ago than")),
        ("next", gettext_lazy("in the next")),
    ),
)
ANSWER = choice_field(
    "answer",
    gettext_lazy("Answer"),
    (("yes", gettext_lazy("yes")), ("no", gettext_lazy("no")), ("none", gettext_lazy("not known"))),
)
FILLED = choice_field(
    "filled", gettext_lazy("Comparison"), (("yes", gettext_lazy("filled in")), ("no", gettext_lazy("empty")))
)


def _shape(named: _Named) -> tuple[Promise, tuple[Field, ...], Build]:
    """(sentence, inputs, how it compiles)"""
    kind = named.type
    if kind in LISTED:
        values = Field("values", "search", gettext_lazy("Values"), [], search=named.search)
        return gettext_lazy("whose [field] {is} {values}"), (IS, values), _listed(named)
    if kind in FIGURES:
        value = Field("value", "money", gettext_lazy("Value"), 1, -(10**15), 10**15)
        if kind == Type.NUMBER:
            value = Field("value", "number", gettext_lazy("Value"), 1, -(10**15), 10**15)
        return gettext_lazy("whose [field] is {compare} {value}"), (COMPARE, value), _figure(named)
    if kind in DAYS:
        days = Field("days", "number", gettext_lazy("Days"), 30, 1, MOST_DAYS)
        return gettext_lazy("whose [field] is {when} {days} days"), (WHEN, days), _day(named)
    if kind in WORDS:
        text = Field("text", "text", gettext_lazy("Text"), "", maximum=200)
        return gettext_lazy("whose [field] {says} {text}"), (SAYS, text), _words(named)
    if kind == Type.YES_NO:
        return gettext_lazy("whose [field] is {answer}"), (ANSWER,), _answer(named)
    return gettext_lazy("whose [field] is {filled}"), (FILLED,), _filled(named)


def _listed(named: _Named) -> Build:
    def build(params: Params, scope: Scope) -> Row | Members:
        wrapped: list[Any] = list(params["values"])
        if named.type == Type.MEMBER:
            wrapped = [int(one) for one in wrapped if one.isdigit()]
        elif named.type == Type.CHOICES:
            wrapped = [[one] for one in wrapped]
        wanted = [json.dumps({named.key: one}) for one in wrapped]
        row = Row("c.attributes @> ANY(%s::jsonb[])", (wanted,), "c")
        return row.negated() if params["is"] == "not" else row

    return build


def _figure(named: _Named) -> Build:
    def build(params: Params, scope: Scope) -> Row | Members:
        return Row(
            numeric_sql(OPERATORS[params["compare"]], "c"), (named.key, named.key, params["value"]), "c"
        )

    return build


def _day(named: _Named) -> Build:
    def border(day: date, scope: Scope) -> str:
        if named.type == Type.DATE:
            return day.isoformat()
        return scope.midnight(day).astimezone(UTC).isoformat().replace("+00:00", "Z")

    def build(params: Params, scope: Scope) -> Row | Members:
        today = scope.now.astimezone(scope.merchant.zone).date()
        days = timedelta(days=params["days"])
        column = "c.attributes ->> %s"
        if params["when"] == "before":
            return Row(f"{column} < %s", (named.key, border(today - days, scope)), "c")
        first, last = (today - days, today) if params["when"] == "last" else (today, today + days)
        bounds = (named.key, border(first, scope), named.key, border(last + timedelta(days=1), scope))
        return Row(f"({column} >= %s AND {column} < %s)", bounds, "c")

    return build


def _words(named: _Named) -> Build:
    def build(params: Params, scope: Scope) -> Row | Members:
        if params["says"] == "is":
            return Row("lower(c.attributes ->> %s) = lower(%s)", (named.key, params["text"]), "c")
        row = Row("strpos(lower(c.attributes ->> %s), lower(%s)) > 0", (named.key, params["text"]), "c")
        return row.negated() if params["says"] == "not" else row

    return build


def _answer(named: _Named) -> Build:
    def build(params: Params, scope: Scope) -> Row | Members:
        if params["answer"] == "none":
            return Row("jsonb_exists(c.attributes, %s)", (named.key,), "c").negated()
        wanted = json.dumps({named.key: params["answer"] == "yes"})
        return Row("c.attributes @> %s::jsonb", (wanted,), "c")

    return build


def _filled(named: _Named) -> Build:
    def build(params: Params, scope: Scope) -> Row | Members:
        row = Row("jsonb_exists(c.attributes, %s)", (named.key,), "c")
        return row.negated() if params["filled"] == "no" else row

    return build


# --- fields of companies ------------------------------------------------------------------------------------

COMPANY_PREFIX = "companies.field:"
COMPANY_KEY = re.compile(
    rf"{re.escape(COMPANY_PREFIX)}(?P<type>[a-z_]{{1,8}}):(?P<key>[a-z][a-z0-9_]{{0,39}})"
)


def company_source(group: Text, of_company: Callable[[Row, Scope], Members]) -> ConditionSource:
    """The same over the fields of companies, "companies.field:<type>:<key>": `of_company` makes a set of
    customers from the predicate on the company's attributes."""

    def find(key: str) -> Condition | None:
        found = COMPANY_KEY.fullmatch(key)
        if found is None or found["type"] not in Type.values:
            return None
        named = _Named(found["type"], found["key"], FieldDefinition.Subject.COMPANY)
        _phrase, fields, inner = _shape(named)
        said = lazystr(_Later(named, _company_phrase(named)))

        def build(params: Params, scope: Scope) -> Members:
            made = inner(params, scope)
            assert isinstance(made, Row)  # fields are predicates on one row
            return of_company(made, scope)

        return Condition(key, group, lazystr(_Later(named)), said, build, fields)

    def offered() -> list[Condition]:
        fields = definitions(FieldDefinition.Subject.COMPANY)
        keys = [f"{COMPANY_PREFIX}{one.type}:{one.key}" for one in fields]
        return [one for key in keys if (one := find(key)) is not None]

    return ConditionSource(COMPANY_PREFIX, find, offered)


def _company_phrase(named: _Named) -> Promise:
    kind = named.type
    if kind in LISTED:
        return gettext_lazy("whose company's [field] {is} {values}")
    if kind in FIGURES:
        return gettext_lazy("whose company's [field] is {compare} {value}")
    if kind in DAYS:
        return gettext_lazy("whose company's [field] is {when} {days} days")
    if kind in WORDS:
        return gettext_lazy("whose company's [field] {says} {text}")
    if kind == Type.YES_NO:
        return gettext_lazy("whose company's [field] is {answer}")
    return gettext_lazy("whose company's [field] is {filled}")


def register() -> None:
    add_condition_source(ConditionSource(PREFIX, condition_from, _offered))
