"""Forms of the settings pages. They check shape; the services decide."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.accounts.models import ApiKey, Membership, Merchant, Team, User
from crm.accounts.permissions import SCOPES, Role
from crm.lib.money import CURRENCIES, validate_currency

ZONES = sorted(
    zone for zone in available_timezones() if "/" in zone and not zone.startswith(("Etc/", "SystemV/"))
)
COLOR = re.compile(r"#[0-9a-f]{6}", re.IGNORECASE)


class ProfileForm(forms.ModelForm[User]):
    language = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES)
    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        choices=[
            ("", _("The shop's")),
            ("UTC", "UTC"),
            *((zone, zone.replace("_", " ")) for zone in ZONES),
        ],
        required=False,
        help_text=_("Your tasks fall due, and reminders come, by this zone."),
    )
    theme = forms.ChoiceField(
        label=_("Appearance"),
        choices=[("auto", _("As the device")), ("light", _("Light")), ("dark", _("Dark"))],
        widget=forms.RadioSelect,
    )

    class Meta:
        model = User
        fields = ["name", "time_zone"]
        help_texts = {"name": _("As colleagues and customers see it.")}

    field_order = ["name", "language", "theme"]


class MerchantForm(forms.ModelForm[Merchant]):
    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        choices=[("UTC", "UTC"), *((zone, zone.replace("_", " ")) for zone in ZONES)],
        help_text=_("Days begin and end, and times are shown, in this zone."),
    )
    locale = forms.ChoiceField(
        label=_("Language of the shop"),
        choices=settings.LANGUAGES,
        help_text=_("What customers get when we don't know theirs."),
    )
    website = forms.URLField(label=_("Website"), required=False, assume_scheme="https")
    brand_color = forms.CharField(label=_("Brand colour"), widget=forms.TextInput(attrs={"type": "color"}))

    class Meta:
        model = Merchant
        fields = [
            *("name", "website", "brand_color", "time_zone", "locale", "country"),
            *("sender_name", "sender_email", "support_email", "postal_address"),
        ]
        help_texts = {
            "country": _(
                "Two letters, such as CN or DE. Phone numbers without a prefix are read as this country's."
            ),
            "sender_email": _("Campaigns and answers come from this address."),
            "support_email": _("Shown to customers who need help."),
            "postal_address": _("The law wants it at the foot of every campaign."),
        }

    def clean_brand_color(self) -> str:
        color = str(self.cleaned_data["brand_color"])
        if not COLOR.fullmatch(color):
            raise ValidationError(_("Use a colour such as #0f766e."), code="color")
        return color.lower()

    def clean_country(self) -> str:
        country = str(self.cleaned_data["country"]).upper()
        if not re.fullmatch("[A-Z]{2}", country):
            raise ValidationError(_("Use the two letters of the country."), code="country")
        return country

    def changes(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in self.Meta.fields}


class MemberForm(forms.Form):
    """Role, team and what the member sees."""

    role = forms.ChoiceField(label=_("Role"), choices=Role.choices)
    team = forms.ModelChoiceField(
        label=_("Team"), queryset=Team.objects.none(), required=False, empty_label=_("No team")
    )
    visibility = forms.ChoiceField(
        label=_("Sees which customers, orders and tickets"), choices=Membership.Visibility.choices
    )
    region = forms.CharField(
        label=_("Only of this region"),
        max_length=60,
        required=False,
        help_text=_(
            "By any name, such as Zhejiang or 浙江, with all that lies in it (Settings → Regions)."
            " Their own customers they see in any case."
        ),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["team"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = Team.objects.order_by("name")


class InviteForm(MemberForm):
    email = forms.EmailField(label=_("E-mail"), widget=forms.EmailInput(attrs={"autocomplete": "off"}))
    name = forms.CharField(label=_("Name"), max_length=120, required=False)

    field_order = ["email", "name", "role", "team", "visibility", "region"]


class TeamForm(forms.ModelForm[Team]):
    class Meta:
        model = Team
        fields = ["name"]


class ApiKeyForm(forms.Form):
    name = forms.CharField(
        label=pgettext_lazy("of a thing", "Name"),
        max_length=80,
        help_text=_("What uses it, such as “Warehouse sync”."),
    )
    scopes = forms.MultipleChoiceField(
        label=_("What it may do"), choices=list(SCOPES.items()), widget=forms.CheckboxSelectMultiple
    )
    bound = forms.ChoiceField(
        label=_("Sees"),
        choices=ApiKey.Bound.choices,
        required=False,
        help_text=_(
            "A key for a part of the shop only reads: customers, companies, tasks, orders, tickets, reviews."
        ),
    )
    team = forms.ModelChoiceField(
        label=_("Team"), queryset=Team.objects.none(), required=False, empty_label=_("No team")
    )
    region = forms.CharField(label=_("Region"), max_length=60, required=False)
    expires_on = forms.DateField(
        label=_("Stops working after"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["team"].queryset = Team.objects.order_by("name")  # type: ignore[attr-defined]


class RateForm(forms.Form):
    currency = forms.CharField(
        label=_("Currency"),
        max_length=3,
        validators=[validate_currency],
        widget=forms.Select(choices=[(code, code) for code in CURRENCIES]),
    )
    rate = forms.DecimalField(
        label=_("One unit is worth"), max_digits=18, decimal_places=8, min_value=Decimal("0.00000001")
    )
    valid_from_on = forms.DateField(
        label=_("Valid from"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )


class JoinForm(forms.Form):
    """An invited person's name and first password."""

    name = forms.CharField(
        label=_("Your name"), max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    password = forms.CharField(
        label=_("Choose a password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("At least 8 characters; a sentence is easier to remember than a riddle."),
    )
