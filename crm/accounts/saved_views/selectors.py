"""Which views a member has on a list, as tabs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from django.db.models import Q, QuerySet
from django.http import QueryDict

from crm.accounts.models import Membership
from crm.accounts.saved_views.models import DefaultView, SavedView
from crm.lib.listing import Listing
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
    rows = list(views_seen(membership, list_key))
    asked = listing.kept.get(PARAMETER, "")
    current = next((one for one in rows if str(one.pk) == asked), None)
    state = listing.url(**{PARAMETER: ""}).partition("?")[2]
    may = current is not None and (
        current.owner_id == membership.pk
        or (current.audience != Audience.OWN and membership.can("views.share"))
    )
    defaults = DefaultView.objects.filter(
        member=membership, list_key=list_key, view__in=[one.pk for one in rows]
    )
    return Views(
        list_key,
        rows,
        current,
        current is not None and not same_state(state, current.query),
        defaults.values_list("view_id", flat=True).first(),
        may,
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
    """Where the bare list leads this member; "" when it stays. One query."""
    chosen = DefaultView.objects.filter(member=membership, list_key=list_key).values_list(
        "view_id", flat=True
    )
    view = views_seen(membership, list_key).filter(pk__in=chosen).first()
    return address_of(view, path) if view else ""
