"""Saving a list as it stands, and changing what was saved."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_POST

from crm.accounts.models import Team
from crm.accounts.routes import StaffRequest
from crm.accounts.saved_views import services
from crm.accounts.saved_views.models import SavedView
from crm.accounts.saved_views.registry import LISTS, SavedList
from crm.accounts.saved_views.selectors import address_of, views_seen
from crm.lib.errors import Forbidden, NotFound, Rejected

Audience = SavedView.Audience


class ViewForm(forms.Form):
    name = forms.CharField(label=pgettext_lazy("of a thing", "Name"), max_length=60)
    audience = forms.ChoiceField(label=gettext_lazy("Who sees it"), choices=Audience.choices, required=False)
    team = forms.ModelChoiceField(
        label=gettext_lazy("Team"), queryset=Team.objects.none(), required=False, empty_label=_("No team")
    )

    def __init__(
        self, data: object, *, request: StaffRequest, initial: dict[str, object] | None = None
    ) -> None:
        super().__init__(data, initial=initial)  # type: ignore[arg-type]
        teams = self.fields["team"]
        assert isinstance(teams, forms.ModelChoiceField)
        teams.queryset = Team.objects.order_by("name")
        if not request.membership.can("views.share"):
            del self.fields["audience"], self.fields["team"]
        elif not teams.queryset.exists():
            del self.fields["team"]
            self.fields["audience"].choices = [  # type: ignore[attr-defined]
                one for one in Audience.choices if one[0] != Audience.TEAM
            ]


def view_save(request: StaffRequest, list_key: str) -> HttpResponse:
    """The side panel's form; a POST keeps the list as the address in `query` has it."""
    known = _list(request, list_key)
    form = ViewForm(request.POST or None, request=request, initial={"audience": Audience.OWN})
    if request.method == "POST" and form.is_valid():
        said = {name: value for name, value in form.cleaned_data.items() if value not in (None, "")}
        view = services.view_create(
            merchant=request.merchant,
            member=request.membership,
            list_key=list_key,
            query=request.POST.get("query", ""),
            **said,
        )
        messages.success(request, _("The view “%(name)s” is saved.") % {"name": view.name})
        return redirect(address_of(view, reverse(known.url_name)))
    query = request.POST.get("query") or request.GET.get("query", "")
    context = {"form": form, "list": known, "query": query}
    return render(request, "accounts/saved_views/_view_form.html", context)


def view_edit(request: StaffRequest, view_id: int) -> HttpResponse:
    """The side panel's form of a saved view: name, who sees it, its place."""
    view = _view(request, view_id)
    initial: dict[str, object] = {"name": view.name, "audience": view.audience, "team": view.team}
    form = ViewForm(request.POST or None, request=request, initial=initial)
    if request.method == "POST" and form.is_valid():
        services.view_change(view=view, member=request.membership, changes=form.cleaned_data)
        messages.success(request, _("Saved."))
        return _back(view)
    context = {"form": form, "view": view, "list": LISTS[view.list_key]}
    return render(request, "accounts/saved_views/_view_edit.html", context)


@require_POST
def view_act(request: StaffRequest, view_id: int) -> HttpResponse:
    """Update to the list as it stands, take as default or not, move, delete."""
    view, member = _view(request, view_id), request.membership
    action = request.POST.get("action", "")
    if action == "update":
        services.view_change(view=view, member=member, changes={"query": request.POST.get("query", "")})
        messages.success(request, _("“%(name)s” is as the list stands.") % {"name": view.name})
    elif action in ("default", "undefault"):
        chosen = view if action == "default" else None
        services.view_default_set(member=member, list_key=view.list_key, view=chosen)
        text = (
            _("The list opens with “%(name)s” for you.") if chosen else _("The list opens with everything.")
        )
        messages.success(request, text % {"name": view.name})
    elif action in ("back", "forth"):
        services.view_move(view=view, member=member, back=action == "back")
    elif action == "delete":
        services.view_delete(view=view, member=member)
        messages.success(request, _("The view “%(name)s” is deleted.") % {"name": view.name})
        return redirect(LISTS[view.list_key].url_name)
    else:
        raise Rejected(_("Choose what to do."))
    return _back(view)


def _back(view: SavedView) -> HttpResponse:
    return redirect(address_of(view, reverse(LISTS[view.list_key].url_name)))


def _list(request: StaffRequest, list_key: str) -> SavedList:
    known = LISTS.get(list_key)
    if known is None:
        raise NotFound()
    if not request.membership.can(known.needs):
        raise Forbidden()
    return known


def _view(request: StaffRequest, view_id: int) -> SavedView:
    """One that the member sees, of a list that they may open."""
    found = SavedView.objects.filter(pk=view_id).first()
    if found is None or found.list_key not in LISTS:
        raise NotFound()
    _list(request, found.list_key)
    seen = views_seen(request.membership, found.list_key).filter(pk=view_id).first()
    if seen is None:
        raise NotFound()
    return seen
