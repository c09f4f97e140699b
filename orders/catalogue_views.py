"""Products and sales channels for staff."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from crm.accounts.routes import StaffRequest
from crm.lib.listing import Choices, Filter, read
from orders import selectors
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
    return render(request, "orders/channel_list.html", {"channels": list(selectors.channels_with_counts())})
