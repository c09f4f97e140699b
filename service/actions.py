"""What an agent does to a ticket; each answers with the pane as it now stands."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from crm.accounts.models import Membership
from crm.accounts.routes import StaffRequest
from crm.lib.errors import CrmError, Rejected
from crm.lib.ui.formats import exact_text
from service import tickets
from service.forms import TicketForm
from service.macros import macro_apply
from service.models import Entry, Macro, Ticket
from service.tickets import Words
from service.views import find_ticket, pane_context


def _pane(
    request: StaffRequest, number: int, *, said: str = "", tone: str = "good", finished: bool = False
) -> HttpResponse:
    """The pane anew, with a toast; `finished` lets the page go on to the next ticket."""
    response = render(request, "service/_pane.html", pane_context(request, find_ticket(request, number)))
    events: dict[str, Any] = {"toast": {"text": said, "tone": tone}} if said else {}
    if finished:
        events["inbox:finished"] = {"number": number}
    if events:
        response["HX-Trigger"] = json.dumps(events)
    return response


@require_POST
def ticket_say(request: StaffRequest, number: int) -> HttpResponse:
    """An answer or a note; with `solve` the ticket is done too. A refused one's words stay in the draft."""
    ticket = find_ticket(request, number)
    text, key = request.POST.get("text", ""), request.POST.get("key", "")
    words = Words(text, key=f"say:{request.membership.pk}:{key}" if key else "")
    if request.POST.get("kind") == Entry.Kind.NOTE:
        tickets.ticket_note(ticket=ticket, words=words, author=request.membership)
        return _pane(request, number, said=_("Note kept."))
    solve = request.POST.get("solve") == "yes"
    try:
        tickets.ticket_answer(
            merchant=request.merchant,
            ticket=ticket,
            words=words,
            author=request.membership,
            seen_entry_id=_number(request.POST.get("seen")),
            solve=solve,
        )
    except CrmError:
        tickets.draft_save(ticket=ticket, author=request.membership, text=text, kind=Entry.Kind.OUTBOUND)
        raise
    said = _("Sent, and solved.") if solve else _("Sent.")
    return _pane(request, number, said=said, finished=solve)


def _number(value: str | None) -> int | None:
    return int(value) if value and value.isdecimal() and len(value) < 19 else None


@require_POST
def ticket_draft(request: StaffRequest, number: int) -> HttpResponse:
    """Keeps what is being typed, unless it was sent in the meantime."""
    ticket = find_ticket(request, number)
    sent = f"say:{request.membership.pk}:{request.POST.get('key', '')}"
    if not Entry.objects.filter(dedupe_key=sent).exists():
        kind = request.POST.get("kind", Entry.Kind.OUTBOUND)
        tickets.draft_save(
            ticket=ticket, author=request.membership, text=request.POST.get("text", ""), kind=kind
        )
    return HttpResponse(status=204)


@require_POST
def ticket_macro(request: StaffRequest, number: int, macro_id: int) -> HttpResponse:
    """The ready answer filled for this ticket, as plain text for the composer."""
    ticket = find_ticket(request, number)
    macro = get_object_or_404(Macro, pk=macro_id, is_active=True)
    text = macro_apply(macro=macro, ticket=ticket, member=request.membership)
    return HttpResponse(text, content_type="text/plain; charset=utf-8")


@require_POST
def ticket_solve(request: StaffRequest, number: int) -> HttpResponse:
    tickets.ticket_solve(merchant=request.merchant, ticket=find_ticket(request, number))
    return _pane(request, number, said=_("Solved."), finished=True)


@require_POST
def ticket_reopen(request: StaffRequest, number: int) -> HttpResponse:
    tickets.ticket_reopen(merchant=request.merchant, ticket=find_ticket(request, number))
    return _pane(request, number, said=_("Open again."))


@require_POST
def ticket_snooze(request: StaffRequest, number: int) -> HttpResponse:
    until = _instant(request.POST.get("until", ""))
    tickets.ticket_snooze(merchant=request.merchant, ticket=find_ticket(request, number), until=until)
    said = _("Snoozed until %(when)s.") % {"when": exact_text(until)}
    return _pane(request, number, said=said, finished=True)


def _instant(value: str) -> datetime:
    try:
        found = parse_datetime(value)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise Rejected(_("Choose a time."), code="bad_time")
    return found


@require_POST
def ticket_assign(request: StaffRequest, number: int) -> HttpResponse:
    """To a colleague, to oneself ("me") or to nobody ("")."""
    ticket = find_ticket(request, number)
    chosen = request.POST.get("assignee", "")
    assignee: Membership | None = None
    if chosen == "me":
        assignee = request.membership
    elif chosen:
        mine = Membership.objects.filter(merchant=request.merchant, pk=_number(chosen) or 0)
        assignee = mine.select_related("user").first()
        if assignee is None:
            raise Rejected(_("This person can't answer tickets."), code="bad_assignee")
    tickets.ticket_assign(ticket=ticket, assignee=assignee)
    said = _("Assigned to %(name)s.") % {"name": assignee.user} if assignee else _("Nobody's again.")
    return _pane(request, number, said=said)


@require_POST
def ticket_prioritise(request: StaffRequest, number: int) -> HttpResponse:
    ticket = find_ticket(request, number)
    priority = request.POST.get("priority", "")
    tickets.ticket_prioritise(
        merchant=request.merchant, ticket=ticket, priority=priority, author=request.membership
    )
    return _pane(request, number, said=_("Priority changed."))


def ticket_new(request: StaffRequest) -> HttpResponse:
    """Writes down a call, or writes first: opens a ticket in a customer's name."""
    form = TicketForm(request.POST or None, initial=_given(request), membership=request.membership)
    if request.method == "POST" and form.is_valid():
        opened = form.open(merchant=request.merchant, author=request.membership)
        messages.success(request, _("Ticket %(number)s is open.") % {"number": opened})
        return redirect("ticket", number=opened.number)
    status = 422 if form.errors else 200
    return render(request, "service/ticket_new.html", {"form": form}, status=status)


def _given(request: StaffRequest) -> dict[str, Any]:
    return {name: request.GET[name] for name in ("customer", "order") if name in request.GET}


def ticket_url(ticket: Ticket) -> str:
    return reverse("ticket", args=[ticket.number])
