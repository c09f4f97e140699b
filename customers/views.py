"""The customer list and the form: who, what, do, show."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from crm.accounts.routes import StaffRequest
from crm.accounts.saved_views.selectors import default_address, tabs_with, views_of
from crm.lib.errors import Rejected
from crm.lib.http import safe_next
from crm.lib.ids import row_ids
from customers import selectors
from customers.belongings import company_named
from customers.bulk import MOST_SELECTED, customers_assign, customers_tag
from customers.columns import chooser_of
from customers.fields.forms import initial_values
from customers.fields.selectors import definitions_seen
from customers.filters import forget_facets, listing_of, members, tabs_of
from customers.forms import CustomerForm, initial_of, refusal_to_form
from customers.models import Customer
from customers.registries import LIST_ACTIONS
from customers.row_drawing import rows_drawn
from customers.selectors import customer_for
from customers.services import customer_change, customer_create


@require_safe
def customer_list(request: StaffRequest) -> HttpResponse:
    """The list; for htmx its results, and with a cursor only the next rows. Bare, the member's default
    view."""
    if not request.GET and (default := default_address(request.membership, "customers", request.path)):
        return redirect(default)
    listing = listing_of(request.GET, request.path, request.membership)
    columns = chooser_of(listing)
    found = selectors.customer_list(membership=request.membership, listing=listing, related=columns.related)
    sight = columns.sight(found.page.rows, request.membership)
    may_edit = request.membership.can("customers.edit")
    may_export = request.membership.can("customers.export")
    actions = [one for one in LIST_ACTIONS if request.membership.can(one.needs)]
    can_tick = may_edit or may_export or bool(actions)
    context = {
        "listing": listing,
        "found": found,
        "columns": columns,
        "rows": rows_drawn(found.page.rows, columns.chosen, sight, can_tick=can_tick),
        "more": listing.more(found.page.after),
        "may_edit": may_edit,
        "may_change_all": request.membership.can("customers.bulk"),
        "may_export": may_export,
        "list_actions": actions,
    }
    if listing.after:
        return render(request, "customers/_customer_list_rows.html", context)
    context["views"] = views = views_of(request.membership, listing, "customers")
    if request.headers.get("HX-Request") == "true":
        return render(request, "customers/_customer_list_results.html", context)
    tabs = tabs_with(views, tabs_of(listing), listing)
    context |= {"tabs": tabs, "members": members() if context["may_edit"] else []}
    return render(request, "customers/customer_list.html", context)


@require_POST
def customer_bulk(request: StaffRequest) -> HttpResponse:
    """One change to the ticked customers."""
    ids = row_ids(request.POST.getlist("ids"))[:MOST_SELECTED]
    rows = Customer.objects.visible_to(request.membership).filter(pk__in=ids)
    if not ids:
        raise Rejected(_("Tick at least one customer."))
    action = request.POST.get("action", "")
    if action in ("tag", "untag"):
        tag = request.POST.get("tag", "")
        changed = customers_tag(merchant=request.merchant, customers=rows, tag=tag, remove=action == "untag")
        forget_facets(request.merchant.pk)
    elif action == "assign":
        chosen = {str(one.pk): one for one in members()}.get(request.POST.get("owner", ""))
        changed = customers_assign(merchant=request.merchant, customers=rows, owner=chosen)
    else:
        raise Rejected(_("Choose what to do."))
    text = ngettext("%(count)s customer changed.", "%(count)s customers changed.", changed)
    messages.success(request, text % {"count": changed})
    return redirect(safe_next(request, reverse("customer_list")))


def customer_new(request: StaffRequest) -> HttpResponse:
    fields = definitions_seen(request.membership)
    given = initial_values(fields, {one.key: one.default for one in fields})
    given |= {"kind": Customer.Kind.PERSON, "stage": Customer.Stage.LEAD}
    form = CustomerForm(request.POST or None, initial=given, definitions=fields)
    if request.method == "POST" and form.is_valid():
        try:
            customer = customer_create(merchant=request.merchant, source="staff", **_values(request, form))
        except Rejected as refusal:
            refusal_to_form(form, refusal, request.membership)
        else:
            messages.success(request, _("%(name)s is in.") % {"name": customer})
            return redirect("customer_record", customer.pk)
    status = 422 if form.errors else 200
    return render(request, "customers/customer_form.html", {"form": form, "customer": None}, status=status)


def customer_edit(request: StaffRequest, customer_id: int) -> HttpResponse:
    customer = customer_for(membership=request.membership, customer_id=customer_id)
    fields = definitions_seen(request.membership)
    initial = initial_of(customer) | initial_values(fields, customer.attributes)
    form = CustomerForm(request.POST or None, initial=initial, definitions=fields)
    if not request.membership.can("customers.pii"):
        for name in ("email", "phone"):
            form.fields.pop(name)
    if request.method == "POST" and form.is_valid():
        try:
            customer_change(customer=customer, source="staff", **_values(request, form))
        except Rejected as refusal:
            refusal_to_form(form, refusal, request.membership)
        else:
            forget_facets(request.merchant.pk)
            messages.success(request, _("Saved."))
            return redirect("customer_record", customer.pk)
    status = 422 if form.errors else 200
    return render(
        request, "customers/customer_form.html", {"form": form, "customer": customer}, status=status
    )


def _values(request: StaffRequest, form: CustomerForm) -> dict[str, Any]:
    values = form.values()
    values["company"] = company_named(merchant=request.merchant, name=values["company"])
    return values
