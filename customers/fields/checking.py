"""What makes a custom field's definition a sound one: its words, choices, limits and default."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from crm.lib.errors import Rejected, Text
from customers.fields.values import Misfit, Reader, clean_value, decimal_of
from customers.models import FieldDefinition

Type = FieldDefinition.Type
# What a form can show and a person can choose from; longer lists are companies, products, regions.
MOST_CHOICES = 1_000
LONGEST_CHOICE = 80
BOUNDED = (Type.NUMBER, Type.MONEY, Type.DATE, Type.TEXT, Type.LONG)
UNIQUE = (Type.TEXT, Type.NUMBER, Type.EMAIL, Type.PHONE, Type.URL)
CHANGEABLE = frozenset(
    {
        "label",
        "type",
        "section",
        "help",
        "is_required",
        "is_unique",
        "is_personal",
        "default",
        "rules",
        "choices",
    }
)


def fault(name: str, message: Text) -> Rejected:
    """The refusal of one property of a definition, to be raised."""
    return Rejected(message, code="bad_field", fields={name: [message]})


def fill(made: FieldDefinition, values: Mapping[str, Any]) -> None:
    """The values in the definition, checked and in their own form. Raises Rejected naming the property."""
    for name, value in values.items():
        if name not in CHANGEABLE:
            raise ValueError(f"not a field's property: {name}")
        setattr(made, name, value)
    if made.type not in Type.values:
        raise fault("type", _("Choose a type."))
    for name, most in (("label", 80), ("section", 80), ("help", 300)):
        text = " ".join(str(getattr(made, name)).split())
        if len(text) > most:
            raise fault(name, _("At most %(most)s letters.") % {"most": most})
        setattr(made, name, text)
    if not made.label:
        raise fault("label", _("Give the field a name."))
    if made.is_unique and made.type not in UNIQUE:
        raise fault("is_unique", _("Only texts, numbers, addresses and phones can be unique."))
    made.choices = clean_choices(made.choices) if made.has_choices else []
    made.rules = _clean_rules(made)
    made.default = _clean_default(made)


def changed_by(definition: FieldDefinition, changes: Mapping[str, Any]) -> FieldDefinition:
    """What the definition would be; not saved. Raises as `fill` does."""
    unknown = set(changes) - CHANGEABLE
    if unknown:
        raise ValueError(f"not to be changed: {sorted(unknown)}")
    wanted = FieldDefinition(
        **{one.attname: getattr(definition, one.attname) for one in FieldDefinition._meta.local_fields}
    )
    if "type" in changes and changes["type"] != definition.type:
        wanted.rules = {}
        wanted.default = None
    fill(wanted, changes)
    return wanted


def clean_choices(choices: Any) -> list[dict[str, str]]:
    """[{"value", "label"}], each value once. A choice may come as a word alone; the word is then both.

    Raises Rejected for none, more than 1,000, or one without a name.
    """
    if not isinstance(choices, list) or not choices:
        raise fault("choices", _("Give the list to choose from, one a line."))
    if len(choices) > MOST_CHOICES:
        raise fault("choices", _("A list can have at most %(most)s choices.") % {"most": f"{MOST_CHOICES:,}"})
    found: dict[str, str] = {}
    for one in choices:
        pair = one if isinstance(one, Mapping) else {"label": one}
        label = " ".join(str(pair.get("label") or pair.get("value") or "").split())
        value = " ".join(str(pair.get("value") or label).replace(",", " ").split())
        if not label or len(label) > LONGEST_CHOICE or len(value) > LONGEST_CHOICE:
            raise fault(
                "choices", _("Each choice has a name of at most %(most)s letters.") % {"most": LONGEST_CHOICE}
            )
        if value in found:
            raise fault("choices", _("“%(value)s” is there twice.") % {"value": value})
        found[value] = label
    return [{"value": value, "label": label} for value, label in found.items()]


def _clean_rules(made: FieldDefinition) -> dict[str, str]:
    given = made.rules if isinstance(made.rules, Mapping) else {}
    rules = {name: str(value).strip() for name, value in given.items() if value not in (None, "")}
    if unknown := sorted(set(rules) - {"min", "max", "pattern"}):
        raise fault("rules", _("Unknown: %(names)s") % {"names": ", ".join(unknown)[:80]})
    if "pattern" in rules and (made.type != Type.TEXT or len(rules["pattern"]) > 80):
        raise fault("pattern", _("Only texts have a pattern, of at most 80 signs."))
    bounds = {}
    for name in ("min", "max"):
        if name in rules:
            bounds[name] = _bound(made, name, rules[name])
    if len(bounds) == 2 and bounds["min"] > bounds["max"]:
        raise fault("max", _("The most is less than the least."))
    return rules | {name: str(value) for name, value in bounds.items()}


def _bound(made: FieldDefinition, name: str, text: str) -> Any:
    if made.type not in BOUNDED:
        raise fault(name, _("This type has no limits."))
    try:
        if made.type == Type.DATE:
            return date.fromisoformat(text)
        number = decimal_of(text)
    except ValueError as error:  # Misfit is one too
        raise fault(
            name, _("Give a day such as 2026-11-22.") if made.type == Type.DATE else str(error)
        ) from error
    if made.type in (Type.TEXT, Type.LONG) and (number < 0 or number != int(number)):
        raise fault(name, _("Give a whole number of letters."))
    return Decimal(int(number)) if number == int(number) else number


def _clean_default(made: FieldDefinition) -> Any:
    if made.default in (None, "", []):
        return None
    try:
        return clean_value(made, made.default, Reader(made.merchant))
    except Misfit as misfit:
        raise fault("default", str(misfit)) from misfit
