"""Staff pages of what is done by hand: who was put in or kept out, from a segment, a customer, the list of
customers, or a file."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_GET, require_POST

from crm.accounts.routes import StaffRequest
from crm.lib import listing
from crm.lib.errors import Forbidden, Rejected
from crm.lib.http import safe_next
from crm.lib.ids import row_id, row_ids
from crm.lib.keyset import keyset_page
from customers.bulk_changes.services import rows_of
from customers.models import Customer
from customers.searching import customer_ids_found
from customers.selectors import customer_for
from marketing.models import Segment
from marketing.segments import pinning, selectors
from marketing.segments.file_members import FILE_LIMITS, members_from_file

HITS = 8
# Everybody whom a list finds, in pieces; more belongs into a rule or a file.
MOST_FOUND = 50_000


def _segment(pk: int) -> Segment:
    segment: Segment = get_object_or_404(Segment.objects.select_related("merchant"), pk=pk)
    return segment


@require_GET
def segment_hand(request: StaffRequest, pk: int) -> HttpResponse:
    """Everybody put in or kept out by hand, newest first."""
    segment = _segment(pk)
    asked = listing.read(request.GET, request.path, ())
    rows = selectors.pins_of(segment, request.membership)
    page = keyset_page(rows, order=("-created_at", "-pk"), after=asked.after)
    context = {"segment": segment, "pins": page.rows, "more": asked.more(page.after)}
    fragment = request.headers.get("HX-Request") == "true"
    return render(
        request, "segments/_segment_pins.html" if fragment else "segments/segment_hand.html", context
    )


@require_GET
def segment_hand_find(request: StaffRequest, pk: int) -> HttpResponse:
    """People to put in or keep out, as the words typed find them."""
    segment = _segment(pk)
    query = request.GET.get("q", "").strip()
    found = customer_ids_found(query) if query else []
    seen = Customer.objects.visible_to(request.membership).present().filter(pk__in=found)
    hits = list(seen.order_by("-metrics__last_order_at", "-pk")[:HITS])
    context = {"segment": segment, "hits": hits, "query": query}
    return render(request, "segments/_segment_hand_hits.html", context)


@require_POST
def segment_pin(request: StaffRequest, pk: int) -> HttpResponse:
    """Puts the posted customers in, keeps them out, or leaves them to the rule; whom the member may not see
    is not found."""
    segment = _segment(pk)
    named = row_ids(request.POST.getlist("ids"))
    seen = Customer.objects.visible_to(request.membership).filter(pk__in=named)
    state = request.POST.get("state", "")
    done = pinning.members_pin(
        segment=segment,
        customer_ids=list(seen.values_list("pk", flat=True)),
        state=state,
        actor=request.membership,
    )
    messages.success(request, _done(done.changed, state, segment))
    return redirect(safe_next(request, reverse("segment_detail", args=[segment.pk])))


def _done(changed: int, state: str, segment: Segment) -> str:
    said = {
        pinning.IN: ngettext(
            "%(count)s person put into “%(name)s”.", "%(count)s people put into “%(name)s”.", changed
        ),
        pinning.OUT: ngettext(
            "%(count)s person kept out of “%(name)s”.", "%(count)s people kept out of “%(name)s”.", changed
        ),
    }
    taken_back = ngettext(
        "%(count)s change by hand in “%(name)s” taken back.",
        "%(count)s changes by hand in “%(name)s” taken back.",
        changed,
    )
    return said.get(state, taken_back) % {"count": f"{changed:,}", "name": segment.name}


# --- a file -------------------------------------------------------------------------------------------------


class FileForm(forms.Form):
    file = forms.FileField(label=gettext_lazy("File"), widget=forms.FileInput(attrs={"data-max-mb": "20"}))
    state = forms.ChoiceField(label=gettext_lazy("What to do with them"))

    def __init__(self, *args: Any, segment: Segment, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(pinning.IN, _("Put them in"))]
        choices.append(
            (pinning.RULE, _("Take them off the list"))
            if segment.is_list
            else (pinning.OUT, _("Keep them out, whatever the rule says"))
        )
        self.fields["state"].choices = choices  # type: ignore[attr-defined]


def segment_file(request: StaffRequest, pk: int) -> HttpResponse:
    """People from a file: each row names one by id, e-mail or phone. Nobody is made of a row that names
    nobody; such rows are told."""
    segment = _segment(pk)
    form = FileForm(request.POST or None, request.FILES or None, segment=segment)
    result = None
    if request.method == "POST" and form.is_valid():
        try:
            result = members_from_file(
                segment=segment,
                upload=form.cleaned_data["file"],
                state=form.cleaned_data["state"],
                actor=request.membership,
            )
        except Rejected as refusal:
            form.add_error("file", str(refusal.message))
    context = {"segment": segment, "form": form, "result": result, "most": FILE_LIMITS.max_rows}
    return render(request, "segments/segment_file.html", context, status=422 if form.errors else 200)


# --- from the customers' side -------------------------------------------------------------------------------


def segment_pin_many(request: StaffRequest) -> HttpResponse:
    """The ticked ones of the customer list, or with `query` everyone it finds: first into which segment, then
    it is done."""
    asked: QueryDict = request.POST if request.method == "POST" else request.GET
    ids = row_ids(asked.getlist("ids")) or None
    query = "" if ids else asked.get("query", "")
    if ids is None and not request.membership.can("customers.bulk"):
        raise Forbidden(_("Everyone at once takes the permission “customers.bulk”. Tick rows instead."))
    rows = rows_of(request.membership, ids, query)
    segments = Segment.objects.live().order_by("kind", "name")
    chosen = row_id(request.POST.get("segment", "")) if "state" in request.POST else None
    segment = segments.select_related("merchant").filter(pk=chosen).first() if chosen is not None else None
    if segment is not None:
        changed = _pin_found(request, segment, rows)
        messages.success(request, _done(changed, request.POST["state"], segment))
        return redirect("segment_detail", segment.pk)
    context = {
        "ids": ids or [],
        "query": query,
        "found": rows.count(),
        "segments": list(segments),
        "wrong": "state" in request.POST,
    }
    return render(request, "segments/segment_pin_many.html", context, status=422 if context["wrong"] else 200)


def _pin_found(request: StaffRequest, segment: Segment, rows: Any) -> int:
    found = list(rows.order_by("pk").values_list("pk", flat=True)[: MOST_FOUND + 1])
    if len(found) > MOST_FOUND:
        text = _("At most %(most)s at once. Narrow the list, or make a rule of it.")
        raise Rejected(text % {"most": f"{MOST_FOUND:,}"}, code="too_many")
    done = pinning.members_pin_many(
        segment=segment, customer_ids=found, state=request.POST["state"], actor=request.membership
    )
    return done.changed


@require_GET
def customer_segments(request: StaffRequest, customer_id: int) -> HttpResponse:
    """The card on the customer page: which segments they are in, and by what."""
    customer = customer_for(membership=request.membership, customer_id=customer_id)
    may_edit = request.membership.can("segments.edit")
    rows = selectors.segments_of(customer)
    named = {segment.pk for segment, _inside, _pin in rows}
    others = Segment.objects.live().exclude(pk__in=named).order_by("kind", "name") if may_edit else []
    context = {"customer": customer, "rows": rows, "others": list(others), "may_edit": may_edit}
    return render(request, "segments/_customer_segments.html", context)


@require_POST
def customer_segment_pin(request: StaffRequest, customer_id: int) -> HttpResponse:
    """From the customer page: into a segment, out of it, or back to the rule."""
    customer = customer_for(membership=request.membership, customer_id=customer_id)
    number = row_id(request.POST.get("segment", ""))
    if number is None:
        raise Rejected(_("Choose a segment."), code="no_segment")
    segment = get_object_or_404(Segment.objects.live().select_related("merchant"), pk=number)
    state = request.POST.get("state", "")
    done = pinning.members_pin(
        segment=segment, customer_ids=[customer.pk], state=state, actor=request.membership
    )
    messages.success(request, _done(done.changed, state, segment))
    return redirect("customer_record", customer.pk)
