"""The registry of segment conditions, and what a condition is made of.

It lies on the customers floor so that every app above can declare conditions over its own data in its
`conditions.py`; marketing/segments only combines them. A condition is a sentence with inputs in it: the
builder shows `phrase` with a control at each `{field}`, and the plain sentence is the same phrase with
values.

A condition compiles to one of two things, never to a subquery per customer (../shared/SCALE.md measured why):
a `Row`, a predicate on the customer (`c`) or their metrics (`m`), or `Members`, an independent set of ids.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from crm.accounts.models import Membership, Merchant
from crm.events.types import Text

Params = Mapping[str, Any]

# A list of values in one rule; more belongs into a tag or an import.
MOST_VALUES = 100
# Ten years: windows beyond it mean "ever".
MOST_DAYS = 3_650
# Options in a list that is shown whole, and in one that is searched while typing.
LONGEST_LIST, HITS = 200, 30


@dataclass(frozen=True)
class Row:
    """A predicate on one row. `uses` names the tables it reads: "c" customers_customer, "m"
    customers_metrics."""

    text: str
    params: tuple[Any, ...] = ()
    uses: str = "m"

    def negated(self) -> Row:
        """Unknown counts as not satisfied, so its opposite as satisfied."""
        return Row(f"({self.text}) IS NOT TRUE", self.params, self.uses)


@dataclass(frozen=True)
class Members:
    """A whole SELECT of customer ids (one column `customer_id`), independent of any outer row."""

    text: str
    params: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Scope:
    """Whose customers, seen when. `customer_ids` narrows to the touched ones; None means everybody.

    `inside` lists the segments that are being compiled around this one, so that a circle is seen.
    """

    merchant: Merchant
    now: datetime = field(default_factory=timezone.now)
    customer_ids: tuple[int, ...] | None = None
    inside: tuple[int, ...] = ()

    @property
    def merchant_id(self) -> int:
        return int(self.merchant.pk)

    def days_ago(self, days: int) -> datetime:
        """Midnight in the shop's time zone, that many days before today."""
        today = self.now.astimezone(self.merchant.zone).date()
        return self.midnight(today - timedelta(days=days))

    def midnight(self, day: date) -> datetime:
        return datetime.combine(day, time.min, tzinfo=self.merchant.zone)

    def among(self, column: str) -> Row:
        """` AND column = ANY(…)` for the touched customers, nothing for everybody."""
        if self.customer_ids is None:
            return Row("")
        return Row(f" AND {column} = ANY(%s::bigint[])", (list(self.customer_ids),))

    def members(self, table: str, where: str, params: Sequence[Any] = (), *, tail: str = "") -> Members:
        """`SELECT customer_id FROM table t`, bound to the merchant and the scope's customers.

        The merchant is passed with its exact type, or the composite indexes would not be used.
        """
        among = self.among("t.customer_id")
        text = (
            f"SELECT t.customer_id FROM {table} t WHERE t.merchant_id = %s::bigint"
            f" AND t.customer_id IS NOT NULL{among.text} AND {where} {tail}"
        )
        before_tail = where.count("%s")
        head, rest = tuple(params[:before_tail]), tuple(params[before_tail:])
        return Members(text.rstrip(), (self.merchant_id, *among.params, *head, *rest))

    def outside(self, found: Members) -> Members:
        """Everybody of the scope who is not in the set."""
        among = self.among("m.customer_id")
        text = (
            f"SELECT m.customer_id FROM customers_metrics m WHERE m.merchant_id = %s::bigint{among.text}"
            f" AND NOT EXISTS (SELECT 1 FROM ({found.text}) x WHERE x.customer_id = m.customer_id)"
        )
        return Members(text, (self.merchant_id, *among.params, *found.params))

    def around(self, segment_id: int) -> Scope:
        """The scope for compiling a segment that this one refers to."""
        return replace(self, inside=(*self.inside, segment_id))


Build = Callable[[Params, Scope], Row | Members]


@dataclass(frozen=True)
class Option:
    value: str
    label: Text


# (query, values) → options: those matching the query, or those of exactly these values for their labels.
Search = Callable[[str, Sequence[str]], list[Option]]
SearchSeen = Callable[[str, Sequence[str], Membership], list[Option]]


@dataclass(frozen=True)
class Field:
    """One input of a condition.

    `kind`: "number", "money", "percent", "text", "date", "choice" (one of `options`), "choices" (some of
    them) or "search" (some of what `search` finds while typing). Options that depend on the shop are a
    function.
    """

    name: str
    kind: str
    label: Text
    default: Any = None
    minimum: int = 0
    maximum: int = 1_000_000_000
    options: Sequence[Option] | Callable[[], Sequence[Option]] = ()
    search: Search | None = None
    # The values are ids of rows.
    numeric: bool = False
    # The same as `search` where a member may not see all of it.
    search_seen: SearchSeen | None = None

    def choices(self) -> list[Option]:
        found = self.options() if callable(self.options) else self.options
        return list(found)

    def labels(self, values: Sequence[str], membership: Membership | None) -> dict[str, str]:
        """Value → label, for programs (None) of everything; what the member may not see has no name for them,
        and what is gone is missing."""
        options = self.search("", values) if self.search else self.choices()
        labels = {option.value: str(option.label) for option in options}
        if membership is None or self.search_seen is None:
            return labels
        seen = {option.value for option in self.search_seen("", values, membership)}
        return labels | {value: gettext("(a colleague's own)") for value in labels.keys() - seen}


@dataclass(frozen=True)
class Detail:
    """More that a condition may say, "and worth at least 100 altogether": all of its fields or none. `clause`
    follows the phrase; the names of all fields of a condition differ."""

    name: str
    label: Text
    clause: Text
    fields: tuple[Field, ...]

    def is_said(self, params: Params) -> bool:
        return params.get(self.fields[0].name) is not None


@dataclass(frozen=True)
class Condition:
    """`key` is "<app>.<fact>" and is stored in definitions: it never changes its meaning. The fields of a
    detail that isn't said are None in the params that `build` gets."""

    key: str
    group: Text
    label: Text
    phrase: Text
    build: Build
    fields: tuple[Field, ...] = ()
    details: tuple[Detail, ...] = ()

    @property
    def all_fields(self) -> tuple[Field, ...]:
        return (*self.fields, *(one for detail in self.details for one in detail.fields))


CONDITIONS: dict[str, Condition] = {}


def add_condition(condition: Condition) -> None:
    if condition.key in CONDITIONS:
        raise ValueError(f"condition {condition.key} is registered twice")
    CONDITIONS[condition.key] = condition


@dataclass(frozen=True)
class ConditionSource:
    """Conditions that the shop makes itself: one for each of its fields, say. Their keys begin with `prefix`.

    `find` makes the condition from the key alone (no queries: labels and options are read when shown), or
    answers None for a key that says nothing; `offered` lists what the scope's shop has now.
    """

    prefix: str
    find: Callable[[str], Condition | None]
    offered: Callable[[], list[Condition]]


SOURCES: list[ConditionSource] = []


def add_condition_source(source: ConditionSource) -> None:
    SOURCES.append(source)


def condition_of(key: str, *, stored: bool = False) -> Condition | None:
    """The condition of that key. Unless the definition is `stored`, the shop must have it now."""
    known = CONDITIONS.get(key)
    if known is not None:
        return known
    for source in SOURCES:
        if key.startswith(source.prefix):
            found = source.find(key)
            if found is None or stored or any(one.key == key for one in source.offered()):
                return found
    return None


def conditions_offered() -> list[Condition]:
    """Every condition that the scope's shop can use; one query for each source."""
    return [*CONDITIONS.values(), *(one for source in SOURCES for one in source.offered())]


# --- fields that many conditions share -------------------------------------------------------------------


def number_field(
    name: str, label: Text, default: int, *, minimum: int = 0, maximum: int = 1_000_000
) -> Field:
    return Field(name, "number", label, default, minimum, maximum)


def days_field(label: Text, default: int = 90, *, name: str = "days") -> Field:
    return Field(name, "number", label, default, 1, MOST_DAYS)


def choice_field(name: str, label: Text, options: Sequence[tuple[str, Text]]) -> Field:
    """One of a fixed few; the first is the default."""
    made = [Option(value, text) for value, text in options]
    return Field(name, "choice", label, made[0].value, options=made)


def options_in_use(
    rows: QuerySet[Any], column: str, *, containing: str = "", most: int = LONGEST_LIST
) -> list[Option]:
    """The values of a text column that these rows have, alphabetical."""
    found = rows.exclude(**{column: ""})
    if containing:
        found = found.filter(**{f"{column}__icontains": containing})
    values = found.order_by(column).values_list(column, flat=True).distinct()[:most]
    return [Option(value, value) for value in values]


def one_of(column: str) -> Build:
    """The column of `c` or `m` is, or is not (`IS`), one of the values; an unknown one is "is not"."""

    def build(params: Params, scope: Scope) -> Row:
        row = Row(f"{column} = ANY(%s)", (list(params["values"]),), column[0])
        return row.negated() if params["is"] == "not" else row

    return build


def some_field(options: Callable[[], Sequence[Option]]) -> Field:
    """Some of what the shop has now."""
    return Field("values", "choices", _("Values"), [], options=options)


def fixed_field(name: str, label: Text, options: Sequence[tuple[str, Text]]) -> Field:
    """Some of a fixed few."""
    return Field(name, "choices", label, [], options=[Option(value, text) for value, text in options])


# What the value of a comparison says in SQL.
OPERATORS = {"min": ">=", "max": "<="}


def compare_field(name: str = "compare") -> Field:
    return choice_field(name, _("Comparison"), (("min", _("at least")), ("max", _("at most"))))


COMPARE = compare_field()
IS = choice_field("is", _("Comparison"), (("is", _("is")), ("not", _("is not"))))
