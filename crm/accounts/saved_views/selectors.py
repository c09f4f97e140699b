"""Which views a member has on a list, as tabs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from django.db.models import Q, QuerySet
from django.http import QueryDict

from crm.accounts.models import Membership
from crm.accounts.saved_views.models import DefaultView, SavedView
from crm.lib.listing import Listing
from crm.lib.once import once
from crm.lib.ui.parts import Tab

Audience = SavedView.Audience
# In the address: the id of the view that the list was opened with, or NONE for the list as it is.
PARAMETER, NONE = "view", "none"


def views_seen(membership: Membership, list_key: str) -> QuerySet[SavedView]:
    """The member's own, their team's and everybody's, in their order."""
    shared = Q(audience=Audience.ALL) | Q(owner=membership)
    if membership.team_id:
        shared |= Q(audience=Audience.TEAM, team=membership.team_id)
    rows: QuerySet[SavedView] = SavedView.objects.filter(shared, list_key=list_key)
    return rows.select_related("owner__user", "team").order_by("position", "pk")


@dataclass(frozen=True)
class Views:
    """The views of a list as its page needs them. `current` is the one it was opened with; `is_changed`
    tells that the list was narrowed further since."""

    list_key: str
    rows: Sequence[SavedView]
    current: SavedView | None
    is_changed: bool
    default_id: int | None
    may_change: bool

    @property
    def is_default(self) -> bool:
        return self.current is not None and self.current.pk == self.default_id


def views_of(membership: Membership, listing: Listing, list_key: str) -> Views:
    """Two queries."""
    rows = _rows(membership, list_key)
    asked = listing.kept.get(PARAMETER, "")
    current = next((one for one in rows if str(one.pk) == asked), None)
    state = listing.url(**{PARAMETER: ""}).partition("?")[2]
    may = current is not None and (
        current.owner_id == membership.pk
        or (current.audience != Audience.OWN and membership.can("views.share"))
    )
    default_id = _default_id(membership, list_key)
    return Views(
        list_key,
        rows,
        current,
        current is not None and not same_state(state, current.query),
        default_id if any(one.pk == default_id for one in rows) else None,
        may,
    )


def _rows(membership: Membership, list_key: str) -> list[SavedView]:
    return once(("views", membership.pk, list_key), lambda: list(views_seen(membership, list_key)))


def _default_id(membership: Membership, list_key: str) -> int | None:
    chosen = DefaultView.objects.filter(member=membership, list_key=list_key)
    return once(
        ("default view", membership.pk, list_key), lambda: chosen.values_list("view_id", flat=True).first()
    )


def same_state(one: str, other: str) -> bool:
    """Whether two addresses ask for the same, in whatever order."""
    return sorted(QueryDict(one).lists()) == sorted(QueryDict(other).lists())


def tabs_with(views: Views, fixed: Iterable[Tab], listing: Listing) -> list[Tab]:
    """The list's own tabs, then the saved ones. The tab of the bare list says so where another one is the
    default."""
    own = [
        replace(tab, current=tab.current and views.current is None, href=_explicit(tab.href, views))
        for tab in fixed
    ]
    return own + [Tab(one.name, address_of(one, listing.path), one == views.current) for one in views.rows]


def _explicit(href: str, views: Views) -> str:
    if views.default_id is None or "?" in href:
        return href
    return f"{href}?{PARAMETER}={NONE}"


def address_of(view: SavedView, path: str) -> str:
    return f"{path}?{view.query}{'&' if view.query else ''}{PARAMETER}={view.pk}"


def default_address(membership: Membership, list_key: str, path: str) -> str:
    """Where the bare list leads this member; "" when it stays. Two queries, the same that `views_of` asks."""
    default_id = _default_id(membership, list_key)
    view = next((one for one in _rows(membership, list_key) if one.pk == default_id), None)
    return address_of(view, path) if view else ""
