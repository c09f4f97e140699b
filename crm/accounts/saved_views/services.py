"""Making, changing, sharing and ordering saved views."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from crm.accounts import events
from crm.accounts.models import Membership, Merchant, Team
from crm.accounts.saved_views.models import DefaultView, SavedView
from crm.accounts.saved_views.registry import LISTS
from crm.accounts.saved_views.selectors import views_seen
from crm.events.emitting import emit
from crm.lib.errors import Forbidden, Rejected, Text

Audience = SavedView.Audience
# Tabs that a person can overlook; and rows that a list reads on each page.
MOST_VIEWS = 100
LONGEST_QUERY = 2_000
# Of the moment, not of the view.
LEFT_OUT = ("after", "view")


@transaction.atomic
def view_create(
    *,
    merchant: Merchant,
    member: Membership | None,
    list_key: str,
    name: str,
    query: str,
    audience: str = Audience.OWN,
    team: Team | None = None,
) -> SavedView:
    """A new view behind the others. `member` is whose it is; without one (by API) it is shared.

    Raises Rejected for an unknown list, no name, or too many; Forbidden when the member may not share.
    """
    if list_key not in LISTS:
        raise _fault("list", _("There is no list “%(key)s”.") % {"key": list_key[:40]})
    mine = SavedView.objects.filter(list_key=list_key)
    if mine.count() >= MOST_VIEWS:
        raise Rejected(
            _("This list has %(most)s views already.") % {"most": MOST_VIEWS}, code="too_many_views"
        )
    last = mine.aggregate(last=Max("position"))["last"] or 0
    view = SavedView(merchant=merchant, list_key=list_key, owner=member, position=last + 1)
    _set(view, member, {"name": name, "query": query, "audience": audience, "team": team})
    view.save()
    _announce(view, "created")
    return view


@transaction.atomic
def view_change(*, view: SavedView, member: Membership | None, changes: Mapping[str, Any]) -> None:
    """Name, query, audience or team. Raises Forbidden for somebody else's view that the member may not
    change."""
    check_may_change(view, member)
    _set(view, member, changes)
    view.save(update_fields=["name", "query", "audience", "team", "updated_at"])
    _announce(view, "changed")


@transaction.atomic
def view_delete(*, view: SavedView, member: Membership | None) -> None:
    check_may_change(view, member)
    _announce(view, "deleted")
    view.delete()


@transaction.atomic
def view_move(*, view: SavedView, member: Membership, back: bool) -> None:
    """One place towards the beginning or the end among those that the member sees."""
    check_may_change(view, member)
    seen = list(views_seen(member, view.list_key))
    at = [one.pk for one in seen].index(view.pk)
    to = at - 1 if back else at + 1
    if 0 <= to < len(seen):
        seen[at], seen[to] = seen[to], seen[at]
        for position, one in enumerate(seen, start=1):
            one.position = position
        SavedView.objects.bulk_update(seen, ["position"])


@transaction.atomic
def view_default_set(*, member: Membership, list_key: str, view: SavedView | None) -> None:
    """The view that this member's list opens with; None: all rows."""
    rows = DefaultView.objects.filter(member=member, list_key=list_key)
    if view is None:
        rows.delete()
        return
    DefaultView.objects.update_or_create(
        merchant_id=view.merchant_id, member=member, list_key=list_key, defaults={"view": view}
    )


def check_may_change(view: SavedView, member: Membership | None) -> None:
    """A member's own, or a shared one when they may share. Programs change shared ones only."""
    if member is None:
        if view.audience == Audience.OWN:
            raise Forbidden()
        return
    is_own = view.owner_id == member.pk
    if not is_own and (view.audience == Audience.OWN or not member.can("views.share")):
        raise Forbidden(
            _("Only %(name)s can change this view.") % {"name": view.owner.user if view.owner else "–"}
        )


def _set(view: SavedView, member: Membership | None, values: Mapping[str, Any]) -> None:
    if "name" in values:
        view.name = " ".join(str(values["name"]).split())
        if not view.name or len(view.name) > 60:
            raise _fault("name", _("Give the view a name of at most 60 letters."))
    if "query" in values:
        view.query = clean_query(values["query"])
    if "audience" in values or "team" in values:
        audience = values.get("audience", view.audience)
        team = values.get("team", view.team)
        if audience not in Audience.values:
            raise _fault("audience", _("Choose who sees it."))
        if audience == Audience.TEAM and team is None:
            raise _fault("team", _("Choose a team."))
        changed = (audience, team) != (view.audience, view.team)
        if member is None and audience == Audience.OWN:
            raise _fault("audience", _("A view that a program makes is shared."))
        if member is not None and changed and audience != Audience.OWN and not member.can("views.share"):
            raise Forbidden(_("You can keep views for yourself; sharing takes the permission “views.share”."))
        view.audience, view.team = audience, team if audience == Audience.TEAM else None


def clean_query(query: str) -> str:
    """The address's state in one order, without what belongs to the moment. Raises Rejected when too long."""
    try:
        pairs = parse_qsl(query.lstrip("?"), max_num_fields=200)
    except ValueError as error:
        raise _fault("query", _("This view has too many filters.")) from error
    kept = urlencode([(name, value) for name, value in pairs if name not in LEFT_OUT and value])
    if len(kept) > LONGEST_QUERY or "\x00" in kept or "%00" in kept:
        raise _fault("query", _("This view has too many filters."))
    return kept


def _fault(name: str, message: Text) -> Rejected:
    return Rejected(message, code="bad_view", fields={name: [message]})


def _announce(view: SavedView, what: str) -> None:
    if view.audience == Audience.OWN:
        return  # nobody else's business
    emit(
        events.VIEW_SHARED,
        merchant=view.merchant_id,
        subject=view,
        data={"name": view.name, "list": view.list_key, "what": what, "audience": view.audience},
    )
