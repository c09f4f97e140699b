"""Staff erase a customer, take a waiting request back, and see who was erased."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from crm.accounts.proving import has_proved, prove
from crm.accounts.routes import StaffRequest
from crm.accounts.selectors import actor_names
from crm.lib.keyset import keyset_page
from crm.lib.privacy import concerns_about
from customers.models import Customer, Erasure
from customers.privacy.erasing import erasure_ask, erasure_cancel
from customers.selectors import customer_for

Reason = Erasure.Reason
# What a colleague may give as the reason; the others are the house's own.
REASONS = (Reason.ASKED, Reason.CONSENT, Reason.PURPOSE, Reason.UNLAWFUL)
TONES = {Erasure.State.WAITING: "warn", Erasure.State.DONE: "", Erasure.State.CANCELLED: "info"}


class EraseForm(forms.Form):
    """Why, and the customer's name or number typed once more, so that nobody erases the wrong one."""

    reason = forms.ChoiceField(
        label=gettext_lazy("Reason"), choices=[(reason.value, reason.label) for reason in REASONS]
    )
    typed = forms.CharField(
        label=gettext_lazy("Type the name to confirm"),
        max_length=320,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, customer: Customer, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.expected = str(customer)
        self.fields["typed"].help_text = self.expected

    def clean_typed(self) -> str:
        typed = " ".join(self.cleaned_data["typed"].split())
        if typed.casefold() != " ".join(self.expected.split()).casefold():
            raise forms.ValidationError(_("This is not the name of the customer who would be erased."))
        return typed


def customer_erase(request: StaffRequest, customer_id: int) -> HttpResponse:
    """What an erasure does and what is still open with the person; a POST has it done at once."""
    customer = customer_for(membership=request.membership, customer_id=customer_id)
    waiting = Erasure.objects.filter(customer_id=customer.pk, state=Erasure.State.WAITING).first()
    if customer.erased_at is not None:
        return redirect("customer_record", customer_id=customer.pk)
    if not has_proved(request):
        return prove(request, back=request.path)
    form = EraseForm(request.POST or None, customer=customer)
    if request.method == "POST" and form.is_valid():
        erasure_ask(customer=customer, reason=form.cleaned_data["reason"], by=f"user:{request.user.pk}")
        messages.success(request, _("The customer is being erased. It takes up to a few minutes."))
        return redirect("erasure_list")
    context = {
        "customer": customer,
        "form": form,
        "waiting": waiting,
        "concerns": concerns_about(customer.pk),
    }
    status = 422 if form.errors else 200
    return render(request, "customers/customer_erase.html", context, status=status)


@require_safe
def erasure_list(request: StaffRequest) -> HttpResponse:
    """Who of those whom the member sees asked to be erased and what became of it, newest first; no names, for
    there are none any more."""
    page = keyset_page(_seen_by(request), order=["-requested_at", "-id"], after=request.GET.get("after", ""))
    names = actor_names(merchant=request.merchant, actors={one.requested_by for one in page.rows})
    rows = [
        (one, names.get(one.requested_by, "") or _by(one.requested_by), TONES[Erasure.State(one.state)])
        for one in page.rows
    ]
    more = f"{request.path}?after={page.after}" if page.after else ""
    fragment = request.headers.get("HX-Request") and request.GET.get("after")
    template = "customers/_erasure_rows.html" if fragment else "customers/erasure_list.html"
    return render(request, template, {"rows": rows, "more": more})


def _seen_by(request: StaffRequest) -> QuerySet[Erasure]:
    """All of them for who sees the whole shop, also those of rows that are gone."""
    if request.membership.sees_everything:
        return Erasure.objects.all()
    seen = Customer.objects.visible_to(request.membership)
    return Erasure.objects.filter(customer_id__in=seen.values("pk"))


def _by(actor: str) -> str:
    return _("The customer") if actor.startswith("customer:") else _("The system")


@require_POST
def erasure_cancel_view(request: StaffRequest, erasure_id: int) -> HttpResponse:
    erasure_cancel(erasure=get_object_or_404(_seen_by(request), pk=erasure_id))
    messages.success(request, _("The request is taken back."))
    return redirect("erasure_list")
