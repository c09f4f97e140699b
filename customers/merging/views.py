"""Merging two people, undoing it, and the queue of conflicts: who, what, do, show."""

from __future__ import annotations

import json

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from crm.accounts.routes import StaffRequest
from customers.conflicts import conflict_keep_apart
from customers.merging import selectors
from customers.merging.fields import field_names
from customers.merging.preview import merge_preview, undo_preview
from customers.merging.services import customers_merge, merge_undo
from customers.models import Customer
from customers.searching import customer_ids_found
from customers.selectors import customer_for

# The form's names of the choices: no field of a customer can take the place of another input.
PREFIX = "keep_"
MOST_FOUND = 20


@require_safe
def customer_merge_find(request: StaffRequest, customer_id: int) -> HttpResponse:
    """Whom to merge with: a search that leaves this person out; for htmx its results."""
    customer = customer_for(membership=request.membership, customer_id=customer_id)
    text = request.GET.get("q", "")[:200]
    found: list[Customer] = []
    if text:
        rows = Customer.objects.present().visible_to(request.membership).exclude(pk=customer.pk)
        rows = rows.filter(pk__in=customer_ids_found(text)).select_related("metrics")
        found = list(rows.order_by("-metrics__last_order_at", "-pk")[:MOST_FOUND])
    context = {"customer": customer, "q": text, "found": found, "asked": []}
    context["asked"] = selectors.conflicts_of(customer, request.membership)
    context["may_see"] = request.membership.can("customers.pii")
    is_fragment = request.headers.get("HX-Request") == "true"
    name = "_merge_found.html" if is_fragment else "merge_find.html"
    return render(request, f"customers/merging/{name}", context)


def customer_merge(request: StaffRequest, customer_id: int, other_id: int) -> HttpResponse:
    """Both side by side; a POST merges the other into the first. For htmx what the choices would do."""
    survivor = customer_for(membership=request.membership, customer_id=customer_id)
    absorbed = customer_for(membership=request.membership, customer_id=other_id)
    choices = _choices(request.POST if request.method == "POST" else request.GET)
    if request.method == "POST":
        record = customers_merge(survivor=survivor, absorbed=absorbed, choices=choices, by=request.membership)
        text = _("Merged. Undo it any time from this page.")
        messages.success(request, text)
        return redirect("customer_record", record.survivor_id)
    preview = merge_preview(survivor=survivor, absorbed=absorbed, choices=choices)
    context = {
        "survivor": survivor,
        "absorbed": absorbed,
        "preview": preview,
        "fields": selectors.choosable(preview.fields),
        "conflict": selectors.conflict_between(survivor, absorbed),
        "may_see": request.membership.can("customers.pii"),
        "prefix": PREFIX,
    }
    is_fragment = request.headers.get("HX-Request") == "true"
    name = "_merge_outcome.html" if is_fragment else "merge.html"
    return render(request, f"customers/merging/{name}", context)


def _choices(data: QueryDict) -> dict[str, str]:
    return {name: str(data[PREFIX + name]) for name in field_names() if data.get(PREFIX + name)}


@require_safe
def customer_merges(request: StaffRequest, customer_id: int) -> HttpResponse:
    """The card: what this person is made of, and who they might be; empty when nothing."""
    customer = customer_for(membership=request.membership, customer_id=customer_id)
    context = {
        "customer": customer,
        "merges": selectors.merges_of(customer, request.membership),
        "asked": selectors.conflicts_of(customer, request.membership),
        "may_merge": request.membership.can("customers.merge"),
    }
    return render(request, "customers/merging/_customer_merges.html", context)


def merge_take_back(request: StaffRequest, merge_id: int) -> HttpResponse:
    """The side panel tells what undoing would do; a POST does it."""
    record = selectors.merge_for(membership=request.membership, merge_id=merge_id)
    if request.method != "POST":
        preview = undo_preview(record=record, by=request.membership) if record.is_active else None
        context = {"record": record, "preview": preview}
        return render(request, "customers/merging/_undo.html", context)
    merge_undo(record=record, by=request.membership)
    messages.success(request, _("Undone: they are two customers again."))
    target = reverse("customer_record", args=[record.absorbed_id])
    if request.headers.get("HX-Request") == "true":
        return HttpResponse(headers={"HX-Redirect": target})
    return redirect(target)


@require_safe
def conflict_list(request: StaffRequest) -> HttpResponse:
    """Pairs that something named at once, for staff to decide."""
    after = request.GET.get("after", "")
    page, asked = selectors.conflict_page(membership=request.membership, after=after)
    more = f"{request.path}?after={page.after}" if page.after else ""
    context = {
        "asked": asked,
        "more": more,
        "may_see": request.membership.can("customers.pii"),
        "may_merge": request.membership.can("customers.merge"),
    }
    name = "_conflict_rows.html" if after else "conflict_list.html"
    return render(request, f"customers/merging/{name}", context)


@require_POST
def conflict_apart(request: StaffRequest, conflict_id: int) -> HttpResponse:
    """They are two people: the answer is kept, the row goes away."""
    conflict = selectors.conflict_for(membership=request.membership, conflict_id=conflict_id)
    conflict_keep_apart(conflict=conflict, by=request.membership)
    text = _("Kept apart. You won't be asked about these two again.")
    if request.headers.get("HX-Request") == "true":
        trigger = {"toast": {"text": text, "tone": "good"}}
        return HttpResponse(headers={"HX-Trigger": json.dumps(trigger)})
    messages.success(request, text)
    return redirect("conflict_list")
