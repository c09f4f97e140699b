"""What a customer types to get in, and what they allow."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from customers.models import PortalSettings
from customers.normalising import normalise_email


class SignInForm(forms.Form):
    """An order or ticket number and the e-mail or phone given with it."""

    reference = forms.CharField(
        label=_("Order or ticket number"),
        max_length=60,
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}
        ),
    )
    contact = forms.CharField(
        label=_("E-mail or phone"),
        help_text=_("The one you gave with the order."),
        max_length=320,
        widget=forms.TextInput(attrs={"autocomplete": "email", "inputmode": "email", "spellcheck": "false"}),
    )


class CodeForm(forms.Form):
    """Six digits; spaces and dashes that a mail program added are dropped."""

    code = forms.CharField(
        label=_("Code"),
        max_length=12,
        widget=forms.TextInput(
            attrs={
                "autocomplete": "one-time-code",
                "inputmode": "numeric",
                "class": "gx-code-input",
                "autofocus": True,
                "spellcheck": "false",
            }
        ),
    )

    def clean_code(self) -> str:
        digits = "".join(
            letter for letter in self.cleaned_data["code"] if letter.isascii() and letter.isdigit()
        )
        if len(digits) != 6:
            raise forms.ValidationError(_("The code has six digits."))
        return digits


class PortalSettingsForm(forms.ModelForm[PortalSettings]):
    class Meta:
        model = PortalSettings
        fields = ["welcome", "return_days", "return_note", "contact_form"]
        help_texts = {
            "welcome": _("Stands above the sign-in, for example when you answer."),
            "return_days": _("Counted from delivery. 0 means that nothing can be sent back here."),
            "return_note": _("Shown where a customer asks for a return: who pays, where to send it."),
        }


def cleaned_email(value: Any) -> str:
    """The normalised address. Raises ValidationError when it is none."""
    address = normalise_email(str(value or ""))
    if not address:
        raise forms.ValidationError(_("This is not an e-mail address."))
    return address
