"""Forms of the company pages."""

from __future__ import annotations

from typing import Any

from django import forms
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.accounts.models import Membership, Team
from crm.lib.money import CURRENCIES
from crm.lib.ui.places import country_choices
from customers.companies.filters import price_groups
from customers.fields.forms import OwnFieldsForm
from customers.filters import members
from customers.models import Company, CompanyContact
from customers.services import clean_tags

SAME = (
    *("name", "kind", "tax_number", "registration_number", "website", "email", "phone", "country", "region"),
    *("city", "price_group", "credit_limit", "currency", "payment_days", "external_id"),
)


def suggest(url_name: str, list_id: str) -> dict[str, Any]:
    """Attributes of a field whose datalist fills while somebody types."""
    return {
        "list": list_id,
        "autocomplete": "off",
        "hx-get": reverse_lazy(url_name),
        "hx-trigger": "input changed delay:200ms",
        "hx-target": f"#{list_id}",
        "hx-swap": "innerHTML",
        "hx-sync": "this:replace",
    }


class CompanyForm(OwnFieldsForm):
    """What a company is. `parent` is an id, checked by the view against what the member may see."""

    name = forms.CharField(label=pgettext_lazy("of a thing", "Name"), max_length=200)
    kind = forms.ChoiceField(label=_("Kind"), choices=Company.Kind)
    parent = forms.CharField(
        label=_("Belongs to"),
        required=False,
        max_length=220,
        help_text=_("The firm above it in the tree; type its name."),
        widget=forms.TextInput(attrs=suggest("company_find", "company-names")),
    )
    tax_number = forms.CharField(
        label=_("Tax or VAT number"),
        required=False,
        max_length=40,
        help_text=_("Checked by the rules of its country."),
    )
    registration_number = forms.CharField(label=_("Registration number"), required=False, max_length=60)
    website = forms.CharField(label=_("Website"), required=False, max_length=300)
    email = forms.CharField(label=_("E-mail"), required=False, max_length=320)
    phone = forms.CharField(label=_("Phone"), required=False, max_length=40)
    country = forms.RegexField(r"^[A-Za-z]{2}$", label=_("Country"), required=False, widget=forms.Select)
    region = forms.CharField(label=_("Province or region"), required=False, max_length=100)
    city = forms.CharField(label=_("City"), required=False, max_length=100)
    price_group = forms.CharField(
        label=_("Price group"),
        required=False,
        max_length=60,
        widget=forms.TextInput(attrs={"list": "price-groups", "autocomplete": "off"}),
    )
    credit_limit = forms.DecimalField(
        label=_("Credit limit"), required=False, min_value=0, max_digits=15, decimal_places=2
    )
    currency = forms.ChoiceField(label=_("Currency"), required=False)
    payment_days = forms.IntegerField(label=_("Pays within days"), required=False, min_value=0, max_value=365)
    owner = forms.ChoiceField(label=pgettext_lazy("who looks after a customer", "Owner"), required=False)
    team = forms.ChoiceField(label=pgettext_lazy("who works here", "Team"), required=False)
    tags = forms.CharField(
        label=_("Tags"), required=False, max_length=2_000, help_text=_("Separate them with commas.")
    )
    external_id = forms.CharField(
        label=_("Id in another system"), required=False, max_length=100, help_text=_("Must be its only one.")
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.members = {str(one.pk): one for one in members()}
        self.teams = {str(one.pk): one for one in Team.objects.order_by("name")}
        self.groups = price_groups()
        self._choose(
            "owner", [("", _("Nobody")), *((key, str(one.user)) for key, one in self.members.items())]
        )
        self._choose("team", [("", _("None")), *((key, one.name) for key, one in self.teams.items())])
        self._choose("currency", [("", _("the books' currency")), *((code, code) for code in CURRENCIES)])
        self.fields["country"].widget.choices = [("", _("Not known")), *country_choices()]

    def _choose(self, name: str, choices: list[tuple[str, Any]]) -> None:
        self.fields[name].choices = choices  # type: ignore[attr-defined]

    def clean_tags(self) -> list[str]:
        return clean_tags(self.cleaned_data["tags"].replace("，", ",").replace("、", ",").split(","))

    def clean_owner(self) -> Membership | None:
        return self.members.get(self.cleaned_data["owner"])

    def clean_team(self) -> Team | None:
        return self.teams.get(self.cleaned_data["team"])


def initial_of(company: Company) -> dict[str, Any]:
    """The form's values for this company."""
    return {name: getattr(company, name) for name in SAME} | {
        "parent": f"{company.parent.name} #{company.parent_id}" if company.parent else "",
        "tags": ", ".join(company.tags),
        "credit_limit": "" if company.credit_limit is None else f"{company.credit_limit.normalize():f}",
        "owner": str(company.owner_id or ""),
        "team": str(company.team_id or ""),
    }


class ContactForm(forms.Form):
    """How somebody speaks for the company; `who` is found by name, e-mail or phone."""

    who = forms.CharField(
        label=_("Who"),
        max_length=320,
        help_text=_("Name, e-mail or phone of somebody who is a customer or contact already."),
        widget=forms.TextInput(attrs=suggest("contact_find", "contact-names")),
    )
    roles = forms.MultipleChoiceField(
        label=_("Speaks as"),
        choices=CompanyContact.Role,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    title = forms.CharField(label=_("Position"), required=False, max_length=120)
    is_primary = forms.BooleanField(label=_("The first to ask"), required=False)


class ContactChangeForm(ContactForm):
    who = None  # type: ignore[assignment]  # Django's way of leaving a field out


class MergeForm(forms.Form):
    """The other company, by its number or name."""

    absorbed = forms.CharField(
        label=_("The other company"),
        max_length=220,
        help_text=_("What hangs on it moves here; it stays in the archive."),
        widget=forms.TextInput(attrs=suggest("company_find", "company-names")),
    )
