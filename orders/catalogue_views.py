"""Products and sales channels for staff."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.views.decorators.http import require_safe

from crm.accounts.routes import StaffRequest
from crm.lib.errors import NotFound, Rejected
from crm.lib.listing import Choices, Filter, read
from customers.companies.choosing import company_meant
from customers.companies.forms import suggest
from customers.forms import errors_to_form
from customers.models import Company
from orders import selectors
from orders.companies import channel_give
from orders.models import Product, SalesChannel

MOST_CATEGORIES = 200


def _filters() -> list[Filter]:
    return [
        Filter("channel", _("Channel"), lambda rows, pk: rows.filter(channel_id=int(pk)), _channels),
        Filter("category", _("Category"), lambda rows, value: rows.filter(category=value), _categories),
        Filter("state", _("State"), _in_state, lambda: [("on", _("On sale")), ("off", _("Not on sale"))]),
    ]


def _channels() -> Choices:
    return [(str(pk), name) for pk, name in SalesChannel.objects.order_by("name").values_list("pk", "name")]


def _categories() -> Choices:
    found = (
        Product.objects.exclude(category="")
        .order_by("category")
        .values_list("category", flat=True)
        .distinct()
    )
    return [(name, name) for name in found[:MOST_CATEGORIES]]


def _in_state(rows: QuerySet[Any], value: str) -> QuerySet[Any]:
    return rows.filter(is_active=value == "on")


@require_safe
def product_list(request: StaffRequest) -> HttpResponse:
    listing = read(request.GET, request.path, _filters())
    found = selectors.product_list(listing=listing)
    context = {
        "listing": listing,
        "found": found,
        "products": found.page.rows,
        "more": listing.more(found.page.after),
    }
    if request.headers.get("HX-Request") == "true":
        fragment = "_product_list_rows.html" if listing.after else "_product_list_results.html"
        return render(request, f"orders/{fragment}", context)
    return render(request, "orders/product_list.html", context)


@require_safe
def product_record(request: StaffRequest, product_id: int) -> HttpResponse:
    product = selectors.product_for(product_id)
    context = {
        "product": product,
        "facts": selectors.product_facts(membership=request.membership, product=product),
        "variants": list(product.variants.order_by("title", "id")),
    }
    return render(request, "orders/product_record.html", context)


@require_safe
def channel_list(request: StaffRequest) -> HttpResponse:
    channels = list(selectors.channels_with_counts(request.membership))
    sellers = [channel.company_id for channel in channels if channel.company_id]
    seen = Company.objects.visible_to(request.membership).filter(pk__in=sellers)
    context = {
        "channels": channels,
        "seen": set(seen.values_list("pk", flat=True)),
        "may_edit": request.membership.can("companies.edit"),
    }
    return render(request, "orders/channel_list.html", context)


class SellerForm(forms.Form):
    """Who sells on a channel; empty for the shop itself."""

    company = forms.CharField(
        label=_lazy("Sold by"),
        required=False,
        max_length=220,
        help_text=_lazy("The distributor whose channel this is; leave it empty for your own."),
        widget=forms.TextInput(attrs=suggest("company_find", "company-names")),
    )


def channel_seller(request: StaffRequest, channel_id: int) -> HttpResponse:
    """Which company sells on the channel; not for whom that company is somebody else's."""
    channel = SalesChannel.objects.select_related("company").filter(pk=channel_id).first()
    seen = Company.objects.visible_to(request.membership)
    if channel is None or (channel.company_id and not seen.filter(pk=channel.company_id).exists()):
        raise NotFound()
    now = f"{channel.company} #{channel.company_id}" if channel.company else ""
    form = SellerForm(request.POST or None, initial={"company": now})
    if request.method == "POST" and form.is_valid():
        try:
            company = company_meant(form.cleaned_data["company"], request.membership, field="company")
        except Rejected as refusal:
            errors_to_form(form, refusal.fields, refusal.message)
        else:
            channel_give(channel=channel, company=company)
            messages.success(request, _("Saved."))
            return redirect("channel_list")
    status = 422 if form.errors else 200
    return render(request, "orders/channel_seller.html", {"form": form, "channel": channel}, status=status)
