"""Orders for staff: who, what, do, show."""

from __future__ import annotations

import uuid
from decimal import Decimal

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from crm.accounts.routes import StaffRequest
from crm.accounts.saved_views.selectors import default_address, tabs_with, views_of
from crm.lib.errors import NotFound
from customers.selectors import customer_for
from orders import selectors
from orders.drafts import RefundDraft, ShipmentDraft
from orders.filters import listing_of, tabs_of
from orders.forms import RefundForm, ShipmentForm
from orders.models import Order, Shipment
from orders.recording import refund_record, shipment_record
from orders.registries import ORDER_PANELS
from orders.returns import NEXT, return_decide
from orders.selectors import order_for


@require_safe
def order_list(request: StaffRequest) -> HttpResponse:
    """The list; for htmx its results, and with a cursor only the next rows. Bare, the member's default
    view."""
    if not request.GET and (default := default_address(request.membership, "orders", request.path)):
        return redirect(default)
    listing = listing_of(request.GET, request.path)
    found = selectors.order_list(membership=request.membership, listing=listing)
    context = {
        "listing": listing,
        "found": found,
        "orders": found.page.rows,
        "more": listing.more(found.page.after),
        "may_see": request.membership.can("customers.pii"),
        "may_export": request.membership.can("customers.export"),
        "today": timezone.localdate(),
    }
    if listing.after:
        return render(request, "orders/_order_list_rows.html", context)
    context["views"] = views = views_of(request.membership, listing, "orders")
    if request.headers.get("HX-Request") == "true":
        return render(request, "orders/_order_list_results.html", context)
    tabs = tabs_with(views, tabs_of(listing), listing)
    return render(request, "orders/order_list.html", context | {"tabs": tabs})


@require_safe
def order_record(request: StaffRequest, order_id: int) -> HttpResponse:
    order = order_for(membership=request.membership, order_id=order_id)
    record = selectors.order_record(order, request.membership)
    member = request.membership
    may_edit = member.can("orders.edit")
    panels = [(one, reverse(one.url_name, args=[order.pk])) for one in ORDER_PANELS if member.can(one.needs)]
    context = {
        "order": order,
        "record": record,
        "returns": [(one, NEXT.get(one.state, ()) if may_edit else ()) for one in record.returns],
        "base": request.merchant.base_currency,
        "may_edit": may_edit,
        "may_see": member.can("customers.pii"),
        "may_refund": may_edit and record.left > 0 and not order.is_cancelled,
        "may_ship": may_edit and not order.is_cancelled,
        "panels": panels,
    }
    return render(request, "orders/order_record.html", context)


def order_ship(request: StaffRequest, order_id: int) -> HttpResponse:
    """The side panel's form: a parcel left with this carrier."""
    order = order_for(membership=request.membership, order_id=order_id)
    form = ShipmentForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        draft = ShipmentDraft(
            external_id=f"staff-{uuid.uuid4().hex[:12]}",
            state=Shipment.State.IN_TRANSIT,
            shipped_at=timezone.now(),
            **form.cleaned_data,
        )
        shipment_record(order=order, draft=draft)
        messages.success(request, _("The parcel is on its way."))
        return _to_record(order)
    context = {"order": order, "form": form}
    return render(request, "orders/_order_ship.html", context, status=422 if form.errors else 200)


@require_POST
def order_delivered(request: StaffRequest, order_id: int, shipment_id: int) -> HttpResponse:
    """The parcel arrived."""
    order = order_for(membership=request.membership, order_id=order_id)
    shipment = order.shipments.filter(pk=shipment_id).first()
    if shipment is None:
        raise NotFound()
    draft = ShipmentDraft(
        external_id=shipment.external_id, state=Shipment.State.DELIVERED, delivered_at=timezone.now()
    )
    shipment_record(order=order, draft=draft)
    messages.success(request, _("The parcel is delivered."))
    return redirect("order_record", order.pk)


def order_refund(request: StaffRequest, order_id: int) -> HttpResponse:
    """The side panel's form: money went back."""
    order = order_for(membership=request.membership, order_id=order_id)
    form = RefundForm(request.POST or None, left=max(order.net, Decimal(0)), currency=order.currency)
    if request.method == "POST" and form.is_valid():
        draft = RefundDraft(
            external_id=f"staff-{uuid.uuid4().hex[:12]}",
            amount=form.cleaned_data["amount"],
            reason=form.cleaned_data["reason"],
            refunded_at=timezone.now(),
        )
        refund_record(order=order, draft=draft)
        messages.success(request, _("The refund is recorded."))
        return _to_record(order)
    context = {"order": order, "form": form}
    return render(request, "orders/_order_refund.html", context, status=422 if form.errors else 200)


@require_POST
def order_return_decide(request: StaffRequest, order_id: int, return_id: int) -> HttpResponse:
    """The return's next step; the customer is told by mail."""
    order = order_for(membership=request.membership, order_id=order_id)
    rma = order.returns.filter(pk=return_id).first()
    if rma is None:
        raise NotFound()
    decided = return_decide(
        merchant=request.merchant,
        rma=rma,
        state=request.POST.get("state", ""),
        note=request.POST.get("note", ""),
    )
    messages.success(
        request, _("Return %(number)s: %(state)s.") % {"number": rma, "state": decided.get_state_display()}
    )
    return redirect("order_record", order.pk)


def _to_record(order: Order) -> HttpResponse:
    """The whole page anew, since money, parcels and timeline all changed."""
    response = HttpResponse(status=204)
    response["HX-Redirect"] = reverse("order_record", args=[order.pk])
    return response


# --- the card on the customer page --------------------------------------------------------------------------


@require_safe
def customer_orders(request: StaffRequest, customer_id: int) -> HttpResponse:
    customer = customer_for(membership=request.membership, customer_id=customer_id)
    orders = selectors.newest_orders_of(customer.pk)
    more = customer.metrics.orders_count > len(orders)
    return render(
        request, "orders/_customer_orders.html", {"customer": customer, "orders": orders, "more": more}
    )
