"""The filters, orders and tabs of the company list, in the words of the address."""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from crm.accounts.models import Membership
from crm.lib.listing import Choices, Filter, Listing, read
from crm.lib.ui.parts import Tab
from crm.lib.ui.places import country_name
from customers.filters import members
from customers.models import Company

SORTS = (
    ("name", gettext_lazy("By name")),
    ("recent", gettext_lazy("Newest first")),
    ("changed", gettext_lazy("Changed last")),
)
ORDER = {
    "name": ("name", "pk"),
    "recent": ("-created_at", "-pk"),
    "changed": ("-updated_at", "-pk"),
}
MOST_FACETS = 200
Rows = QuerySet[Any]


def listing_of(parameters: QueryDict, path: str, membership: Membership) -> Listing:
    return read(parameters, path, filters_for(membership), SORTS)


def filters_for(membership: Membership) -> list[Filter]:
    return [
        Filter("kind", _("Kind"), lambda rows, kind: rows.filter(kind=kind), lambda: Company.Kind.choices),
        Filter("country", _("Country"), lambda rows, code: rows.filter(country=code), lambda: _countries()),
        Filter(
            "group", _("Price group"), lambda rows, name: rows.filter(price_group=name), lambda: _groups()
        ),
        Filter("tag", _("Tag"), lambda rows, tag: rows.filter(tags__contains=[tag]), kind="text"),
        Filter(
            "owner",
            pgettext("who looks after a customer", "Owner"),
            lambda rows, value: _owned(rows, value, membership),
            lambda: _owners(),
        ),
        Filter("place", _("In the tree"), _placed, _place_choices),
        Filter("terms", _("Terms"), _on_terms, _term_choices),
        Filter(
            "archived",
            _("Archive"),
            lambda rows, _value: rows,
            lambda: [("yes", _("archived only"))],
        ),
    ]


def tabs_of(listing: Listing) -> list[Tab]:
    views: list[tuple[str, dict[str, str]]] = [
        (_("All"), {}),
        (_("Mine"), {"owner": "me"}),
        (_("Distributors"), {"kind": "distributor"}),
        (_("Suppliers"), {"kind": "supplier"}),
        (_("Archived"), {"archived": "yes"}),
    ]
    blank = dict.fromkeys(listing.on, "")
    return [Tab(label, listing.url(**(blank | on)), listing.on == on) for label, on in views]


# --- choices ------------------------------------------------------------------------------------------------


def _countries() -> Choices:
    return [(code, country_name(code)) for code in _values("country")]


def _groups() -> Choices:
    return [(name, name) for name in price_groups()]


def price_groups() -> list[str]:
    """Those in use, alphabetical, at most 200."""
    return _values("price_group")


def _values(column: str) -> list[str]:
    rows = Company.objects.exclude(**{column: ""}).order_by(column)
    return list(rows.values_list(column, flat=True).distinct()[:MOST_FACETS])


def _owners() -> Choices:
    return [("me", _("Me")), ("none", _("Nobody")), *((str(one.pk), str(one.user)) for one in members())]


def _place_choices() -> Choices:
    return [("top", _("at the top")), ("below", _("below another")), ("above", _("with others below"))]


def _term_choices() -> Choices:
    return [("credit", _("has a credit limit")), ("none", _("no credit limit"))]


# --- narrowing ----------------------------------------------------------------------------------------------


def _owned(rows: Rows, value: str, membership: Membership) -> Rows:
    if value == "none":
        return rows.filter(owner__isnull=True)
    return rows.filter(owner_id=membership.pk if value == "me" else int(value))


def _placed(rows: Rows, value: str) -> Rows:
    if value == "above":
        below = Company.objects.active().filter(merchant=OuterRef("merchant"), parent=OuterRef("pk"))
        return rows.filter(Exists(below))
    return rows.filter(parent__isnull=value == "top")


def _on_terms(rows: Rows, value: str) -> Rows:
    if value == "credit":
        return rows.filter(credit_limit__isnull=False)
    return rows.filter(credit_limit__isnull=True)
