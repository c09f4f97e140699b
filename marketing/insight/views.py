"""Home, the reports, and a customer's score."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from crm.accounts.routes import StaffRequest
from customers.selectors import customer_for
from marketing.insight import home as homes
from marketing.insight import scoring, selectors
from marketing.insight.models import Yardstick


@require_GET
def home(request: StaffRequest) -> HttpResponse:
    """What happened and what waits; refetched by itself when orders, tickets or reviews move."""
    context = {"home": homes.home(merchant=request.merchant, membership=request.membership)}
    fragment = request.headers.get("HX-Request") == "true"
    return render(request, "home/_home_board.html" if fragment else "home/home.html", context)


@require_GET
def insight(request: StaffRequest) -> HttpResponse:
    months, rfm = (
        selectors.months(request.merchant, request.membership),
        selectors.rfm_grid(request.membership),
    )
    is_empty = not (rfm.has_people or any(any(series.values) for series in months.series))
    context = {"months": months, "rfm": rfm, "is_empty": is_empty}
    return render(request, "insight/insight.html", context)


@require_GET
def insight_cohorts(request: StaffRequest) -> HttpResponse:
    return render(
        request, "insight/_cohorts.html", {"grid": selectors.cohorts(request.merchant, request.membership)}
    )


@require_GET
def insight_products(request: StaffRequest) -> HttpResponse:
    return render(
        request,
        "insight/_products.html",
        {"products": selectors.top_products(request.merchant, request.membership)},
    )


@require_GET
def customer_score(request: StaffRequest, customer_id: int) -> HttpResponse:
    """The card on the customer page: the score and what it is made of."""
    customer = customer_for(membership=request.membership, customer_id=customer_id)
    stick = Yardstick.objects.first() or scoring.measure(merchant_id=request.merchant.pk)
    context = {"customer": customer, "explanation": scoring.explain(customer.metrics, stick), "stick": stick}
    return render(request, "insight/_customer_score.html", context)
