"""What an app adds so that a list of its can be had as a file. It fills this from its `exporters.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from crm.accounts.models import Membership, Merchant
from crm.accounts.permissions import Role
from crm.lib.errors import Rejected
from crm.lib.exporting import Row
from crm.lib.ids import row_id
from crm.lib.listing import Listing

from .models import Export

Text = str | Promise
# Rows that the database hands over at a time: what is held in memory of an export of any size.
CHUNK = 2_000


@dataclass(frozen=True)
class Ask:
    """Which rows somebody wants. `membership` is None for an API key, which sees the whole shop."""

    merchant: Merchant
    membership: Membership | None = None
    query: str = ""
    ids: tuple[int, ...] = ()

    @property
    def parameters(self) -> QueryDict:
        return QueryDict(self.query)

    @property
    def viewer(self) -> Membership:
        """Whose eyes the list is read with; for a key nobody's in particular, who sees everything."""
        return self.membership or Membership(
            merchant=self.merchant, role=Role.OWNER, visibility=Membership.Visibility.ALL
        )

    def number(self, name: str) -> int:
        """The id in the query under that name, 0 without one."""
        return row_id(self.parameters.get(name, "")) or 0

    def ticked(self, rows: QuerySet[Any], column: str = "pk") -> QuerySet[Any]:
        """The ticked rows among them; all when none was ticked."""
        return rows.filter(**{f"{column}__in": self.ids}) if self.ids else rows


@dataclass(frozen=True)
class Column:
    """A column of the file. `name` is stable English, so that a file can be imported again in any language.

    `path` leads to the value (`metrics__net`); `kind` is its type in Parquet: text, integer, amount, instant,
    day or flag. `mask` hides the value from who may not see personal data.
    """

    name: str
    path: str
    kind: str = "text"
    mask: Callable[[str], str] | None = None


@dataclass(frozen=True)
class Extra:
    """Columns that a merchant made: `path` leads to the value that holds them all, `cells` takes them from
    it, masked unless `whole`."""

    path: str
    columns: Sequence[Column]
    cells: Callable[[Any, bool], Sequence[Any]]


@dataclass(frozen=True)
class Exporter:
    """One kind of list. The functions run inside the merchant's scope.

    `needs` is the permission to see the list, `scope` what a key must be allowed to read. `select` gives the
    rows that the asker sees, as the list narrows them; it raises NotFound for a list that isn't theirs.
    `words` are the filters as a person reads them. `order` ends with a unique column.
    """

    key: str
    label: Text
    icon: str
    needs: str
    scope: str
    columns: Sequence[Column]
    select: Callable[[Ask], QuerySet[Any]]
    words: Callable[[Ask], list[str]]
    order: tuple[str, ...]

    extra: Callable[[], Extra] | None = None
    # Each row of the list as a vCard, without what somebody is reached by unless `whole`; None for a list
    # that isn't of people.
    cards: Callable[[QuerySet[Any], bool], Iterator[str]] | None = None

    def formats(self) -> list[tuple[str, Text]]:
        """(value, label) of the files that the list can become."""
        return [(one.value, one.label) for one in Export.Format if one != Export.Format.VCF or self.cards]

    def written(self, rows: QuerySet[Any], *, format: str, whole: bool) -> tuple[list[Column], Iterator[Row]]:
        """`table`, or for an address book one column of cards."""
        if format != Export.Format.VCF or self.cards is None:
            return self.table(rows, whole=whole)
        texts = self.cards(rows.order_by(*self.order), whole)
        return [Column("card", "")], ([one] for one in texts)

    def table(self, rows: QuerySet[Any], *, whole: bool) -> tuple[list[Column], Iterator[Row]]:
        """The columns, and each row's values in their order, streamed by a server-side cursor."""
        extra = self.extra() if self.extra else None
        paths = [column.path for column in self.columns] + ([extra.path] if extra else [])
        found = rows.order_by(*self.order).values_list(*paths).iterator(chunk_size=CHUNK)
        masks = [
            (place, column.mask) for place, column in enumerate(self.columns) if column.mask and not whole
        ]
        cells: Iterator[Row] = (_masked(row, masks) for row in found) if masks else iter(found)
        if extra is None:
            return list(self.columns), cells
        more = extra
        return (
            [*self.columns, *more.columns],
            ([*row[:-1], *more.cells(row[-1], whole)] for row in cells),
        )


def _masked(row: Sequence[Any], masks: list[tuple[int, Callable[[str], str]]]) -> Row:
    cells = list(row)
    for place, mask in masks:
        cells[place] = mask(cells[place] or "")
    return cells


def listing_words(listing: Listing) -> list[str]:
    """The list's search and filters, as its chips say them."""
    searched = [_("Search: %(words)s") % {"words": listing.search}] if listing.search else []
    return [*searched, *(str(chip.label) for chip in listing.chips)]


KINDS: tuple[tuple[type[models.Field[Any, Any]], str], ...] = (
    (models.BooleanField, "flag"),
    (models.DecimalField, "amount"),
    (models.IntegerField, "integer"),
    (models.DateTimeField, "instant"),
    (models.DateField, "day"),
)


def columns_of(
    model: type[models.Model], names: Sequence[tuple[str, str]], masks: dict[str, Callable[[str], str]]
) -> tuple[Column, ...]:
    """Columns of (name, path), their types read from the model; `masks` by the column's name."""
    return tuple(Column(name, path, _kind(model, path), masks.get(name)) for name, path in names)


def _kind(model: Any, path: str) -> str:
    field: Any = None
    for part in path.split("__"):
        field = model._meta.pk if part == "pk" else model._meta.get_field(part)
        model = field.related_model
    if field.is_relation:
        return "integer"
    return next((kind for known, kind in KINDS if isinstance(field, known)), "text")


_exporters: dict[str, Exporter] = {}


def register(exporter: Exporter) -> Exporter:
    if exporter.key in _exporters:
        raise ValueError(f"exporter {exporter.key} is registered twice")
    _exporters[exporter.key] = exporter
    return exporter


def exporter_for(kind: str) -> Exporter:
    """Raises Rejected for a kind that no app has."""
    found = _exporters.get(kind)
    if found is None:
        raise Rejected(code="unknown_kind", fields={"kind": [", ".join(sorted(_exporters))]})
    return found


def label_of(kind: str) -> str:
    """The list's name in the active language; the bare kind when its app is gone."""
    found = _exporters.get(kind)
    return str(found.label) if found else kind


def kinds() -> list[str]:
    return sorted(_exporters)
