"""Notes on a customer's or company's page: the card, changing, pinning, and who can be mentioned."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from crm.accounts.routes import StaffRequest
from crm.lib.errors import Forbidden, NotFound
from customers.companies.selectors import company_for
from customers.filters import members
from customers.forms import NoteForm
from customers.models import Company, Customer, Note
from customers.notes import note_add, note_change, note_delete, note_pin
from customers.selectors import customer_for

# The newest stand in the card; the timeline has them all.
MOST_NOTES = 3
MOST_OFFERED = 8


def notes_context(request: StaffRequest, about: Customer | Company) -> dict[str, Any]:
    """What the card shows: pinned ones, then the newest. One query."""
    rows = about.notes.select_related("author__user", "api_key").order_by("pinned_at", "-created_at", "-id")
    notes = list(rows[: MOST_NOTES + 12])
    pinned = [one for one in notes if one.pinned_at is not None]
    others = [one for one in notes if one.pinned_at is None]
    kind = "customer" if isinstance(about, Customer) else "company"
    return {
        "notes": [*pinned, *others[:MOST_NOTES]],
        "has_older": len(others) > MOST_NOTES,
        "note_form": NoteForm(),
        "notes_url": reverse(f"{kind}_notes", args=[about.pk]),
        "may_note": request.membership.can(_permission(about)),
        "may_manage": request.membership.can("customers.erase"),
    }


def _permission(about: Customer | Company) -> str:
    return "customers.edit" if isinstance(about, Customer) else "companies.edit"


def customer_notes(request: StaffRequest, customer_id: int) -> HttpResponse:
    """The card; a POST adds a note."""
    return _card(request, customer_for(membership=request.membership, customer_id=customer_id))


def company_notes(request: StaffRequest, company_id: int) -> HttpResponse:
    """The card; a POST adds a note, for who may change companies."""
    return _card(request, company_for(membership=request.membership, company_id=company_id))


def _card(request: StaffRequest, about: Customer | Company) -> HttpResponse:
    form, status = NoteForm(), 200
    if request.method == "POST":
        if not request.membership.can(_permission(about)):
            raise Forbidden()
        form = NoteForm(request.POST)
        if form.is_valid():
            kind = "customer" if isinstance(about, Customer) else "company"
            whom: dict[str, Any] = {kind: about}
            note_add(author=request.membership, text=form.cleaned_data["text"], **whom)
            form = NoteForm()
        status = 422 if form.errors else 200
    context = notes_context(request, about) | {"note_form": form}
    return render(request, "customers/_notes.html", context, status=status)


def note_edit(request: StaffRequest, note_id: int) -> HttpResponse:
    """The note as a form in its place; a POST keeps the words and answers the card."""
    note, about = _found(request, note_id)
    if request.method != "POST":
        return render(request, "customers/_note_form.html", {"note": note})
    form = NoteForm(request.POST)
    if form.is_valid():
        note_change(note=note, by=request.membership, text=form.cleaned_data["text"])
    return render(
        request, "customers/_notes.html", notes_context(request, about), status=422 if form.errors else 200
    )


@require_POST
def note_remove(request: StaffRequest, note_id: int) -> HttpResponse:
    note, about = _found(request, note_id)
    note_delete(note=note, by=request.membership)
    return render(request, "customers/_notes.html", notes_context(request, about))


@require_POST
def note_pinned(request: StaffRequest, note_id: int) -> HttpResponse:
    """Pins, or unpins what is pinned."""
    note, about = _found(request, note_id)
    note_pin(note=note, pinned=note.pinned_at is None)
    return render(request, "customers/_notes.html", notes_context(request, about))


def _found(request: StaffRequest, note_id: int) -> tuple[Note, Customer | Company]:
    """The note and what it is about, if the member may see and write there."""
    note = Note.objects.filter(pk=note_id).first()
    if note is None:
        raise NotFound()
    member = request.membership
    about: Customer | Company
    if note.customer_id is not None:
        about = customer_for(membership=member, customer_id=note.customer_id)
    else:
        about = company_for(membership=member, company_id=note.company_id or 0)
    if not member.can(_permission(about)):
        raise Forbidden()
    return note, about


@require_safe
def people_find(request: StaffRequest) -> HttpResponse:
    """Colleagues whose name or address begins, anywhere at a word, with what stands behind the @."""
    typed = request.GET.get("q", "").casefold()[:40]
    found = [
        {"name": one.user.name or one.user.email, "line": one.user.email}
        for one in members()
        if any(typed in name.casefold() for name in (one.user.name, one.user.email))
    ]
    return JsonResponse({"people": found[:MOST_OFFERED]})
