"""Forms of the staff pages."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from crm.lib.money import minor_units


class ShipmentForm(forms.Form):
    """A parcel that left."""

    carrier = forms.CharField(label=_("Carrier"), max_length=60)
    tracking_number = forms.CharField(label=_("Tracking number"), max_length=100, required=False)
    tracking_url = forms.URLField(
        label=_("Tracking page"), max_length=500, required=False, assume_scheme="https"
    )
    promised_on = forms.DateField(
        label=_("Promised for"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )


class RefundForm(forms.Form):
    """Money that went back, in the order's currency; at most what is left of it."""

    amount = forms.DecimalField(label=_("Amount"), max_digits=19, decimal_places=4)
    reason = forms.CharField(label=_("Reason"), max_length=200, required=False)

    def __init__(self, *args: Any, left: Decimal, currency: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.left = left
        field: Any = self.fields["amount"]
        step = Decimal(1).scaleb(-minor_units(currency))
        field.decimal_places = minor_units(currency)
        field.widget.attrs |= {"step": str(step), "min": str(step), "max": str(left), "inputmode": "decimal"}
        field.help_text = _("In %(currency)s. The money itself is sent by the shop's payment provider.") % {
            "currency": currency
        }

    def clean_amount(self) -> Decimal:
        amount: Decimal = self.cleaned_data["amount"]
        if amount <= 0:
            raise forms.ValidationError(_("The amount must be above zero."))
        if amount > self.left:
            raise forms.ValidationError(_("At most %(left)s can go back."), params={"left": self.left})
        return amount
