"""Settings → Customer fields: the list, one field, and what would happen to its values."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from crm.accounts.routes import StaffRequest
from crm.lib.errors import Conflict, CrmError, Rejected
from customers.fields import selectors, services
from customers.fields.forms import INPUTS, DefinitionForm, definition_initial
from customers.forms import errors_to_form
from customers.models import FieldDefinition


@require_safe
def field_list(request: StaffRequest) -> HttpResponse:
    """The fields in their order, and the archived ones."""
    rows = list(FieldDefinition.objects.filter(deleting_at__isnull=True).in_order())
    used = [one for one in rows if one.archived_at is None]
    groups = [
        (label, [one for one in used if one.applies_to == noun]) for noun, label in selectors.subjects()
    ]
    context = {
        "groups": [(label, fields) for label, fields in groups if fields],
        "archived": [one for one in rows if one.archived_at is not None],
    }
    return render(request, "customers/fields/field_list.html", context)


def field_new(request: StaffRequest) -> HttpResponse:
    form = DefinitionForm(request.POST or None, is_new=True, initial={"type": "text"})
    if request.method == "POST" and form.is_valid():
        try:
            made = services.field_create(merchant=request.merchant, **form.values())
        except CrmError as refusal:
            _show(form, refusal)
        else:
            messages.success(request, _("The field “%(label)s” is there.") % {"label": made.label})
            return redirect("field_list")
    status = 422 if form.errors else 200
    return render(request, "customers/fields/field_edit.html", {"form": form, "field": None}, status=status)


def field_edit(request: StaffRequest, field_id: int) -> HttpResponse:
    """The form. A change that some values don't fit shows them first; `drop` lets them go; `try` only
    looks."""
    field = _field(field_id)
    form = DefinitionForm(request.POST or None, is_new=False, initial=definition_initial(field))
    trial = None
    if request.method == "POST" and form.is_valid():
        try:
            if "try" in request.POST:
                trial = services.field_try(definition=field, changes=form.values())
            else:
                drop = "drop" in request.POST
                services.field_change(definition=field, changes=form.values(), drop_misfits=drop)
                messages.success(request, _("Saved."))
                return redirect("field_list")
        except Conflict as conflict:
            trial = services.field_try(definition=field, changes=form.values())
            form.add_error(None, str(conflict.message))
        except Rejected as refusal:
            _show(form, refusal)
    return _page(request, field, form, trial, status=422 if form.errors else 200)


def _page(
    request: StaffRequest, field: FieldDefinition, form: DefinitionForm, trial: Any, status: int
) -> HttpResponse:
    context = {
        "form": form,
        "field": FieldDefinition.objects.get(pk=field.pk),
        "trial": trial,
        "values": selectors.holders(field).count(),
        "uses": selectors.uses_of(field),
    }
    return render(request, "customers/fields/field_edit.html", context, status=status)


def _show(form: DefinitionForm, refusal: CrmError) -> None:
    errors_to_form(
        form, {INPUTS.get(name, name): texts for name, texts in refusal.fields.items()}, refusal.message
    )


@require_POST
def field_move(request: StaffRequest, field_id: int) -> HttpResponse:
    services.field_move(definition=_field(field_id), up=request.POST.get("to") == "up")
    return redirect("field_list")


@require_POST
def field_archive(request: StaffRequest, field_id: int) -> HttpResponse:
    field = _field(field_id)
    services.field_archive(definition=field, archive=request.POST.get("to") != "back")
    text = _("“%(label)s” is archived; its values stay.") if field.archived_at else _("“%(label)s” is back.")
    messages.success(request, text % {"label": field.label})
    return redirect("field_list")


@require_POST
def field_delete(request: StaffRequest, field_id: int) -> HttpResponse:
    field = _field(field_id)
    services.field_delete(definition=field)
    messages.success(request, _("“%(label)s” and its values are being deleted.") % {"label": field.label})
    return redirect("field_list")


def _field(field_id: int) -> FieldDefinition:
    rows = FieldDefinition.objects.filter(deleting_at__isnull=True).select_related("merchant")
    found: FieldDefinition = get_object_or_404(rows, pk=field_id)
    return found
