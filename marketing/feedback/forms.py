"""Where bounces arrive."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _


class BounceMailboxForm(forms.Form):
    """The password is kept encrypted and never shown again."""

    address = forms.CharField(
        label=_("Address for bounces"),
        max_length=254,
        required=False,
        help_text=_(
            "Campaign mails carry it as the address that they come back to, with a mark behind a plus:"
            " bounces+…@shop.com. The mailbox must take such addresses. Empty: bounces go to the sender."
        ),
    )
    host = forms.CharField(
        label=_("IMAP server"), max_length=200, required=False, help_text=_("Empty: nothing is fetched.")
    )
    port = forms.IntegerField(label=_("Port"), min_value=1, max_value=65_535, initial=993)
    tls = forms.BooleanField(label=_("TLS"), required=False, initial=True)
    user = forms.CharField(label=_("User name"), max_length=200, required=False)
    password = forms.CharField(
        label=_("Password"),
        max_length=500,
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("Leave it empty to keep the one that is stored."),
    )
