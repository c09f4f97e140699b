"""The columns of the customer list: which there are, which are shown, and what stands in each cell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext_lazy, pgettext_lazy

from crm.accounts.models import Membership
from crm.events.types import Text
from crm.lib.listing import Listing
from crm.lib.templatetags import ui
from crm.lib.ui.formats import money_text
from crm.lib.ui.places import country_name
from customers.fields.filters import PREFIX
from customers.fields.selectors import definitions
from customers.fields.showing import Names, names_for, shown
from customers.models import Customer, FieldDefinition
from customers.templatetags.customers import stage_tone

# The address's word for the columns that are shown.
PARAMETER = "columns"
# More don't fit a screen; the export has them all.
MOST_COLUMNS = 15
NOTHING = mark_safe('<span class="gx-muted">–</span>')
Figure = FieldDefinition.Type.NUMBER, FieldDefinition.Type.MONEY


@dataclass(frozen=True)
class Sight:
    """Through whose eyes the cells are shown."""

    currency: str = ""
    may_see: bool = False
    names: Names = field(default_factory=Names)


@dataclass(frozen=True)
class Column:
    """`cell` draws what a customer has there. `related` names the joins that the cell reads. `css` says how
    it folds on a phone (templates/components/README.md)."""

    key: str
    label: Text
    cell: Callable[[Customer, Sight], SafeString | str]
    is_figure: bool = False
    css: str = "gx-cell-hide"
    related: tuple[str, ...] = ()

    @property
    def classes(self) -> str:
        return " ".join(one for one in ("gx-right" if self.is_figure else "", self.css) if one)


COLUMNS: dict[str, Column] = {}
DEFAULT = ("stage", "orders", "net", "last_order", "tags", "owner")


def add_column(column: Column) -> None:
    """Upper floors add what they know of a customer, from their metrics."""
    if column.key in COLUMNS:
        raise ValueError(f"column {column.key} is there already")
    COLUMNS[column.key] = column


@dataclass(frozen=True)
class Chooser:
    """The columns that can be shown, and those that are, in order."""

    all: Sequence[Column]
    chosen: Sequence[Column]
    is_default: bool
    fields: Sequence[FieldDefinition]
    # The list with the columns of the first day.
    reset: str = ""

    @property
    def span(self) -> int:
        """Of a row that goes through: the box to tick and the name come before."""
        return len(self.chosen) + 2

    @property
    def related(self) -> list[str]:
        return sorted({name for one in self.chosen for name in one.related})

    @property
    def options(self) -> list[tuple[Column, bool]]:
        keys = {one.key for one in self.chosen}
        return [(one, one.key in keys) for one in self.all]

    def sight(self, rows: Sequence[Customer], membership: Membership) -> Sight:
        """At most one query for each kind of reference in the columns shown."""
        keys = {one.key for one in self.chosen}
        shown_fields = [one for one in self.fields if f"{PREFIX}{one.key}" in keys]
        names = names_for(shown_fields, [row.attributes for row in rows], membership)
        return Sight(membership.merchant.base_currency, membership.can("customers.pii"), names)


def chooser_of(listing: Listing) -> Chooser:
    """What the address asks for; unknown columns are left out. One query."""
    fields = definitions()
    known: dict[str, Column] = COLUMNS | {one.key: one for one in map(_column_of, fields)}
    asked = [known[key] for key in listing.kept.get(PARAMETER, "").split(",") if key in known]
    chosen = list(dict.fromkeys(asked))[:MOST_COLUMNS]
    return Chooser(
        list(known.values()),
        chosen or [COLUMNS[key] for key in DEFAULT],
        not chosen,
        fields,
        listing.url(**{PARAMETER: ""}),
    )


def _column_of(definition: FieldDefinition) -> Column:
    def cell(customer: Customer, sight: Sight) -> str:
        text = shown(definition, customer.attributes.get(definition.key), sight.names, may_see=sight.may_see)
        return text if len(text) <= 60 else f"{text[:59]}…"

    return Column(f"{PREFIX}{definition.key}", definition.label, cell, definition.type in Figure)


# --- the columns that every shop has
# --------------------------------------------------------------------------


def _metric(name: str) -> Callable[[Customer, Sight], SafeString | str]:
    return lambda customer, sight: ui.ui_number(getattr(customer.metrics, name))


def _amount(name: str) -> Callable[[Customer, Sight], SafeString | str]:
    def cell(customer: Customer, sight: Sight) -> SafeString | str:
        metrics = customer.metrics
        if not metrics.orders_count:
            return NOTHING
        text = money_text(getattr(metrics, name), sight.currency, home=sight.currency)
        return format_html('<span class="gx-money">{}</span>', text)

    return cell


def _when(name: str) -> Callable[[Customer, Sight], SafeString | str]:
    return lambda customer, sight: ui.ui_time(getattr(customer.metrics, name))


def _plain(name: str) -> Callable[[Customer, Sight], SafeString | str]:
    return lambda customer, sight: str(getattr(customer, name) or "")


def _stage(customer: Customer, sight: Sight) -> SafeString:
    badge = _badge(str(customer.get_stage_display()), stage_tone(customer.stage))
    if customer.kind == Customer.Kind.PERSON:
        return badge
    return format_html("{} <small>{}</small>", badge, customer.get_kind_display())


@lru_cache(maxsize=64)
def _badge(label: str, tone: str) -> SafeString:
    """A list shows the same few again and again."""
    return ui.ui_badge(label, tone=tone, icon="")


def _tags(customer: Customer, sight: Sight) -> SafeString:
    drawn = format_html_join("", '<span class="gx-tag">{}</span>', ((tag,) for tag in customer.tags[:3]))
    more = len(customer.tags) - 3
    return format_html("{}<small>+{}</small>", drawn, more) if more > 0 else drawn


def _score(customer: Customer, sight: Sight) -> SafeString | str:
    return NOTHING if customer.metrics.score is None else ui.ui_number(customer.metrics.score)


def _rating(customer: Customer, sight: Sight) -> str:
    stars = customer.metrics.last_rating
    return f"{stars}★" if stars else ""


def _language(customer: Customer, sight: Sight) -> str:
    known: Mapping[str, str] = {"en": "English", "zh-hans": "简体中文", "zh-hant": "繁體中文"}
    return known.get(customer.language, customer.language)


for _made in (
    Column("stage", gettext_lazy("Stage"), _stage, css=""),
    Column("orders", gettext_lazy("Orders"), _metric("orders_count"), True),
    Column("net", gettext_lazy("Net"), _amount("net"), True, "gx-cell-figure gx-cell-last"),
    Column("last_order", gettext_lazy("Last order"), _when("last_order_at"), css=""),
    Column("tags", gettext_lazy("Tags"), _tags),
    Column(
        "owner",
        pgettext_lazy("who looks after a customer", "Owner"),
        lambda customer, sight: str(customer.owner.user) if customer.owner else "",
    ),
    Column(
        "team",
        gettext_lazy("Team"),
        lambda customer, sight: customer.team.name if customer.team else "",
        related=("team",),
    ),
    Column("kind", gettext_lazy("Kind"), lambda customer, sight: str(customer.get_kind_display())),
    Column("grade", gettext_lazy("Grade"), _plain("grade")),
    Column(
        "company",
        gettext_lazy("Company"),
        lambda customer, sight: customer.company.name if customer.company else "",
    ),
    Column(
        "country",
        gettext_lazy("Country"),
        lambda customer, sight: country_name(customer.country) if customer.country else "",
    ),
    Column("region", gettext_lazy("Region"), _plain("region")),
    Column("city", gettext_lazy("City"), _plain("city")),
    Column(
        "place",
        gettext_lazy("Region on the map"),
        lambda customer, sight: customer.located_in.name if customer.located_in else "",
        related=("located_in",),
    ),
    Column("language", gettext_lazy("Language"), _language),
    Column("gross", gettext_lazy("Gross"), _amount("gross"), True),
    Column("refunded", gettext_lazy("Refunded"), _amount("refunded"), True),
    Column("first_order", gettext_lazy("First order"), _when("first_order_at")),
    Column("points", gettext_lazy("Points"), _metric("points"), True),
    Column("tier", gettext_lazy("Tier"), lambda customer, sight: customer.metrics.tier),
    Column("score", gettext_lazy("Score"), _score, True),
    Column("rating", gettext_lazy("Last rating"), _rating),
    Column("tickets", gettext_lazy("Open tickets"), _metric("open_tickets"), True),
    Column("opened", gettext_lazy("Opened mail"), _when("last_opened_at")),
    Column("source", gettext_lazy("First seen through"), _plain("source")),
    Column("created", gettext_lazy("First seen"), lambda customer, sight: ui.ui_time(customer.created_at)),
):
    add_column(_made)
