"""Settings → Suppression list. What is looked up is sent as a form, never in an address that logs keep."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from crm.accounts.routes import StaffRequest
from crm.accounts.selectors import actor_names
from crm.lib import listing
from crm.lib.errors import Conflict, Rejected
from crm.lib.keyset import count_of, keyset_page
from crm.lib.ui.formats import number_text
from crm.lib.ui.parts import Tab
from customers.forms import errors_to_form
from customers.models import Suppression
from customers.models.wording import Channel
from customers.suppressions import selectors, services
from customers.suppressions.forms import AddForm, BringForm, CheckForm, NoteForm

ORDER = ("-created_at", "-id")
TONES = {"complaint": "bad", "bounce": "warn", "erased": "info", "manual": ""}


@require_safe
def suppression_list(request: StaffRequest) -> HttpResponse:
    """The question, the counts, and the newest entries."""
    return _page(request)


def _page(request: StaffRequest, *, status: int = 200, **more: Any) -> HttpResponse:
    filters = (
        listing.Filter(
            "reason", _("Reason"), lambda rows, value: rows.filter(reason=value), choices=_reasons
        ),
    )
    asked = listing.read(request.GET, request.path, filters)
    rows = asked.narrow(Suppression.objects.all())
    page = keyset_page(rows, order=ORDER, after=asked.after)
    counts = selectors.suppression_counts()
    people = selectors.people_of(page.rows, request.membership)
    names = actor_names(merchant=request.merchant, actors={one.added_by for one in page.rows})
    counted = count_of(rows)
    whole = request.membership.sees_everything
    shown = []
    for one in page.rows:
        person = people.get(one.customer_id or 0)
        who = names.get(one.added_by, "")
        # A note speaks of somebody: whoever sees a part of the shop reads those of its people.
        shown.append((one, TONES[one.reason], person, one.note if whole or person else "", who))
    context = {
        "rows": shown,
        "more": asked.more(page.after),
        "total": listing.count_text(counted.number, counted.exact),
        "tabs": _tabs(asked, counts),
        "check_form": CheckForm(),
        "bring_form": BringForm(),
        "may_edit": request.membership.can("suppressions.edit"),
    } | more
    return render(request, "customers/suppressions/suppression_list.html", context, status=status)


def _reasons() -> list[tuple[str, Any]]:
    return list(Suppression.Reason.choices)


def _tabs(asked: listing.Listing, counts: dict[str, int]) -> list[Tab]:
    current = asked.on.get("reason", "")
    path = asked.path
    shown = [Tab(_("All"), path, not current, sum(counts.values()))]
    for value, label in Suppression.Reason.choices:
        shown.append(Tab(label, f"{path}?reason={value}", value == current, counts.get(value, 0)))
    return shown


@require_POST
def suppression_check(request: StaffRequest) -> HttpResponse:
    """Whether an address is on the list, and what can be done about it. Changes nothing."""
    form = CheckForm(request.POST)
    if not form.is_valid():
        return _page(request, status=422, check_form=form)
    return _answered(request, form)


def _answered(
    request: StaffRequest, form: CheckForm, *, status: int = 200, problem: forms.Form | None = None
) -> HttpResponse:
    """The page with the answer about the form's address, and the form that follows from it."""
    channel = form.cleaned_data["channel"]
    try:
        value = services.address_needed(request.merchant, channel, form.cleaned_data["address"])
    except Rejected as refusal:
        errors_to_form(form, refusal.fields, refusal.message)
        return _page(request, status=422, check_form=form)
    answer = selectors.suppression_answer(membership=request.membership, channel=channel, value=value)
    names = actor_names(merchant=request.merchant, actors={answer.entry.added_by} if answer.entry else set())
    follow = problem or (
        NoteForm() if answer.entry else AddForm(initial={"channel": channel, "address": value})
    )
    context = {
        "check_form": form,
        "answer": answer,
        "may_read": request.membership.sees_everything or answer.owner is not None,
        "answer_by": names.get(answer.entry.added_by, "") if answer.entry else "",
        "channel_label": Channel(channel).label,
        "follow_form": follow,
    }
    return _page(request, status=status, **context)


@require_POST
def suppression_add(request: StaffRequest) -> HttpResponse:
    form = AddForm(request.POST)
    if form.is_valid():
        said = form.cleaned_data
        try:
            services.suppression_add(merchant=request.merchant, **said)
        except Rejected as refusal:
            errors_to_form(form, refusal.fields, refusal.message)
        except Conflict as conflict:
            messages.info(request, str(conflict.message))
            return redirect("suppression_list")
        else:
            messages.success(request, _("Nobody writes to this address any more."))
            return redirect("suppression_list")
    check = CheckForm(request.POST)
    if not check.is_valid():
        return _page(request, status=422, check_form=check)
    return _answered(request, check, status=422, problem=form)


@require_POST
def suppression_release(request: StaffRequest, suppression_id: int) -> HttpResponse:
    """Lifts the entry of the address that was looked up: who lifts one has it before them."""
    entry = get_object_or_404(Suppression.objects.all(), pk=suppression_id)
    note, check = NoteForm(request.POST), CheckForm(request.POST)
    if not check.is_valid():
        return _page(request, status=422, check_form=check)
    if not note.is_valid():
        return _answered(request, check, status=422, problem=note)
    value = services.address_of(
        request.merchant, check.cleaned_data["channel"], check.cleaned_data["address"]
    )
    services.suppression_release(suppression=entry, note=note.cleaned_data["note"], address=value)
    messages.success(request, _("This address may be written to again, where its owner allows it."))
    return redirect("suppression_list")


@require_POST
def suppression_bring(request: StaffRequest) -> HttpResponse:
    """Puts the addresses of a text file on the list."""
    form = BringForm(request.POST, request.FILES)
    if form.is_valid():
        said = dict(form.cleaned_data)
        lines = said.pop("file")
        try:
            brought = services.suppressions_bring(merchant=request.merchant, lines=lines, **said)
        except Rejected as refusal:
            errors_to_form(form, refusal.fields, refusal.message)
        else:
            _tell(request, brought)
            return redirect("suppression_list")
    return _page(request, status=422, bring_form=form)


def _tell(request: StaffRequest, brought: services.Brought) -> None:
    words = ngettext("%(n)s address put on the list.", "%(n)s addresses put on the list.", brought.added)
    text = words % {"n": number_text(brought.added)}
    if brought.known:
        words = ngettext(
            "%(n)s was there already or twice.", "%(n)s were there already or twice.", brought.known
        )
        text += " " + words % {"n": number_text(brought.known)}
    messages.success(request, text)
    if brought.wrong:
        words = ngettext(
            "%(n)s line holds no address: %(lines)s.",
            "%(n)s lines hold no address: %(lines)s.",
            brought.wrong,
        )
        lines = ", ".join(str(one) for one in brought.wrong_lines)
        more = " …" if brought.wrong > len(brought.wrong_lines) else ""
        messages.warning(request, words % {"n": number_text(brought.wrong), "lines": lines + more})
