"""Which value of two people's records the one record keeps."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils.translation import gettext as _

from crm.accounts.models import Membership
from crm.lib.errors import Rejected, Text
from customers.models import Consent, Customer
from customers.models.consent import Channel, Purpose

SURVIVOR, ABSORBED, BOTH = "survivor", "absorbed", "both"
# Kept by the house: nobody chooses them. `created_at` and `source` tell how this record began.
HOUSE = frozenset(
    {"id", "merchant", "source", "import_batch_id", "erased_at", "merged_into", "split_at"}
    | {"created_at", "updated_at"}
)
# Collections: unless somebody chooses, the one record has both sides'.
TOGETHER = frozenset({"tags", "attributes"})


def fields() -> list[models.Field[Any, Any]]:
    """Every column of a customer that is a choice; a new one is in by itself."""
    return [one for one in Customer._meta.concrete_fields if one.name not in HOUSE]


def field_names() -> list[str]:
    return [one.name for one in fields()]


def clean_choices(choices: Mapping[str, str]) -> dict[str, str]:
    """Raises Rejected, naming it, for a field or a side that there isn't."""
    known = set(field_names())
    faults: dict[str, list[Text]] = {}
    for name, side in choices.items():
        sides = (SURVIVOR, ABSORBED, BOTH) if name in TOGETHER else (SURVIVOR, ABSORBED)
        if name not in known:
            faults[name] = [_("A customer has no such field.")]
        elif side not in sides:
            faults[name] = [_("Choose one of: %(sides)s.") % {"sides": ", ".join(sides)}]
    if faults:
        raise Rejected(_("These choices can't be made."), code="bad_choices", fields=faults)
    return dict(choices)


def side_of(name: str, survivor: Customer, absorbed: Customer, choices: Mapping[str, str]) -> str:
    """The chosen side; unchosen, the survivor's unless only the absorbed has a value.

    An address to write to is taken from the absorbed when only they allowed marketing there: then neither is
    a permission lost nor one made for an address that never had it.
    """
    if name in choices:
        return choices[name]
    if name in TOGETHER:
        return BOTH
    mine, theirs = _value(survivor, name), _value(absorbed, name)
    if _is_empty(mine) and not _is_empty(theirs):
        return ABSORBED
    channel = {"email": Channel.EMAIL, "phone": Channel.SMS}.get(name)
    if channel and theirs and _only_theirs(survivor, absorbed, channel):
        return ABSORBED
    return SURVIVOR


def _only_theirs(survivor: Customer, absorbed: Customer, channel: str) -> bool:
    ledger = Consent.objects.filter(
        customer_id__in=[survivor.pk, absorbed.pk], channel=channel, purpose=Purpose.MARKETING
    )
    newest = ledger.order_by("customer_id", "-recorded_at", "-id").distinct("customer_id")
    said = dict(newest.values_list("customer_id", "granted"))
    return said.get(survivor.pk) is None and said.get(absorbed.pk) is True


def _value(customer: Customer, name: str) -> Any:
    return getattr(customer, Customer._meta.get_field(name).attname)  # type: ignore[union-attr]


def _is_empty(value: Any) -> bool:
    return value is None or value == ""


def together(survivor: Customer, absorbed: Customer, choices: Mapping[str, str]) -> dict[str, Any]:
    """Column → value of the one record."""
    values: dict[str, Any] = {}
    for one in fields():
        side = side_of(one.name, survivor, absorbed, choices)
        mine, theirs = _value(survivor, one.name), _value(absorbed, one.name)
        if side == BOTH:
            values[one.attname] = _both(mine, theirs)
        else:
            values[one.attname] = mine if side == SURVIVOR else theirs
    return values


def _both(mine: Any, theirs: Any) -> Any:
    """Lists follow each other, of two values under one name the survivor's stays."""
    if isinstance(mine, dict):
        return {**(theirs or {}), **mine}
    return list(dict.fromkeys([*(mine or []), *(theirs or [])]))


def plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """As JSON keeps it, to be compared with what was kept."""
    kept: dict[str, Any] = json.loads(json.dumps(dict(values), cls=DjangoJSONEncoder))
    return kept


def values_of(customer: Customer) -> dict[str, Any]:
    """Every choosable column as JSON keeps it."""
    return plain({one.attname: getattr(customer, one.attname) for one in fields()})


def whole(customer: Customer) -> dict[str, Any]:
    return plain({one.attname: getattr(customer, one.attname) for one in Customer._meta.concrete_fields})


def shown(customer: Customer, field: models.Field[Any, Any]) -> Any:
    """The value as a person reads it: a choice's label, a related row's name."""
    if field.choices:
        return str(getattr(customer, f"get_{field.name}_display")())
    value = getattr(customer, field.name)
    if isinstance(value, Membership):
        return str(value.user)
    return str(value) if field.is_relation and value is not None else value
