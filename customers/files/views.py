"""The card of files on a customer's or company's page."""

from __future__ import annotations

from collections.abc import Sequence

from django.http import FileResponse, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from crm.accounts.routes import StaffRequest
from crm.lib.errors import Forbidden, NotFound, Rejected
from customers.companies.selectors import company_for
from customers.files import services
from customers.models import Company, Customer, File
from customers.selectors import customer_for


def customer_files(request: StaffRequest, customer_id: int) -> HttpResponse:
    """The card; a POST brings files."""
    return _take(request, customer_for(membership=request.membership, customer_id=customer_id))


def company_files(request: StaffRequest, company_id: int) -> HttpResponse:
    """The card; a POST brings files."""
    return _take(request, company_for(membership=request.membership, company_id=company_id))


@require_safe
def file_download(request: StaffRequest, file_id: int) -> FileResponse:
    file, _about = _found(request, file_id)
    return as_download(file)


def as_download(file: File) -> FileResponse:
    """Always something to save: nothing that somebody uploaded is ever shown under our address."""
    response = FileResponse(services.file_open(file=file), as_attachment=True, filename=file.name)
    response["Content-Type"] = "application/octet-stream"
    response["X-Content-Type-Options"] = "nosniff"
    return response


@require_POST
def file_delete(request: StaffRequest, file_id: int) -> HttpResponse:
    file, about = _found(request, file_id)
    if not request.membership.can(_permission(about)):
        raise Forbidden()
    services.file_delete(file=file)
    return _card(request, about)


def _take(request: StaffRequest, about: Customer | Company) -> HttpResponse:
    """The card, after the files of a POST: those in order are kept, of the others it says what is wrong."""
    if request.method != "POST":
        return _card(request, about)
    if not request.membership.can(_permission(about)):
        raise Forbidden()
    uploads = request.FILES.getlist("file")
    faults = [] if uploads else [_("Choose a file.")]
    for upload in uploads:
        try:
            services.file_add(about=about, upload=upload, name=upload.name or "", by=request.membership)
        except Rejected as refusal:
            faults.append(f"{services.clean_name(upload.name or '')}: {refusal.message}")
    return _card(request, about, faults)


def _card(request: StaffRequest, about: Customer | Company, faults: Sequence[str] = ()) -> HttpResponse:
    kind = "customer" if isinstance(about, Customer) else "company"
    context = {
        "files": about.files.select_related("uploader__user").order_by("-created_at", "-pk"),
        "faults": faults,
        "files_url": reverse(f"{kind}_files", args=[about.pk]),
        "may_edit": request.membership.can(_permission(about)),
    }
    return render(request, "customers/_files.html", context, status=422 if faults else 200)


def _permission(about: Customer | Company) -> str:
    return "customers.edit" if isinstance(about, Customer) else "companies.edit"


def _found(request: StaffRequest, file_id: int) -> tuple[File, Customer | Company]:
    """The file and whose it is, if the member sees them."""
    file = File.objects.filter(pk=file_id).first()
    if file is None:
        raise NotFound()
    member = request.membership
    if file.customer_id is not None:
        return file, customer_for(membership=member, customer_id=file.customer_id)
    return file, company_for(membership=member, company_id=file.company_id or 0)
