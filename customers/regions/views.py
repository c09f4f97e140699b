"""Settings → Regions: the tree level by level, one region, and the words that lead nowhere yet."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from crm.accounts.routes import StaffRequest
from crm.lib.errors import CrmError
from crm.lib.ids import row_id
from customers.forms import errors_to_form
from customers.models import Region
from customers.regions import loading, selectors, services
from customers.regions.china import china_load
from customers.regions.forms import LinesForm, RegionForm, SpellingForm


@require_safe
def region_list(request: StaffRequest) -> HttpResponse:
    """What lies in `?in=`, or the top of the tree with the words that it doesn't know."""
    return _list(request, _of(request.GET.get("in", "")), LinesForm())


def _list(
    request: StaffRequest, parent: Region | None, lines: LinesForm, spelling: SpellingForm | None = None
) -> HttpResponse:
    # The map decides who sees whom: only who sees everybody draws it, or reads what others' customers wrote.
    sees_all = request.membership.sees_everything
    context = {
        "parent": parent,
        "line": selectors.line_of(parent) if parent else [],
        "branches": selectors.branches(parent, request.membership),
        "unplaced": selectors.unplaced() if sees_all and not parent else [],
        "may_edit": sees_all and request.membership.can("settings.edit"),
        "has_china": Region.objects.filter(country="CN", level=1).exists(),
        "lines": lines,
        "spelling": spelling,
    }
    failed = lines.is_bound or spelling is not None
    return render(request, "customers/regions/region_list.html", context, status=422 if failed else 200)


def region_new(request: StaffRequest) -> HttpResponse:
    parent = _of(request.GET.get("in", ""))
    start = {"parent": str(parent.pk) if parent else "", "name": request.GET.get("name", "")[:80]}
    form = RegionForm(request.POST or None, region=None, parent=parent, initial=start)
    if request.method == "POST" and form.is_valid():
        try:
            made = services.region_add(merchant=request.merchant, **form.values())
        except CrmError as refusal:
            errors_to_form(form, refusal.fields, refusal.message)
        else:
            messages.success(request, _("“%(name)s” is on the map.") % {"name": made.name})
            return redirect(_address(made.parent))
    context = {"form": form, "region": None, "parent": parent}
    return render(request, "customers/regions/region_edit.html", context, status=422 if form.errors else 200)


def region_edit(request: StaffRequest, region_id: int) -> HttpResponse:
    region = _region(region_id)
    start = {
        "name": region.name,
        "parent": str(region.parent_id or ""),
        "aliases": ", ".join(region.aliases),
        "code": region.code,
        "country": region.country,
    }
    form = RegionForm(request.POST or None, region=region, parent=region.parent, initial=start)
    if request.method == "POST" and form.is_valid():
        try:
            services.region_change(region=region, **form.values())
        except CrmError as refusal:
            errors_to_form(form, refusal.fields, refusal.message)
        else:
            messages.success(request, _("Saved. Customers are put in their places within a minute or two."))
            return redirect(_address(region.parent))
    shown = _region(region_id)
    inner = Region.objects.filter(path__startswith=shown.path).count() - 1
    context = {"form": form, "region": shown, "parent": shown.parent, "inner": inner}
    return render(request, "customers/regions/region_edit.html", context, status=422 if form.errors else 200)


@require_POST
def region_delete(request: StaffRequest, region_id: int) -> HttpResponse:
    region = _region(region_id)
    parent = region.parent
    count = services.region_delete(region=region)
    text = ngettext("%(n)s region deleted.", "%(n)s regions deleted.", count) % {"n": count}
    messages.success(request, text)
    return redirect(_address(parent))


@require_POST
def region_china(request: StaffRequest) -> HttpResponse:
    try:
        count = china_load(merchant=request.merchant)
    except CrmError as refusal:
        messages.error(request, str(refusal.message))
        return redirect("region_list")
    text = ngettext("%(n)s division added.", "%(n)s divisions added.", count) % {"n": count}
    messages.success(request, text)
    root = Region.objects.filter(level=0, country="CN").first()
    return redirect(_address(root))


@require_POST
def region_lines(request: StaffRequest) -> HttpResponse:
    parent = _of(request.POST.get("in", ""))
    form = LinesForm(request.POST)
    if form.is_valid():
        try:
            count = loading.regions_add_lines(
                merchant=request.merchant, text=form.cleaned_data["lines"], parent=parent
            )
        except CrmError as refusal:
            errors_to_form(form, refusal.fields, refusal.message)
        else:
            text = ngettext("%(n)s region added.", "%(n)s regions added.", count) % {"n": count}
            messages.success(request, text)
            return redirect(_address(parent))
    return _list(request, parent, form)


@require_POST
def region_spelling(request: StaffRequest) -> HttpResponse:
    form = SpellingForm(request.POST)
    if form.is_valid():
        region = form.cleaned_data["region"]
        try:
            services.alias_add(region=region, spelling=form.cleaned_data["spelling"])
        except CrmError as refusal:
            errors_to_form(form, {}, refusal.message)
        else:
            said = {"spelling": form.cleaned_data["spelling"], "name": region.name}
            messages.success(request, _("“%(spelling)s” means %(name)s from now on.") % said)
            return redirect("region_list")
    return _list(request, None, LinesForm(), form)


def _region(pk: int) -> Region:
    found: Region = get_object_or_404(Region.objects.select_related("parent", "merchant"), pk=pk)
    return found


def _of(text: str) -> Region | None:
    pk = row_id(text)
    return _region(pk) if pk is not None else None


def _address(parent: Region | None) -> str:
    return reverse("region_list") + (f"?in={parent.pk}" if parent else "")
