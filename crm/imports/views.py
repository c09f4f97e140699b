"""Imports on pages: who, what, do, show."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from crm.accounts.exports import export
from crm.accounts.routes import StaffRequest
from crm.lib.errors import Conflict, Rejected
from crm.lib.listing import read

from . import selectors, services
from .forms import ColumnsForm, UploadForm
from .models import ImportBatch, RefusedRow
from .registry import importer_for


@require_safe
def batch_list(request: StaffRequest) -> HttpResponse:
    """The imports, newest first; for htmx the results, with a cursor the next rows."""
    listing = read(request.GET, request.path, selectors.FILTERS)
    page = selectors.batch_list(listing)
    context = {
        "listing": listing,
        "batches": page.rows,
        "more": listing.more(page.after),
        "may_run": request.membership.can("imports.run"),
    }
    is_fragment = request.headers.get("HX-Request") == "true"
    return render(request, f"imports/{'_batch_list_results' if is_fragment else 'batch_list'}.html", context)


def batch_new(request: StaffRequest) -> HttpResponse:
    """Takes the file, then shows its columns. `?kind=` is what the page that one came from is about."""
    asked = request.GET.get("kind", "")
    form = UploadForm(request.POST or None, request.FILES or None, initial={"kind": asked})
    if request.method == "POST" and form.is_valid():
        upload = form.cleaned_data["file"]
        try:
            batch = services.batch_upload(
                merchant=request.merchant,
                kind=form.cleaned_data["kind"],
                upload=upload,
                file_name=upload.name,
                user=request.user,
            )
        except Rejected as refusal:
            form.add_error("file", str(refusal.message))
        else:
            return redirect("batch_columns", batch.pk)
    context = {"form": form, "steps": selectors.batch_steps(None)}
    return render(request, "imports/batch_new.html", context, status=422 if form.errors else 200)


def batch_columns(request: StaffRequest, batch_id: int) -> HttpResponse:
    """Which column is which; saving starts the check. `?preset=` lays another known kind of file over it."""
    batch = selectors.batch_for(batch_id)
    if not batch.can_map:
        return redirect("batch_record", batch.pk)
    preset = request.GET.get("preset", "")
    if preset:
        services.choose_preset(batch, importer_for(batch.kind), request.merchant, preset)
    form = ColumnsForm(request.POST or None, batch=batch, merchant=request.merchant)
    if request.method == "POST" and form.is_valid():
        try:
            mapped = services.batch_map(
                batch=batch,
                merchant=request.merchant,
                mapping=form.mapping(),
                options=form.chosen_options(),
                preset=preset or None,
            )
            services.batch_check(batch=mapped)
            return redirect("batch_record", batch.pk)
        except Conflict:
            raise
        except Rejected as refusal:
            form.add_refusal(refusal)
    context = {
        "batch": batch,
        "form": form,
        "importer": importer_for(batch.kind),
        "sample": batch.profile.get("sample", []),
        "steps": selectors.batch_steps(batch, at_columns=True),
        "earlier": services.earlier_batches(batch),
    }
    return render(request, "imports/batch_columns.html", context, status=422 if form.errors else 200)


@require_safe
def batch_record(request: StaffRequest, batch_id: int) -> HttpResponse:
    """How the batch stands; for htmx the part that moves while a worker is busy."""
    batch = selectors.batch_for(batch_id)
    if batch.state == ImportBatch.State.UPLOADED and request.membership.can("imports.run"):
        return redirect("batch_columns", batch.pk)
    context = {
        "batch": batch,
        "standing": selectors.batch_standing(batch),
        "may_run": request.membership.can("imports.run"),
        "may_undo": request.membership.can("imports.undo"),
    }
    if request.headers.get("HX-Request") == "true":
        if not batch.is_working:  # the page's buttons change with the state: show all of it anew
            return HttpResponse(headers={"HX-Refresh": "true"})
        return render(request, "imports/_batch_progress.html", context)
    return render(request, "imports/batch_record.html", context)


@require_POST
def batch_run(request: StaffRequest, batch_id: int) -> HttpResponse:
    services.batch_run(batch=selectors.batch_for(batch_id))
    return redirect("batch_record", batch_id)


@require_POST
def batch_resume(request: StaffRequest, batch_id: int) -> HttpResponse:
    services.batch_resume(batch=selectors.batch_for(batch_id))
    return redirect("batch_record", batch_id)


@require_POST
def batch_undo(request: StaffRequest, batch_id: int) -> HttpResponse:
    services.batch_undo(batch=selectors.batch_for(batch_id))
    return redirect("batch_record", batch_id)


@require_POST
def batch_discard(request: StaffRequest, batch_id: int) -> HttpResponse:
    batch = selectors.batch_for(batch_id)
    services.batch_discard(batch=batch)
    messages.success(request, _("%(file)s was discarded. Nothing was imported.") % {"file": batch.file_name})
    return redirect(reverse("batch_list"))


@require_safe
def batch_refused(request: StaffRequest, batch_id: int) -> HttpResponseBase:
    """The refused rows as they stand in the file, each with its reason; formulas quoted, the export
    logged."""
    batch = selectors.batch_for(batch_id)
    header, rows = selectors.refused_rows(batch)
    return export(
        merchant=request.merchant,
        what=f"refused-rows-{batch.pk}",
        columns=header,
        rows=rows,
        count=RefusedRow.objects.filter(batch=batch).count(),
        format="csv",
    )
