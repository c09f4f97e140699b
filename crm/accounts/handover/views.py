"""Settings: what leavers held, who gets it, and the receipt."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from crm.accounts.handover import selectors
from crm.accounts.handover.asking import MOST_LETTERS, Ask, handover_assign
from crm.accounts.handover.forms import HandoverForm
from crm.accounts.handover.models import Handover, HandoverMove
from crm.accounts.handover.opening import handover_open
from crm.accounts.handover.registry import HOLDINGS
from crm.accounts.handover.taking_back import handover_undo, undo_refusal
from crm.accounts.models import Membership
from crm.accounts.routes import StaffRequest
from crm.lib.errors import Rejected
from crm.lib.forms import blame
from crm.lib.ids import row_id, row_ids
from crm.lib.keyset import keyset_page


@require_safe
def handover_list(request: StaffRequest) -> HttpResponse:
    """Every transfer, newest first, with what is still held in the open ones."""
    page = keyset_page(selectors.handover_list(), order=["-id"], after=request.GET.get("after", ""))
    held = selectors.held_by([one.member_id for one in page.rows if one.is_open])
    rows = [
        (one, selectors.in_words(held.get(one.member_id, {})) if one.is_open else "") for one in page.rows
    ]
    more = f"{request.path}?after={page.after}" if page.after else ""
    fragment = request.headers.get("HX-Request") == "true"
    template = "accounts/_handover_rows.html" if fragment else "accounts/handover_list.html"
    return render(request, template, {"rows": rows, "more": more})


@require_POST
def member_handover(request: StaffRequest, pk: int) -> HttpResponse:
    """Opens the transfer of somebody who left before there were any, or who was given something since."""
    member = get_object_or_404(Membership.objects.select_related("user"), merchant=request.merchant, pk=pk)
    handover = handover_open(membership=member)
    if handover is None:
        messages.info(request, _("%(name)s holds nothing.") % {"name": member.user})
        return redirect("member_list")
    return redirect("handover_record", handover.pk)


def handover_record(request: StaffRequest, handover_id: int) -> HttpResponse:
    """What is held, the form to share it out, and the rounds so far."""
    handover = _handover(handover_id)
    held = selectors.held_of(handover.member)
    people = list(selectors.candidates(request.merchant, without=handover.member))
    form = HandoverForm(request.POST or None, held=held, people=people)
    if request.method == "POST" and form.is_valid():
        try:
            move = handover_assign(handover=handover, ask=form.ask(), by=request.membership)
        except Rejected as refusal:
            blame(form, refusal)
        else:
            return redirect("handover_receipt", move.pk)
    context = {
        "handover": handover,
        "held": held,
        "has_any": any(one.count for one in held),
        "form": form,
        "moves": handover.moves.select_related("by__user").order_by("-id"),
        "most_letters": MOST_LETTERS,
    }
    return render(request, "accounts/handover_record.html", context, status=422 if form.errors else 200)


def _handover(handover_id: int) -> Handover:
    rows = Handover.objects.select_related("member__user", "member__merchant", "member__team")
    found: Handover = get_object_or_404(rows, pk=handover_id)
    return found


def handover_held(request: StaffRequest, handover_id: int, kind: str) -> HttpResponse:
    """The rows of one kind: those that are ticked go to one person."""
    handover, holding = _handover(handover_id), HOLDINGS.get(kind)
    if holding is None:
        raise Http404
    if request.method == "POST":
        ids, person = row_ids(request.POST.getlist("ids")), row_id(request.POST.get("person", ""))
        if not ids or person is None:
            raise Rejected(_("Tick what shall go, and choose to whom."))
        ask = Ask(how=HandoverMove.How.PERSON, kinds=[kind], people=[person], ids={kind: ids})
        move = handover_assign(handover=handover, ask=ask, by=request.membership)
        messages.success(request, _("Handed over: %(count)s.") % {"count": move.given})
        return redirect("handover_held", handover.pk, kind)
    rows = holding.of(handover.member).select_related(*holding.related)
    page = keyset_page(rows, order=["-pk"], after=request.GET.get("after", ""))
    people = [
        one
        for one in selectors.candidates(request.merchant, without=handover.member)
        if one.can(holding.needs)
    ]
    context = {
        "handover": handover,
        "holding": holding,
        "rows": selectors.shown(holding, page.rows),
        "people": people,
        "more": f"{request.path}?after={page.after}" if page.after else "",
    }
    fragment = request.headers.get("HX-Request") == "true"
    template = "accounts/_handover_held_rows.html" if fragment else "accounts/handover_held.html"
    return render(request, template, context)


@require_safe
def handover_receipt(request: StaffRequest, move_id: int) -> HttpResponse:
    """What went to whom; while it runs, how far it is."""
    move = _move(move_id)
    refusal = undo_refusal(move)
    context: dict[str, Any] = {
        "move": move,
        "receipt": selectors.receipt_of(move),
        "refusal": str(refusal.message) if refusal else "",
        "stayed": selectors.stayed_of(move) if move.stayed else [],
        "left": move.seen - move.given,
        "export_query": f"move={move.pk}",
    }
    fragment = request.headers.get("HX-Request") == "true"
    template = "accounts/_handover_receipt.html" if fragment else "accounts/handover_receipt.html"
    return render(request, template, context)


@require_POST
def handover_take_back(request: StaffRequest, move_id: int) -> HttpResponse:
    move = handover_undo(move=_move(move_id))
    if not move.is_working:
        messages.success(request, _("Given back: %(count)s.") % {"count": move.returned})
    return redirect("handover_receipt", move.pk)


def _move(move_id: int) -> HandoverMove:
    rows = HandoverMove.objects.select_related("handover__member__user", "by__user")
    found: HandoverMove = get_object_or_404(rows, pk=move_id)
    return found
