"""The company list and its forms: who, what, do, show."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from crm.accounts.routes import StaffRequest
from crm.lib.errors import CrmError
from customers.companies import selectors
from customers.companies.choosing import companies_offered, company_meant, customers_offered
from customers.companies.filters import listing_of, tabs_of
from customers.companies.forms import CompanyForm, MergeForm, initial_of
from customers.companies.joining import company_merge
from customers.companies.selectors import company_for, twins_of
from customers.companies.services import (
    company_archive,
    company_change,
    company_create,
    company_delete,
    company_restore,
)
from customers.fields.forms import initial_values
from customers.fields.selectors import definitions_seen
from customers.forms import errors_to_form
from customers.models import Company, FieldDefinition


@require_safe
def company_list(request: StaffRequest) -> HttpResponse:
    """The list; for htmx its results, and with a cursor only the next rows."""
    listing = listing_of(request.GET, request.path, request.membership)
    found = selectors.company_list(membership=request.membership, listing=listing)
    context = {
        "listing": listing,
        "found": found,
        "rows": found.rows,
        "more": listing.more(found.page.after),
        "may_edit": request.membership.can("companies.edit"),
        "may_export": request.membership.can("customers.export"),
        "may_import": request.membership.can("imports.run"),
    }
    if request.headers.get("HX-Request") == "true":
        fragment = "_company_list_rows.html" if listing.after else "_company_list_results.html"
        return render(request, f"companies/{fragment}", context)
    return render(request, "companies/company_list.html", context | {"tabs": tabs_of(listing)})


@require_safe
def company_find(request: StaffRequest) -> HttpResponse:
    """Suggestions for a field that names a company: `<option>`s of a datalist."""
    text = _typed(request)
    found = companies_offered(text, request.membership) if len(text.strip()) > 1 else []
    return render(request, "companies/_options.html", {"rows": found})


@require_safe
def contact_find(request: StaffRequest) -> HttpResponse:
    """The same for a field that names a person."""
    text = _typed(request)
    found = customers_offered(text, request.membership) if len(text.strip()) > 1 else []
    return render(request, "companies/_options.html", {"rows": found})


def _typed(request: StaffRequest) -> str:
    """What stands in the field, whatever its name."""
    return next((str(value) for value in request.GET.values() if value), "")[:200]


def company_new(request: StaffRequest) -> HttpResponse:
    fields = definitions_seen(request.membership, FieldDefinition.Subject.COMPANY)
    given = initial_values(fields, {one.key: one.default for one in fields})
    given |= {"kind": Company.Kind.CUSTOMER}
    form = CompanyForm(request.POST or None, initial=given, definitions=fields)
    if request.method == "POST" and form.is_valid():
        try:
            company = company_create(merchant=request.merchant, source="staff", **_values(request, form))
        except CrmError as refusal:
            errors_to_form(form, refusal.fields, refusal.message)
        else:
            messages.success(request, _("%(name)s is in.") % {"name": company})
            return redirect("company_record", company.pk)
    return _form(request, form, None)


def company_edit(request: StaffRequest, company_id: int) -> HttpResponse:
    company = company_for(membership=request.membership, company_id=company_id)
    fields = definitions_seen(request.membership, FieldDefinition.Subject.COMPANY)
    initial = initial_of(company) | initial_values(fields, company.attributes)
    form = CompanyForm(request.POST or None, initial=initial, definitions=fields)
    if request.method == "POST" and form.is_valid():
        try:
            company_change(company=company, source="staff", **_values(request, form, company))
        except CrmError as refusal:
            errors_to_form(form, refusal.fields, refusal.message)
        else:
            messages.success(request, _("Saved."))
            return redirect("company_record", company.pk)
    return _form(request, form, company)


def _form(request: StaffRequest, form: CompanyForm, company: Company | None) -> HttpResponse:
    context = {"form": form, "company": company}
    return render(request, "companies/company_form.html", context, status=422 if form.errors else 200)


def _values(request: StaffRequest, form: CompanyForm, company: Company | None = None) -> dict[str, Any]:
    """The form's values; a parent or owner that the member can't see or choose, left as shown, stays."""
    values = form.values()
    if company is not None and values["parent"] == initial_of(company)["parent"]:
        values["parent"] = company.parent
    else:
        values["parent"] = company_meant(values["parent"], request.membership, field="parent")
    if company is not None and form.data.get("owner") == str(company.owner_id or ""):
        values["owner"] = company.owner
    return values


def company_merge_page(request: StaffRequest, company_id: int) -> HttpResponse:
    """Which other company is this one; a POST merges it in."""
    company = company_for(membership=request.membership, company_id=company_id)
    form = MergeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            other = company_meant(form.cleaned_data["absorbed"], request.membership, field="absorbed")
            assert other is not None
            company_merge(survivor=company, absorbed=other)
        except CrmError as refusal:
            errors_to_form(form, refusal.fields, refusal.message)
        else:
            text = _("%(other)s is part of %(name)s now.")
            messages.success(request, text % {"other": other.name, "name": company.name})
            return redirect("company_record", company.pk)
    context = {"form": form, "company": company, "twins": twins_of(company, request.membership)}
    return render(request, "companies/company_merge.html", context, status=422 if form.errors else 200)


@require_POST
def company_archive_view(request: StaffRequest, company_id: int) -> HttpResponse:
    """Into the archive, or back."""
    company = company_for(membership=request.membership, company_id=company_id)
    if company.archived_at is None:
        company_archive(company=company)
        messages.success(request, _("%(name)s is in the archive.") % {"name": company})
    else:
        company_restore(company=company)
        messages.success(request, _("%(name)s is back.") % {"name": company})
    return redirect("company_record", company.pk)


@require_POST
def company_delete_view(request: StaffRequest, company_id: int) -> HttpResponse:
    company = company_for(membership=request.membership, company_id=company_id)
    company_delete(company=company)
    messages.success(request, _("%(name)s is deleted.") % {"name": company})
    return redirect("company_list")
