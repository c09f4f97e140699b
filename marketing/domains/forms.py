"""Adding a sender domain."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from marketing.models import SenderDomain


class DomainForm(forms.Form):
    domain = forms.CharField(
        label=_("Domain"),
        max_length=253,
        help_text=_("What stands behind the @ of your sender address, such as shop.com."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )


class KeyForm(forms.Form):
    key_type = forms.ChoiceField(
        label=_("Kind of key"),
        choices=SenderDomain.KeyType,
        initial=SenderDomain.KeyType.RSA,
        help_text=_(
            "RSA is read by everybody. Ed25519 is shorter, and several large receivers don't check it."
        ),
    )
