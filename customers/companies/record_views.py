"""The company page and its cards; each card is a fragment that refreshes itself."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from crm.accounts.routes import StaffRequest
from crm.lib.errors import NotFound, Rejected
from customers.companies.choosing import customer_meant
from customers.companies.contacts import contact_add, contact_change, contact_remove
from customers.companies.forms import ContactChangeForm, ContactForm
from customers.companies.registries import COMPANY_ACTIONS, COMPANY_PANELS
from customers.companies.selectors import (
    bought_by,
    companies_of,
    company_for,
    contacts_for,
    credits_of,
)
from customers.companies.timeline import company_kinds, story_of_company
from customers.companies.tree import tree_of
from customers.fields.selectors import definitions
from customers.fields.showing import sections_of
from customers.forms import errors_to_form
from customers.models import Company, CompanyContact, Customer, FieldDefinition
from customers.note_views import notes_context
from customers.record_views import place_actions, place_panels
from customers.selectors import customer_for


@require_safe
def company_record(request: StaffRequest, company_id: int) -> HttpResponse:
    """The whole page; the panels of other parts load themselves."""
    company = company_for(membership=request.membership, company_id=company_id)
    member = request.membership
    context = _summary(request, company) | _contacts(request, company) | _story(request, company)
    context |= notes_context(request, company)
    context |= {
        "contacts_query": f"company={company.pk}",
        "tree": tree_of(company, member),
        "facts_panels": place_panels(COMPANY_PANELS, member, company.pk, "facts"),
        "story_panels": place_panels(COMPANY_PANELS, member, company.pk, "story"),
        "actions": place_actions(COMPANY_ACTIONS, member, company.pk, "company"),
        "own_sections": sections_of(definitions(FieldDefinition.Subject.COMPANY), company.attributes, member),
    }
    return render(request, "companies/company_record.html", context)


@require_safe
def company_summary(request: StaffRequest, company_id: int) -> HttpResponse:
    """The header: what an event may have moved."""
    company = company_for(membership=request.membership, company_id=company_id)
    return render(request, "companies/_company_summary.html", _summary(request, company))


def _common(request: StaffRequest, company: Company) -> dict[str, Any]:
    member = request.membership
    return {
        "company": company,
        "may_edit": member.can("companies.edit"),
        "may_see": member.can("customers.pii"),
    }


def _summary(request: StaffRequest, company: Company) -> dict[str, Any]:
    return _common(request, company) | {
        "credit": credits_of([company], request.membership)[company.pk],
        "bought": bought_by(company),
        "base_currency": request.merchant.base_currency,
    }


# --- timeline -----------------------------------------------------------------------------------------------


@require_safe
def company_timeline(request: StaffRequest, company_id: int) -> HttpResponse:
    """The story of the firm and its people from the newest event, or with a cursor what came before it."""
    company = company_for(membership=request.membership, company_id=company_id)
    context = _story(request, company)
    fragment = "_company_timeline_more.html" if context["after"] else "_company_timeline.html"
    return render(request, f"companies/{fragment}", _common(request, company) | context)


def _story(request: StaffRequest, company: Company) -> dict[str, Any]:
    known = company_kinds()
    kind = request.GET.get("kind", "")
    kind = kind if kind in dict(known) else ""
    text, after = request.GET.get("text", "")[:100], request.GET.get("after", "")
    story = story_of_company(
        membership=request.membership, company=company, kind=kind, text=text, after=after
    )
    return {"story": story, "kinds": known, "kind": kind, "text": text, "after": after}


# --- contacts -----------------------------------------------------------------------------------------------


def _contacts(request: StaffRequest, company: Company) -> dict[str, Any]:
    return _common(request, company) | {"contacts": contacts_for(company, request.membership)}


def _card(request: StaffRequest, company: Company) -> HttpResponse:
    """The card anew, and the side panel closes."""
    response = render(request, "companies/_company_contacts.html", _contacts(request, company))
    response["HX-Trigger"] = json.dumps({"closeDialog": True})
    return response


def _panel_form(request: StaffRequest, context: dict[str, Any]) -> HttpResponse:
    """The form in the side panel; a refused one goes back there instead of into the card."""
    status = 422 if context["form"].errors else 200
    response = render(request, "companies/_contact_form.html", context, status=status)
    response["HX-Retarget"] = "#side-panel-body"
    response["HX-Reswap"] = "innerHTML"
    return response


def company_contacts(request: StaffRequest, company_id: int) -> HttpResponse:
    """The side panel's form; a POST adds a contact and answers with the card."""
    company = company_for(membership=request.membership, company_id=company_id)
    form = ContactForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        said = dict(form.cleaned_data)
        try:
            person = customer_meant(said.pop("who"), request.membership, field="who")
            assert person is not None
            contact_add(company=company, customer=person, **said)
        except Rejected as refusal:
            errors_to_form(form, refusal.fields, refusal.message)
        else:
            return _card(request, company)
    return _panel_form(request, {"company": company, "form": form, "person": None})


def contact_edit(request: StaffRequest, company_id: int, customer_id: int) -> HttpResponse:
    """How this person speaks for the company; who only belongs to it gets an entry by it."""
    company, person = _pair(request, company_id, customer_id)
    link = CompanyContact.objects.filter(company=company, customer=person).select_related("company").first()
    known = (
        {"roles": link.roles, "title": link.title, "is_primary": link.is_primary} if link is not None else {}
    )
    form = ContactChangeForm(request.POST or None, initial=known)
    if request.method == "POST" and form.is_valid():
        said = {name: form.cleaned_data[name] for name in ("roles", "title", "is_primary")}
        if link is None:
            contact_add(company=company, customer=person, **said)
        else:
            contact_change(contact=link, **said)
        return _card(request, company)
    return _panel_form(request, {"company": company, "form": form, "person": person})


@require_POST
def contact_delete(request: StaffRequest, company_id: int, customer_id: int) -> HttpResponse:
    company, person = _pair(request, company_id, customer_id)
    contact_remove(company=company, customer=person)
    return render(request, "companies/_company_contacts.html", _contacts(request, company))


def _pair(request: StaffRequest, company_id: int, customer_id: int) -> tuple[Company, Customer]:
    """Both, if the member may see both and they have to do with each other."""
    company = company_for(membership=request.membership, company_id=company_id)
    person = customer_for(membership=request.membership, customer_id=customer_id)
    linked = CompanyContact.objects.filter(company=company, customer=person).exists()
    if not linked and person.company_id != company.pk:
        raise NotFound()
    return company, person


@require_safe
def customer_companies(request: StaffRequest, customer_id: int) -> HttpResponse:
    """The card of the customer page: the firms this person belongs to and speaks for; empty for none."""
    customer = customer_for(membership=request.membership, customer_id=customer_id)
    found = companies_of(customer, request.membership)
    return render(request, "companies/_customer_companies.html", {"belongings": found})
