"""What a company's people ordered, what of it isn't paid, and where a distributor sells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db import transaction
from django.db.models import Count, Max, QuerySet, Sum
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from crm.accounts.models import Membership
from crm.accounts.routes import StaffRequest
from crm.events.emitting import emit
from crm.lib.money import ZERO
from customers.companies.events import COMPANY_CHANGED
from customers.companies.selectors import company_for
from customers.models import Company
from orders.models import Order, SalesChannel

NEWEST = 5


def owed(company_ids: Sequence[int]) -> dict[int, Decimal]:
    """What stands open of orders of each company's own people, in the books' currency: not cancelled, payment
    pending, less what was given back. Orders without a rate weigh nothing until they have one. One query."""
    rows = (
        Order.objects.placed()
        .filter(customer__company_id__in=company_ids, payment=Order.Payment.PENDING)
        .order_by()
        .values_list("customer__company_id")
        .annotate(total=Sum("base_total"), back=Sum("base_refunded"))
    )
    return {pk: (total or ZERO) - (back or ZERO) for pk, total, back in rows}


@dataclass(frozen=True)
class Summary:
    orders: int
    net: Decimal
    open: Decimal
    last_at: object
    newest: list[Order]


def orders_of(company: Company, membership: Membership) -> QuerySet[Order]:
    """Of everyone whose first company this is and whom the member sees."""
    rows: QuerySet[Order] = Order.objects.visible_to(membership).filter(customer__company=company)
    return rows


def summary_of(company: Company, membership: Membership) -> Summary:
    """Three queries."""
    rows = orders_of(company, membership)
    sums = rows.filter(cancelled_at__isnull=True).aggregate(
        many=Count("pk"), total=Sum("base_total"), back=Sum("base_refunded"), last=Max("placed_at")
    )
    newest = list(rows.select_related("customer", "channel").order_by("-placed_at", "-pk")[:NEWEST])
    return Summary(
        sums["many"],
        (sums["total"] or ZERO) - (sums["back"] or ZERO),
        owed([company.pk]).get(company.pk, ZERO),
        sums["last"],
        newest,
    )


@require_safe
def company_orders(request: StaffRequest, company_id: int) -> HttpResponse:
    """The card of the company page: figures, the newest orders, its channels."""
    company = company_for(membership=request.membership, company_id=company_id)
    context = {
        "company": company,
        "summary": summary_of(company, request.membership),
        "channels": list(company.channels.order_by("name")),
        "base_currency": request.merchant.base_currency,
    }
    return render(request, "orders/_company_orders.html", context)


@transaction.atomic
def channel_give(*, channel: SalesChannel, company: Company | None) -> bool:
    """The company (None: the shop itself) sells on this channel from now on; whether anything changed."""
    stored = SalesChannel.objects.select_for_update(of=("self",)).get(pk=channel.pk)
    before = stored.company_id
    after = company.pk if company else None
    if before == after:
        return False
    stored.company = channel.company = company
    stored.save(update_fields=["company"])
    for one in Company.objects.filter(pk__in=[pk for pk in (before, after) if pk]):
        data = {"company": one.name, "changes": "channels", "source": "staff"}
        emit(COMPANY_CHANGED, merchant=stored.merchant_id, subject=one, data=data)
    return True
