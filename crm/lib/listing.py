"""A list page's address: search, filters as chips, order, cursor. The address is the list's whole state."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar
from urllib.parse import urlencode

from django.db.models import Model, QuerySet
from django.http import QueryDict
from django.utils.dateparse import parse_date
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from crm.lib.errors import Rejected
from crm.lib.ui import formats
from crm.lib.ui.parts import Chip

M = TypeVar("M", bound=Model)
Text = str | Promise
Choices = Iterable[tuple[str, Text]]
SEARCH, AFTER, SORT = "q", "after", "sort"
LONGEST_SEARCH = 200
LONGEST_KEPT = 1_000
MOST_DIGITS = 15


@dataclass(frozen=True)
class Filter:
    """One narrowing that the address may carry as `?name=value`.

    `choices` is asked only when the filter is on or its form is drawn; None makes a field for a date,
    a number or, with `kind="text"`, for words. A value that is not among the choices, no date or no
    number, is as if absent.
    """

    name: str
    label: Text
    apply: Callable[[QuerySet[Any], str], QuerySet[Any]]
    choices: Callable[[], Choices] | None = None
    kind: str = "select"  # select | date | number | text
    chip: Callable[[str], Text] | None = None
    # What a value means that is not among the choices, None for nothing: where only the usual ones are
    # offered.
    rare: Callable[[str], Text | None] | None = None

    def label_of(self, value: str) -> Text | None:
        """What the value means, None when it means nothing."""
        if self.choices is not None:
            label = next((label for known, label in self.choices() if known == value), None)
            return self.rare(value) if label is None and self.rare else label
        if self.kind == "date":
            day = parse_day(value)
            return formats.day_text(day) if day else None
        if self.kind == "number":
            number = parse_number(value)
            return None if number is None else formats.number_text(number)
        return value[:LONGEST_SEARCH]


@dataclass(frozen=True)
class FilterField:
    """A filter as the form draws it."""

    name: str
    label: Text
    kind: str
    value: str
    choices: list[tuple[str, Text]]


@dataclass(frozen=True)
class Listing:
    """What the request asks of a list; made by `read`."""

    path: str
    filters: Sequence[Filter]
    search: str = ""
    sort: str = ""
    after: str = ""
    on: dict[str, str] = field(default_factory=dict)
    labels: dict[str, Text] = field(default_factory=dict)
    sorts: Sequence[tuple[str, Text]] = ()
    # What the address carries along beside filters and order: the columns shown, the saved view.
    kept: dict[str, str] = field(default_factory=dict)
    # Names in the address that say nothing to this list, or say it in a value without meaning.
    ignored: tuple[str, ...] = ()

    def exactly(self) -> Listing:
        """The list, for work on everyone it finds: there a filter that fell away would mean everybody. Raises
        Rejected (code "unknown_filter") when the address asks for something that the list doesn't know."""
        if self.ignored:
            text = _("The list doesn't know (any more) what this asks for: %(names)s. Open it again.")
            raise Rejected(text % {"names": ", ".join(self.ignored)}, code="unknown_filter")
        return self

    def narrow(self, queryset: QuerySet[M]) -> QuerySet[M]:
        """The rows that every filter lets through."""
        for one in self.filters:
            if one.name in self.on:
                queryset = one.apply(queryset, self.on[one.name])
        return queryset

    @property
    def is_narrowed(self) -> bool:
        return bool(self.on or self.search)

    @property
    def query(self) -> str:
        """The state without the cursor, as it stands after the question mark."""
        return self._query()

    @property
    def chips(self) -> list[Chip]:
        shown = []
        for one in self.filters:
            if one.name in self.on:
                value = self.on[one.name]
                known = {"filter": one.label, "value": self.labels[one.name]}
                label = one.chip(value) if one.chip else _("%(filter)s: %(value)s") % known
                shown.append(Chip(label, self.url(**{one.name: ""})))
        return shown

    @property
    def clear(self) -> str:
        """The address without filters; the words of the search stay."""
        return self.url(**dict.fromkeys(self.on, ""))

    @property
    def hidden(self) -> list[tuple[str, str]]:
        """What the search field's form carries along."""
        return [*self.on.items(), *([(SORT, self.sort)] if self.sort else []), *self.kept.items()]

    @property
    def fields(self) -> list[FilterField]:
        return [self._field(one) for one in self.filters]

    def _field(self, one: Filter) -> FilterField:
        value = self.on.get(one.name, "")
        choices = list(one.choices() if one.choices else ())
        if one.rare and value and value not in dict(choices):
            choices.append((value, self.labels[one.name]))
        return FilterField(one.name, one.label, one.kind, value, choices)

    @property
    def sort_links(self) -> list[tuple[Text, str, bool]]:
        """(label, address, whether it is the current one); the default order needs no parameter."""
        default = self.sorts[0][0] if self.sorts else ""
        return [
            (label, self.url(**{SORT: "" if name == default else name}), name == (self.sort or default))
            for name, label in self.sorts
        ]

    def more(self, after: str) -> str:
        """The address of the next rows, "" when there are none."""
        return self.url(**{AFTER: after}) if after else ""

    def url(self, **changed: str) -> str:
        """This list with some of its state changed; "" takes a part away."""
        query = self._query(**changed)
        return f"{self.path}?{query}" if query else self.path

    def _query(self, **changed: str) -> str:
        state = {SEARCH: self.search, SORT: self.sort, **self.on, **self.kept, **changed}
        return urlencode({name: value for name, value in state.items() if value})


def read(
    parameters: QueryDict,
    path: str,
    filters: Sequence[Filter],
    sorts: Sequence[tuple[str, Text]] = (),
    keep: Sequence[str] = (),
) -> Listing:
    """What the address asks for; what it doesn't know is left out, and named in `ignored`. The first sort is
    the default; `keep` names what is carried along, several values of a name with commas between."""
    on, labels = {}, {}
    for one in filters:
        value = parameters.get(one.name, "").strip()
        label = one.label_of(value) if value else None
        if label is not None:
            on[one.name], labels[one.name] = value, label
    sort = parameters.get(SORT, "")
    known = [name for name, _label in sorts]
    said = {name for name, texts in parameters.lists() if any(text.strip() for text in texts)}
    return Listing(
        path=path,
        filters=filters,
        search=parameters.get(SEARCH, "").strip()[:LONGEST_SEARCH],
        sort=sort if sort in known[1:] else "",
        after=parameters.get(AFTER, ""),
        on=on,
        labels=labels,
        sorts=sorts,
        ignored=tuple(sorted(said - {SEARCH, SORT, AFTER, *keep, *on})),
        kept={
            name: text[:LONGEST_KEPT]
            for name in keep
            if (text := ",".join(one for one in parameters.getlist(name) if one))
        },
    )


def parse_day(value: str) -> date | None:
    try:
        return parse_date(value)
    except ValueError:  # 2026-02-31
        return None


def parse_number(value: str) -> Decimal | None:
    """The number, None when it is none or longer than anybody types."""
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    return (
        number
        if number.is_finite() and len(value) <= MOST_DIGITS + 2 and abs(number.adjusted()) <= MOST_DIGITS
        else None
    )


def count_text(number: int, exact: bool) -> str:
    """`1,204`, or `about 120,000` where the planner's estimate stands in."""
    shown = formats.number_text(number)
    return shown if exact else _("about %(number)s") % {"number": shown}
