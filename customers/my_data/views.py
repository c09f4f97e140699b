"""Staff have the package made for somebody who asked by phone or by letter."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from crm.accounts.proving import has_proved, prove
from crm.accounts.routes import StaffRequest
from crm.accounts.selectors import actor_names
from customers.models import Customer, DataPackage
from customers.my_data.portal import zip_response
from customers.my_data.services import KEEP, package_ask, package_fetch
from customers.selectors import customer_for

MOST_SHOWN = 20
TONES = {DataPackage.State.READY: "good", DataPackage.State.FAILED: "bad"}


class DataForm(forms.Form):
    reason = forms.CharField(
        label=gettext_lazy("Why?"),
        min_length=5,
        max_length=300,
        help_text=gettext_lazy("Who asked, how, and how you knew that it was they."),
    )


def customer_data(request: StaffRequest, customer_id: int) -> HttpResponse:
    """What was made for the customer, by them and by colleagues; a POST has a package made."""
    customer = customer_for(membership=request.membership, customer_id=customer_id)
    if not has_proved(request):
        return prove(request, back=request.path)
    form = DataForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        package_ask(
            merchant=request.merchant,
            customer=customer,
            way=DataPackage.Way.STAFF,
            reason=form.cleaned_data["reason"],
        )
        messages.success(request, _("The package is being written. It takes up to a few minutes."))
        return redirect("customer_data", customer.pk)
    status = 422 if form.errors else 200
    return render(
        request, "customers/my_data/customer_data.html", _page(request, customer, form), status=status
    )


def _page(request: StaffRequest, customer: Customer, form: DataForm) -> dict[str, object]:
    packages = list(DataPackage.objects.filter(customer=customer).order_by("-created_at", "-id")[:MOST_SHOWN])
    names = actor_names(merchant=request.merchant, actors={one.requested_by for one in packages})
    return {
        "customer": customer,
        "form": form,
        "days": KEEP.days,
        "rows": [
            (one, names.get(one.requested_by, _("The customer")), TONES.get(DataPackage.State(one.state), ""))
            for one in packages
        ],
        "refresh": any(one.is_working for one in packages),
    }


@require_POST
def customer_data_file(request: StaffRequest, customer_id: int, package_id: int) -> HttpResponseBase:
    """The zip that staff had made; the customer's own is theirs alone. Who took it is on record first."""
    customer = customer_for(membership=request.membership, customer_id=customer_id)
    if not has_proved(request):
        return prove(request, back=f"/customers/{customer.pk}/data/")
    made = DataPackage.objects.filter(customer=customer, way=DataPackage.Way.STAFF)
    package = package_fetch(package=get_object_or_404(made, pk=package_id))
    return zip_response(package, f"customer-{customer.pk}")
