"""One customer as a file for a telephone."""

from __future__ import annotations

from django.db import transaction
from django.http import HttpResponse
from django.views.decorators.http import require_POST

from crm.accounts.events import DATA_EXPORTED
from crm.accounts.routes import StaffRequest
from crm.events.emitting import emit
from crm.lib.errors import NotFound
from customers.cards import cards
from customers.models import Customer
from customers.selectors import customer_for


@require_POST
def customer_card(request: StaffRequest, customer_id: int) -> HttpResponse:
    """The vCard, for who may see personal data in full; it stands in the audit log before it is sent."""
    customer = customer_for(membership=request.membership, customer_id=customer_id)
    if customer.erased_at is not None:
        raise NotFound()
    with transaction.atomic():
        emit(
            DATA_EXPORTED,
            merchant=request.merchant,
            customer=customer,
            subject=customer,
            data={"what": "customer_card", "rows": 1, "format": "vcf", "filters": ""},
        )
    (card,) = cards(Customer.objects.filter(pk=customer.pk), whole=True)
    response = HttpResponse(card, content_type="text/vcard; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="customer-{customer.pk}.vcf"'
    response["Cache-Control"] = "private, no-store"
    return response
