"""Writing a wording, and how the shop asks."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from customers.models.wording import Channel, Purpose
from customers.wordings.house import languages
from customers.wordings.services import LONGEST_TEXT


class WordingForm(forms.Form):
    """A new version. Which text it is of stands in hidden fields."""

    purpose = forms.ChoiceField(choices=Purpose, widget=forms.HiddenInput)
    channel = forms.ChoiceField(choices=Channel, widget=forms.HiddenInput)
    language = forms.ChoiceField(choices=languages, widget=forms.HiddenInput)
    text = forms.CharField(
        label=_("What people agree to"), max_length=LONGEST_TEXT, widget=forms.Textarea(attrs={"rows": 6})
    )
    valid_from = forms.DateTimeField(
        label=_("Shown from"),
        required=False,
        help_text=_("Empty: at once."),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )


class ConsentSettingsForm(forms.Form):
    double_opt_in = forms.BooleanField(
        label=_("E-mail marketing has to be confirmed by mail"),
        required=False,
        help_text=_(
            "Who says yes gets a mail with a button, and is written to after pressing it. Courts in Germany,"
            " Austria and Switzerland ask for it."
        ),
    )
