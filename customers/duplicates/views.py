"""The queue of probable duplicates: one pair, one key, the next pair."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from crm.accounts.models import Membership
from crm.accounts.routes import StaffRequest
from crm.lib.ui.parts import Tab
from customers.duplicates import deciding
from customers.duplicates.selectors import Desk, desk_of, open_pairs_of, pair_for
from customers.duplicates.wording import verdict_words
from customers.models import DuplicatePair
from customers.selectors import customer_for

Decide = Callable[..., DuplicatePair]


@require_safe
def duplicate_queue(request: StaffRequest) -> HttpResponse:
    """The page, or for htmx the desk with the pair behind the cursor."""
    context = _context(request)
    if request.headers.get("HX-Request") == "true":
        return render(request, "customers/_duplicate_desk.html", context)
    return render(request, "customers/duplicate_queue.html", context)


@require_POST
def duplicate_accept(request: StaffRequest, pair_id: int) -> HttpResponse:
    return _decided(request, pair_id, deciding.pair_accept, _("Merged. u undoes it."))


@require_POST
def duplicate_refuse(request: StaffRequest, pair_id: int) -> HttpResponse:
    return _decided(request, pair_id, deciding.pair_refuse, _("Kept as two people. u undoes it."))


@require_POST
def duplicate_undo(request: StaffRequest, pair_id: int) -> HttpResponse:
    """The pair is open again and stands on the desk."""
    pair = pair_for(membership=request.membership, pair_id=pair_id)
    pair = deciding.pair_undo(pair=pair, by=request.membership)
    # Just before it in the order of the queue, so that it comes first.
    return _answer(request, {"after": f"{pair.score!r}:{pair.pk + 1}"}, said=_("Undone."), tone="good")


@require_safe
def customer_duplicates(request: StaffRequest, customer_id: int) -> HttpResponse:
    """The card of the customer page; empty when nobody looks like them."""
    customer = customer_for(membership=request.membership, customer_id=customer_id)
    pairs = open_pairs_of(membership=request.membership, customer=customer)
    found = [(pair, other, verdict_words(pair.probability)) for pair, other in pairs]
    return render(request, "customers/_customer_duplicates.html", {"found": found})


def _decided(request: StaffRequest, pair_id: int, decide: Decide, said: str) -> HttpResponse:
    pair = pair_for(membership=request.membership, pair_id=pair_id)
    after = {"after": request.GET.get("after", "")}
    try:
        decide(pair=pair, by=request.membership)
    except deciding.AlreadyDecided as late:
        # A colleague was faster: not this person's fault, and the next pair is what they want.
        return _answer(request, after, said=_late_words(late), tone="warn")
    return _answer(request, {**after, "last": str(pair.pk)}, said=said, tone="good")


def _late_words(late: deciding.AlreadyDecided) -> str:
    by: Membership | None = late.pair.decided_by
    if by is None:
        return str(late.message)
    if late.pair.state == DuplicatePair.State.MERGED:
        return _("%(name)s has merged these two just before you.") % {"name": by.user}
    return _("%(name)s has kept these two apart just before you.") % {"name": by.user}


def _answer(request: StaffRequest, state: dict[str, str], *, said: str, tone: str) -> HttpResponse:
    """The desk with the next pair and a toast; without htmx the page."""
    if request.headers.get("HX-Request") != "true":
        query = urlencode({"band": _band(request), **state})
        return redirect(f"{reverse('duplicate_queue')}?{query}")
    response = render(request, "customers/_duplicate_desk.html", _context(request, **state))
    response["HX-Trigger"] = json.dumps({"toast": {"text": said, "tone": tone}})
    return response


def _band(request: StaffRequest) -> str:
    asked = request.GET.get("band", "")
    return asked if asked in DuplicatePair.Band.values else ""


def _context(request: StaffRequest, **state: str) -> dict[str, Any]:
    """`after` and `last` come from the address unless a decision says otherwise."""
    band = _band(request)
    after = state.get("after", request.GET.get("after", ""))
    desk = desk_of(membership=request.membership, band=band, after=after)
    return {
        "desk": desk,
        "shown": desk.shown,
        "band": band,
        "query": urlencode({"band": band, "after": after}),
        "skip_query": urlencode({"band": band, "after": desk.shown.cursor if desk.shown else ""}),
        "last": _last(request, state.get("last", request.GET.get("last", ""))),
        "tabs": _tabs(desk, band),
        "may_merge": request.membership.can("customers.merge"),
        "may_see": request.membership.can("customers.pii"),
    }


def _last(request: StaffRequest, pk: str) -> DuplicatePair | None:
    """What this member decided last here, which `u` undoes."""
    if not pk.isdecimal() or len(pk) > 18:
        return None
    decided = DuplicatePair.objects.filter(decided_by=request.membership).exclude(
        state=DuplicatePair.State.OPEN
    )
    found: DuplicatePair | None = decided.filter(pk=int(pk)).first()
    return found


def _tabs(desk: Desk, band: str) -> list[Tab]:
    here = reverse("duplicate_queue")
    every = [Tab(_("All"), here, not band, desk.total)]
    return every + [
        Tab(str(one.label), f"{here}?band={one.value}", band == one.value, desk.counts.get(one.value, 0))
        for one in DuplicatePair.Band
    ]
