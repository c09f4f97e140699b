"""Forms of the staff pages."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.accounts.forms import ZONES
from crm.accounts.models import Membership
from crm.lib.errors import Rejected
from crm.lib.ui.places import country_choices
from customers.codes import HEARD
from customers.fields.forms import PREFIX, OwnFieldsForm
from customers.filters import members
from customers.models import Address, Customer, Identity
from customers.models.consent import Channel, Purpose
from customers.services import LONGEST_TAG, clean_tags

LANGUAGES = (("", _("Not known")), ("en", "English"), ("zh-hans", "简体中文"), ("zh-hant", "繁體中文"))


class CustomerForm(OwnFieldsForm):
    """Who somebody is. Owner and company are looked up in `cleaned` by the view's services."""

    name = forms.CharField(label=_("Name"), max_length=200, required=False)
    email = forms.CharField(label=_("E-mail"), max_length=320, required=False)
    phone = forms.CharField(
        label=_("Phone"),
        max_length=40,
        required=False,
        help_text=_("Numbers abroad start with + and the country."),
    )
    kind = forms.ChoiceField(label=_("Kind"), choices=Customer.Kind)
    stage = forms.ChoiceField(label=_("Stage"), choices=Customer.Stage)
    grade = forms.CharField(label=_("Grade"), max_length=20, required=False)
    company = forms.CharField(label=_("Company"), max_length=200, required=False)
    language = forms.ChoiceField(label=_("Language"), choices=LANGUAGES, required=False)
    time_zone = forms.ChoiceField(label=_("Time zone"), required=False)
    country = forms.RegexField(
        r"^[A-Za-z]{2}$",
        label=_("Country"),
        required=False,
        error_messages={"invalid": _("Use the two letters of the country, such as CN or DE.")},
        widget=forms.Select,
    )
    region = forms.CharField(label=_("Province or region"), max_length=100, required=False)
    city = forms.CharField(label=_("City"), max_length=100, required=False)
    birthday_on = forms.DateField(
        label=_("Birthday"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    tags = forms.CharField(
        label=_("Tags"), required=False, max_length=2_000, help_text=_("Separate them with commas.")
    )
    owner = forms.ChoiceField(label=pgettext_lazy("who looks after a customer", "Owner"), required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.members = {str(one.pk): one for one in members()}
        choices = [("", _("Nobody")), *((key, str(one.user)) for key, one in self.members.items())]
        self.fields["owner"].choices = choices  # type: ignore[attr-defined]
        zones = [("", _("The shop's")), *((zone, zone.replace("_", " ")) for zone in ZONES)]
        self.fields["time_zone"].choices = zones  # type: ignore[attr-defined]
        self.fields["country"].widget.choices = [("", _("Not known")), *country_choices()]

    def clean_tags(self) -> list[str]:
        return clean_tags(self.cleaned_data["tags"].replace("，", ",").replace("、", ",").split(","))

    def clean_country(self) -> str:
        return str(self.cleaned_data["country"]).upper()

    def clean_owner(self) -> Membership | None:
        return self.members.get(self.cleaned_data["owner"])


def initial_of(customer: Customer) -> dict[str, Any]:
    """The form's values for this customer."""
    same = (
        "name",
        "email",
        "phone",
        "kind",
        "stage",
        "language",
        "time_zone",
        "grade",
        "country",
        "region",
        "city",
        "birthday_on",
    )
    return {name: getattr(customer, name) for name in same} | {
        "company": customer.company.name if customer.company else "",
        "tags": ", ".join(customer.tags),
        "owner": str(customer.owner_id or ""),
    }


class IdentityForm(forms.Form):
    kind = forms.ChoiceField(label=_("What"), choices=[])
    value = forms.CharField(label=_("Value"), max_length=320)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        by_hand = (Identity.Kind.EMAIL, Identity.Kind.PHONE, Identity.Kind.WECHAT_UNIONID)
        self.fields["kind"].choices = [(one.value, one.label) for one in by_hand]  # type: ignore[attr-defined]


class NoteForm(forms.Form):
    text = forms.CharField(
        label=_("Note"), max_length=5_000, widget=forms.Textarea(attrs={"rows": 2}), strip=True
    )


class AddressForm(forms.ModelForm[Address]):
    """The parts of an address, Chinese or Western; the service checks them."""

    class Meta:
        model = Address
        fields = (
            *("kind", "name", "phone", "country", "province", "city", "district", "line1", "line2"),
            *("postal_code", "is_default"),
        )
        labels = {
            "kind": _("For"),
            "name": _("Recipient"),
            "phone": _("Phone"),
            "line1": _("Street and number"),
            "line2": _("Addition"),
            "district": _("District"),
            "city": _("City"),
            "province": _("Province or region"),
            "postal_code": _("Postal code"),
            "country": _("Country"),
            "is_default": _("The one to use"),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [("", _("Not known")), *country_choices()]
        self.fields["country"] = forms.ChoiceField(label=_("Country"), choices=choices, required=False)


class ConsentForm(forms.Form):
    """One answer, as a colleague heard it. A yes needs what shows it; a no is taken as it comes."""

    channel = forms.ChoiceField(choices=Channel, widget=forms.HiddenInput)
    purpose = forms.ChoiceField(choices=Purpose, widget=forms.HiddenInput)
    granted = forms.TypedChoiceField(
        choices=[("1", "1"), ("0", "0")], coerce=lambda value: value == "1", widget=forms.HiddenInput
    )
    source = forms.ChoiceField(label=_("How did they say so?"), choices=HEARD)
    note = forms.CharField(
        label=_("What shows it?"),
        max_length=500,
        required=False,
        help_text=_("Where the signed form lies, which call it was, who stood there."),
        error_messages={"required": _("A yes has to be provable: write down what shows it.")},
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    # The text that was read to them: one of this channel and purpose, "" for none of ours.
    wording = forms.ChoiceField(label=_("Which text did they agree to?"), required=False)

    def __init__(self, *args: Any, wordings: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [*wordings, ("", _("Another one, see the note"))]
        self.fields["wording"].choices = choices  # type: ignore[attr-defined]
        self.fields["note"].required = self["granted"].value() == "1"


class TagForm(forms.Form):
    tag = forms.CharField(label=_("Tag"), max_length=LONGEST_TAG)


def errors_to_form(form: forms.BaseForm, fields: dict[str, list[Any]], message: Any) -> None:
    """Puts a service's refusal where the person typed."""
    for name, texts in fields.items():
        name = name.replace("attributes.", PREFIX)
        form.add_error(name if name in form.fields else None, [str(text) for text in texts])
    if not fields:
        form.add_error(None, str(message))


def refusal_to_form(form: forms.BaseForm, refusal: Rejected, membership: Membership) -> None:
    """The same for a member: whose an address is already, is told only to who sees everybody."""
    if refusal.code_name == "identity_taken" and not membership.sees_everything:
        taken = _("This belongs to a customer already. Ask an owner or manager whose it is.")
        errors_to_form(form, {name: [taken] for name in refusal.fields}, taken)
    else:
        errors_to_form(form, refusal.fields, refusal.message)
