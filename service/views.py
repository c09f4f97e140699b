"""The inbox: one page in three columns, whose parts are the same fragments that htmx fetches."""

from __future__ import annotations

import uuid
from datetime import datetime, time, timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.accounts.routes import StaffRequest
from crm.lib.errors import NotFound
from service import presence
from service.models import Entry, Macro, Ticket
from service.priority import reasons_in_words
from service.selectors import (
    DEFAULT_VIEW,
    VIEWS,
    answering_members,
    beside,
    conversations,
    draft_of,
    queues,
    thread_of,
    wait_of,
)
from service.tickets import ticket_seen

# The element that a row's click replaces; htmx names it in HX-Target.
PANE = "inbox-pane"


def find_ticket(request: StaffRequest, number: int) -> Ticket:
    """The ticket of that number, if the member may see it. Raises NotFound."""
    seen = Ticket.objects.visible_to(request.membership)
    related = seen.select_related("customer__metrics", "order", "assignee__user", "rma")
    ticket: Ticket | None = related.filter(number=number).first()
    if ticket is None:
        raise NotFound(_("There is no such ticket."))
    return ticket


def inbox(request: StaffRequest) -> HttpResponse:
    """The queues and the conversations of one; nothing opened."""
    return render(request, "service/inbox.html", _columns(request) | {"ticket": None})


def inbox_list(request: StaffRequest) -> HttpResponse:
    """The first two columns anew; `after` gives further rows alone."""
    columns = _columns(request)
    template = "service/_inbox_rows.html" if request.GET.get("after") else "service/_inbox_columns.html"
    return render(request, template, columns)


def ticket(request: StaffRequest, number: int) -> HttpResponse:
    """One conversation with whom and what it is about; the pane alone when a row was clicked."""
    found = find_ticket(request, number)
    if found.unread and request.membership.can("tickets.answer"):
        ticket_seen(ticket=found)
    context = pane_context(request, found)
    wants_pane = (
        request.headers.get("HX-Target") == PANE and "HX-History-Restore-Request" not in request.headers
    )
    if wants_pane:
        response = render(request, "service/_pane.html", context)
    else:
        response = render(request, "service/inbox.html", context | _columns(request, current=number))
    response["Vary"] = "HX-Target"
    return response


def ticket_thread(request: StaffRequest, number: int) -> HttpResponse:
    """The conversation and its head anew, without the composer, so that typing goes on."""
    found = find_ticket(request, number)
    return render(request, "service/_thread.html", _thread_context(request, found))


def ticket_head(request: StaffRequest, number: int) -> HttpResponse:
    """Subject, state and actions anew."""
    return render(request, "service/_head.html", pane_context(request, find_ticket(request, number)))


def ticket_beside(request: StaffRequest, number: int) -> HttpResponse:
    """Who is writing and what it is about, anew."""
    found = find_ticket(request, number)
    return render(request, "service/_beside.html", {"ticket": found, "beside": beside(found)})


def ticket_original(request: StaffRequest, number: int, entry_id: int) -> HttpResponse:
    """A mail's own look, cleaned, in a box that can load and run nothing."""
    found = find_ticket(request, number)
    entry = Entry.objects.filter(ticket=found, pk=entry_id).exclude(html="").first()
    if entry is None:
        raise NotFound()
    with_pictures = request.GET.get("pictures") == "yes"
    response = render(request, "service/original.html", {"entry": entry})
    pictures = "https: data:" if with_pictures else "data:"
    policy = f"sandbox allow-popups; default-src 'none'; img-src {pictures}; frame-ancestors 'self'"
    response["Content-Security-Policy"] = policy
    response["X-Frame-Options"] = "SAMEORIGIN"
    response["Referrer-Policy"] = "no-referrer"
    setattr(response, "_csp_exempt", True)  # noqa: B010 - it brings a stricter policy than the site's
    return response


def ticket_presence(request: StaffRequest, number: int) -> HttpResponse:
    """Says that the member is here, and who else is."""
    found = find_ticket(request, number)
    if request.POST.get("gone"):
        presence.leave(ticket=found, membership=request.membership)
        return HttpResponse(status=204)
    writing = request.POST.get("writing") == "yes"
    others = presence.present(ticket=found, membership=request.membership, writing=writing)
    return render(request, "service/_presence.html", {"others": others})


# --- what the templates get --------------------------------------------------------------------------------


def _columns(request: StaffRequest, *, current: int | None = None) -> dict[str, Any]:
    view = request.GET.get("view", DEFAULT_VIEW)
    view = view if view in VIEWS else DEFAULT_VIEW
    search = request.GET.get("q", "").strip()[:100]
    raw = request.GET.get("current", "")
    current = current or (int(raw) if raw.isdecimal() and len(raw) < 10 else None)
    found = conversations(
        request.membership, view=view, search=search, after=request.GET.get("after", ""), current=current
    )
    state = {"view": view} | ({"q": search} if search else {})
    more = ""
    if found.after:
        more = f"{reverse('inbox_list')}?{urlencode(state | {'after': found.after})}"
    return {
        "view": VIEWS[view],
        "search": search,
        "queues": queues(request.membership, "" if search else view),
        "rows": found.rows,
        "more": more,
        "state": urlencode(state),
        "may_export": request.membership.can("customers.export"),
        "current": current,
    }


def _thread_context(request: StaffRequest, found: Ticket) -> dict[str, Any]:
    return {"ticket": found, "thread": thread_of(found)}


def pane_context(request: StaffRequest, found: Ticket) -> dict[str, Any]:
    may_answer = request.membership.can("tickets.answer")
    view = request.GET.get("view", DEFAULT_VIEW)
    return _thread_context(request, found) | {
        "wait": wait_of(found, timezone.now()),
        "why": reasons_in_words(found),
        "beside": beside(found),
        "may_answer": may_answer,
        "draft": draft_of(found, request.membership) if may_answer else None,
        "macros": list(Macro.objects.filter(is_active=True).order_by("-used_count", "name"))
        if may_answer
        else [],
        "members": answering_members(request.merchant.pk) if may_answer else [],
        "snoozes": snooze_choices(request) if may_answer else [],
        "priorities": found._meta.get_field("priority").choices,
        "key": uuid.uuid4().hex,
        "state": urlencode({"view": view if view in VIEWS else DEFAULT_VIEW}),
    }


def snooze_choices(request: StaffRequest) -> list[tuple[str, str, datetime]]:
    """(what the form sends, in words, the instant), in the shop's time zone."""
    now = timezone.localtime(timezone.now(), request.merchant.zone)
    tomorrow = datetime.combine(now.date() + timedelta(days=1), time(9), now.tzinfo)
    monday = datetime.combine(now.date() + timedelta(days=7 - now.weekday()), time(9), now.tzinfo)
    choices = [
        (now + timedelta(hours=1), _("In an hour")),
        (now + timedelta(hours=4), _("In four hours")),
        (tomorrow, _("Tomorrow at 9")),
        (tomorrow + timedelta(days=2), _("In three days")),
        (monday, _("Next Monday")),
    ]
    return [(at.isoformat(timespec="minutes"), words, at) for at, words in choices]
