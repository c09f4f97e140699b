"""What campaigns sent a customer, and why not: the card on the customer's page."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from crm.accounts.routes import StaffRequest
from customers.selectors import customer_for
from marketing.campaigns.selectors import mails_of


@require_GET
def customer_mails(request: StaffRequest, customer_id: int) -> HttpResponse:
    customer = customer_for(membership=request.membership, customer_id=customer_id)
    return render(request, "marketing/_customer_mails.html", {"mails": mails_of(customer.pk)})
