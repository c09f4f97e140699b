"""“Change…”: what, for whom, how many; then the work with its bar and its undo."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_POST, require_safe

from crm.accounts.models import Team
from crm.accounts.routes import StaffRequest
from crm.lib.errors import Forbidden, Rejected
from crm.lib.ids import row_ids
from customers.bulk_changes import services, words
from customers.bulk_changes.changing import changes_told
from customers.fields.forms import PREFIX, add_inputs, typed_values
from customers.fields.selectors import definitions_seen
from customers.filters import listing_of, members
from customers.forms import errors_to_form
from customers.models import BulkChange, Customer, FieldDefinition

LEAVE = ("", gettext_lazy("– as it is –"))
NOBODY = "none"


class BulkForm(forms.Form):
    """What is left empty stays as it is. `clear` names the custom fields to empty."""

    stage = forms.ChoiceField(
        label=gettext_lazy("Stage"), choices=[LEAVE, *Customer.Stage.choices], required=False
    )
    kind = forms.ChoiceField(
        label=gettext_lazy("Kind"), choices=[LEAVE, *Customer.Kind.choices], required=False
    )
    owner = forms.ChoiceField(label=pgettext_lazy("who looks after a customer", "Owner"), required=False)
    team = forms.ChoiceField(label=gettext_lazy("Team"), required=False)
    grade = forms.CharField(label=gettext_lazy("Grade"), max_length=20, required=False)
    region = forms.CharField(label=gettext_lazy("Province or region"), max_length=100, required=False)
    language = forms.ChoiceField(
        label=gettext_lazy("Language"), choices=[LEAVE, *settings.LANGUAGES], required=False
    )
    add_tags = forms.CharField(label=gettext_lazy("Put on tags"), max_length=500, required=False)
    remove_tags = forms.CharField(label=gettext_lazy("Take off tags"), max_length=500, required=False)

    def __init__(self, data: Any, *, fields: list[FieldDefinition]) -> None:
        super().__init__(data)
        self.own = [one for one in fields if not one.is_unique]
        people = [LEAVE, (NOBODY, _("Nobody")), *((str(one.pk), str(one.user)) for one in members())]
        teams = [
            LEAVE,
            (NOBODY, _("No team")),
            *((str(one.pk), one.name) for one in Team.objects.order_by("name")),
        ]
        self.fields["owner"].choices, self.fields["team"].choices = people, teams  # type: ignore[attr-defined]
        add_inputs(self, self.own)
        for one in self.own:
            field = self.fields[f"{PREFIX}{one.key}"]
            field.required = False
            if isinstance(field, forms.ChoiceField) and not isinstance(field, forms.MultipleChoiceField):
                # Nothing chosen is nothing changed; "Empty these fields" says the other.
                offered: Any = field.choices
                field.choices = [LEAVE, *(pair for pair in offered if pair[0])]
        clearable = [(one.key, one.label) for one in self.own if not one.is_required]
        if clearable:
            self.fields["clear"] = forms.MultipleChoiceField(
                label=_("Empty these fields"),
                choices=clearable,
                required=False,
                widget=forms.CheckboxSelectMultiple,
            )

    @property
    def own_inputs(self) -> list[forms.BoundField]:
        return [self[f"{PREFIX}{one.key}"] for one in self.own]

    def changes(self) -> dict[str, Any]:
        """What the service takes: only what was filled in."""
        said = self.cleaned_data
        plain = ("stage", "kind", "grade", "region", "language")
        made: dict[str, Any] = {name: said[name] for name in plain if said[name]}
        for name in ("owner", "team"):
            if said[name]:
                made[name] = None if said[name] == NOBODY else int(said[name])
        for name in ("add_tags", "remove_tags"):
            if said[name]:
                made[name] = said[name].replace("，", ",").replace("、", ",").split(",")
        values = {key: value for key, value in typed_values(self, self.own).items() if value is not None}
        values |= dict.fromkeys(said.get("clear", ()))
        return made | ({"attributes": values} if values else {})


def customer_change_many(request: StaffRequest) -> HttpResponse:
    """The form for the ticked ones, or with `query` for everyone that the list finds; first the count,
    then the change."""
    asked: QueryDict = request.POST if request.method == "POST" else request.GET
    ids = row_ids(asked.getlist("ids")) or None
    query = "" if ids else asked.get("query", "")
    if ids is None and not request.membership.can("customers.bulk"):
        raise Forbidden(_("Changing everyone takes the permission “customers.bulk”. Tick rows instead."))
    is_bound = request.method == "POST" and "action" in request.POST
    form = BulkForm(request.POST if is_bound else None, fields=definitions_seen(request.membership))
    target: dict[str, Any] = {
        "merchant": request.merchant,
        "member": request.membership,
        "ids": ids,
        "query": query,
    }
    preview = None
    if is_bound and form.is_valid():
        try:
            if request.POST["action"] == "go":
                change = services.bulk_start(changes=form.changes(), **target)
                return redirect("bulk_record", change.pk)
            preview = services.bulk_preview(changes=form.changes(), **target)
        except Rejected as refusal:
            errors_to_form(form, refusal.fields, refusal.message)
    listing = listing_of(QueryDict(query), reverse("customer_list"), request.membership)
    found = services.rows_of(request.membership, ids, query).count()
    context = {
        "form": form,
        "ids": ids or [],
        "query": query,
        "found": found,
        "preview": preview,
        "listing": listing,
    }
    status = 422 if form.errors else 200
    return render(request, "customers/bulk_change.html", context, status=status)


@require_safe
def bulk_record(request: StaffRequest, change_id: int) -> HttpResponse:
    """How far it is; the fragment refreshes itself until the end."""
    change = get_object_or_404(BulkChange.objects.select_related("member__user"), pk=change_id)
    context = {
        "change": change,
        "told": changes_told(change.changes),
        "may_undo": services.may_undo(change) and _may_undo_theirs(request, change),
        "working": change.state in BulkChange.WORKING,
    }
    fragment = request.headers.get("HX-Request") == "true"
    return render(
        request, "customers/_bulk_record.html" if fragment else "customers/bulk_record.html", context
    )


@require_POST
def bulk_undo(request: StaffRequest, change_id: int) -> HttpResponse:
    change = get_object_or_404(BulkChange.objects.select_related("merchant"), pk=change_id)
    if not _may_undo_theirs(request, change):
        raise Forbidden()
    services.bulk_undo(change=change)
    messages.success(request, _("The change is being taken back."))
    return redirect("bulk_record", change.pk)


def _may_undo_theirs(request: StaffRequest, change: BulkChange) -> bool:
    """One's own; another's only for who sees all whom it changed."""
    member = request.membership
    return change.member_id == member.pk or (member.can("customers.bulk") and member.sees_everything)


# --- Settings → Tags and grades -----------------------------------------------------------------------------


@require_safe
def word_list(request: StaffRequest) -> HttpResponse:
    """Every tag and grade in use, with who has it."""
    context = {
        "groups": [
            ("tag", _("Tags"), words.tags_used(request.membership)),
            ("grade", _("Grades"), words.grades_used(request.membership)),
        ]
    }
    return render(request, "customers/word_list.html", context)


@require_POST
def word_change(request: StaffRequest) -> HttpResponse:
    """Renames a tag or grade, merges it into another of the new name, or, without one, takes it away."""
    said = {name: request.POST.get(name, "") for name in ("kind", "old", "new")}
    try:
        change = words.word_rename(merchant=request.merchant, member=request.membership, **said)
    except Rejected as refusal:
        messages.error(request, str(refusal.message))
        return redirect("word_list")
    return redirect("bulk_record", change.pk)
