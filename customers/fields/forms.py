"""Custom fields in forms: the inputs of a customer's values, and the form of a definition.

The inputs take whatever was typed; customers/fields/values.py decides, as for every other way in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from crm.accounts.models import Membership
from crm.lib.tenancy import scoped_merchant_id
from crm.lib.ui.places import country_choices
from customers.fields.selectors import subjects
from customers.fields.values import LONGEST
from customers.models import Company, FieldDefinition

Type = FieldDefinition.Type
PREFIX = "field_"
# A list up to here is shown as boxes to tick; a longer one as a list to choose from.
MOST_BOXES = 12
INPUT_TYPES = {Type.EMAIL: "email", Type.PHONE: "tel", Type.DATE: "date", Type.INSTANT: "datetime-local"}


def add_inputs(form: forms.Form, definitions: Iterable[FieldDefinition]) -> None:
    """An input for each field, named field_<key>."""
    for one in definitions:
        form.fields[f"{PREFIX}{one.key}"] = input_of(one)


class OwnFieldsForm(forms.Form):
    """A form of a noun that has fields of the shop's own: an input for each of `definitions`."""

    def __init__(self, *args: Any, definitions: Sequence[FieldDefinition] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.definitions = definitions
        add_inputs(self, definitions)

    @property
    def own_sections(self) -> list[tuple[str, list[forms.BoundField]]]:
        """The shop's own fields under their headings."""
        found: dict[str, list[forms.BoundField]] = {}
        for one in self.definitions:
            if f"{PREFIX}{one.key}" in self.fields:
                found.setdefault(one.section, []).append(self[f"{PREFIX}{one.key}"])
        return list(found.items())

    def values(self) -> dict[str, Any]:
        """What the noun's service takes: the cleaned values, the shop's own fields as `attributes`."""
        said = {name: value for name, value in self.cleaned_data.items() if not name.startswith(PREFIX)}
        return said | {"attributes": typed_values(self, self.definitions)}


def input_of(one: FieldDefinition) -> forms.Field:
    common: dict[str, Any] = {"label": one.label, "required": one.is_required, "help_text": _help(one)}
    if one.type == Type.CHOICES:
        few = len(one.choices) <= MOST_BOXES
        widget = forms.CheckboxSelectMultiple if few else forms.SelectMultiple(attrs={"size": 8})
        return forms.MultipleChoiceField(choices=list(one.labels.items()), widget=widget, **common)
    if options := _options(one):
        return forms.ChoiceField(choices=[("", _("Not known")), *options], **common)
    if one.type == Type.LONG:
        return forms.CharField(
            max_length=LONGEST[Type.LONG], widget=forms.Textarea(attrs={"rows": 3}), **common
        )
    return forms.CharField(max_length=LONGEST.get(Type(one.type), 300), widget=_widget(one), **common)


def _options(one: FieldDefinition) -> list[tuple[str, str]]:
    if one.type == Type.CHOICE:
        return list(one.labels.items())
    if one.type == Type.YES_NO:
        return [("yes", _("Yes")), ("no", _("No"))]
    if one.type == Type.COUNTRY:
        return country_choices()
    if one.type == Type.MEMBER:
        working = Membership.objects.filter(merchant_id=scoped_merchant_id(), is_active=True)
        named = working.select_related("user").order_by("user__name", "user__email")
        return [(str(member.pk), str(member.user)) for member in named]
    return []


def _widget(one: FieldDefinition) -> forms.Widget:
    attrs: dict[str, str] = {"autocomplete": "off"}
    if one.type in (Type.NUMBER, Type.MONEY):
        attrs["inputmode"] = "decimal"
    if one.type in INPUT_TYPES:
        attrs["type"] = INPUT_TYPES[Type(one.type)]
    if one.type == Type.DATE:
        attrs |= {name: one.rules[name] for name in ("min", "max") if name in one.rules}
    return forms.TextInput(attrs=attrs)


def _help(one: FieldDefinition) -> str:
    hints = {
        Type.CUSTOMER: gettext_lazy("An e-mail address, or the customer's number."),
        Type.COMPANY: gettext_lazy("The company's name."),
        Type.URL: gettext_lazy("Such as https://example.com."),
    }
    if one.help:
        return one.help
    if one.rules.get("pattern"):
        return _("Like %(pattern)s: # is a digit, @ a letter.") % {"pattern": one.rules["pattern"]}
    return str(hints.get(Type(one.type), ""))


def initial_values(definitions: Iterable[FieldDefinition], attributes: Mapping[str, Any]) -> dict[str, Any]:
    """What the inputs show for these values."""
    return {f"{PREFIX}{one.key}": _typed(one, attributes.get(one.key)) for one in definitions}


def _typed(one: FieldDefinition, value: Any) -> Any:
    if value is None or isinstance(value, list):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if one.type == Type.COMPANY and isinstance(value, int):
        return Company.objects.filter(pk=value).values_list("name", flat=True).first() or str(value)
    if one.type == Type.INSTANT:
        try:
            return timezone.localtime(datetime.fromisoformat(str(value))).strftime("%Y-%m-%dT%H:%M")
        except ValueError:  # stored before the field had this type
            return str(value)
    return str(value)


def typed_values(form: forms.Form, definitions: Iterable[FieldDefinition]) -> dict[str, Any]:
    """key → what was typed, for the service to read; fields that the form doesn't have are left out."""
    names = {one.key: f"{PREFIX}{one.key}" for one in definitions}
    return {key: form.cleaned_data[name] or None for key, name in names.items() if name in form.cleaned_data}


# --- definitions ----------------------------------------------------------------------------------------


class DefinitionForm(forms.Form):
    """A field as the shop describes it. `choices_text` has one choice a line, `value = label` or a label."""

    label = forms.CharField(
        label=gettext_lazy("Label"),
        max_length=80,
        help_text=gettext_lazy("What staff read: “Favourite tea”."),
    )
    type = forms.ChoiceField(label=pgettext_lazy("of a field", "Type"), choices=Type.choices)
    choices_text = forms.CharField(
        label=gettext_lazy("Choices"),
        required=False,
        max_length=200_000,
        widget=forms.Textarea(attrs={"rows": 6}),
        help_text=gettext_lazy("One a line. “green = Green tea” stores green and shows Green tea."),
    )
    section = forms.CharField(
        label=gettext_lazy("Section"),
        max_length=80,
        required=False,
        help_text=gettext_lazy("Fields of one section stand together under its name."),
    )
    help = forms.CharField(
        label=gettext_lazy("Help"),
        max_length=300,
        required=False,
        help_text=gettext_lazy("Shown below the input."),
    )
    applies_to = forms.ChoiceField(label=gettext_lazy("Belongs to"), required=False)
    key = forms.CharField(
        label=pgettext_lazy("of a field", "Key"),
        max_length=40,
        required=False,
        help_text=gettext_lazy(
            "How programs and mails name it: customer.attributes.key. It can't change later."
        ),
    )
    is_required = forms.BooleanField(
        label=gettext_lazy("Must be filled in"),
        required=False,
        help_text=gettext_lazy(
            "By staff and programs. Orders and sign-ups, which can't know it, come in without."
        ),
    )
    is_unique = forms.BooleanField(label=gettext_lazy("No two may have the same"), required=False)
    is_personal = forms.BooleanField(
        label=gettext_lazy("Personal"),
        required=False,
        help_text=gettext_lazy(
            "Hidden from roles that see e-mail addresses masked; gone when somebody is erased."
        ),
    )
    minimum = forms.CharField(label=gettext_lazy("At least"), max_length=20, required=False)
    maximum = forms.CharField(
        label=gettext_lazy("At most"),
        max_length=20,
        required=False,
        help_text=gettext_lazy("Of a number, an amount or a day; letters of a text."),
    )
    pattern = forms.CharField(
        label=gettext_lazy("Pattern"),
        max_length=80,
        required=False,
        help_text=gettext_lazy("For texts: # is a digit, @ a letter, * anything. “AB-####” takes AB-1234."),
    )
    default = forms.CharField(label=gettext_lazy("Filled in at first"), max_length=300, required=False)

    def __init__(self, *args: Any, is_new: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["applies_to"].choices = subjects()  # type: ignore[attr-defined]
        if not is_new or len(subjects()) == 1:
            del self.fields["applies_to"]
        if not is_new:
            del self.fields["key"]

    def values(self) -> dict[str, Any]:
        """What the services take."""
        said = dict(self.cleaned_data)
        rules = {"min": said.pop("minimum"), "max": said.pop("maximum"), "pattern": said.pop("pattern")}
        said["rules"] = {name: value for name, value in rules.items() if value}
        said["choices"] = choices_of(said.pop("choices_text"))
        said["default"] = said["default"] or None
        if not said.get("applies_to"):
            said.pop("applies_to", None)
        return said


def choices_of(text: str) -> list[dict[str, str]]:
    """The lines as choices; empty ones are left out."""
    found = []
    for line in text.splitlines():
        value, sign, label = line.partition(" = ")
        if line.strip():
            found.append({"value": value.strip(), "label": (label if sign else value).strip()})
    return found


def definition_initial(one: FieldDefinition) -> dict[str, Any]:
    same = ("label", "type", "section", "help", "is_required", "is_unique", "is_personal")
    lines = [
        choice["label"] if choice["label"] == choice["value"] else f"{choice['value']} = {choice['label']}"
        for choice in one.choices
    ]
    default = ", ".join(one.default) if isinstance(one.default, list) else one.default
    return {name: getattr(one, name) for name in same} | {
        "minimum": one.rules.get("min", ""),
        "maximum": one.rules.get("max", ""),
        "pattern": one.rules.get("pattern", ""),
        "choices_text": "\n".join(lines),
        "default": "" if default is None else default,
    }


# Where a refusal about a property is shown in the form.
INPUTS = {"choices": "choices_text", "min": "minimum", "max": "maximum", "rules": "minimum"}
