"""What a write of a customer does with custom fields: checked, merged, unique where the shop says so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from crm.accounts.models import Merchant
from crm.lib.errors import Rejected, Text
from crm.lib.locking import hold
from customers.fields.selectors import HOLDERS, definitions
from customers.fields.values import Reader, clean_attributes
from customers.models import FieldDefinition


def attributes_merged(
    *,
    merchant: Merchant,
    stored: Mapping[str, Any],
    sent: Mapping[str, Any],
    country: str = "",
    applies_to: str = FieldDefinition.Subject.CUSTOMER,
    row_id: int | None = None,
    is_new: bool = False,
) -> dict[str, Any]:
    """`stored` with what was sent in its normal form; None takes a value away, keys left out stay.

    A new row gets the defaults, and needs the required fields. Raises Rejected naming each wrong field as
    `attributes.<key>`. Locks unique values until the transaction ends. One query, one more for each
    unique field sent.
    """
    fields = definitions(applies_to)
    values, faults = clean_attributes(fields, sent, Reader(merchant, country))
    if is_new:
        for one in fields:
            if one.key not in sent and one.default is not None:
                values[one.key] = one.default
            elif one.is_required and one.key not in sent:
                faults[one.key] = _("Fill this in.")
    for one in fields:
        value = values.get(one.key) if one.is_unique and one.key not in faults else None
        if value is not None and value_taken(merchant, one, value, row_id):
            faults[one.key] = _("Somebody else has this value already.")
    if faults:
        texts: dict[str, list[Text]] = {f"attributes.{key}": [text] for key, text in faults.items()}
        labels = {one.key: one.label for one in fields}
        key, text = next(iter(faults.items()))
        message = _("%(field)s: %(text)s") % {"field": labels.get(key, key), "text": text}
        raise Rejected(message, code="bad_attributes", fields=texts)
    merged = {**stored, **values}
    return {key: value for key, value in merged.items() if value is not None}


def value_taken(merchant: Merchant, definition: FieldDefinition, value: Any, row_id: int | None) -> bool:
    """Whether another row has the value; nobody else can take it until the transaction ends. A row that was
    merged into another keeps its values for an undo and holds none of them against anybody."""
    hold(f"field:{merchant.pk}:{definition.applies_to}:{definition.key}:{value}")
    rows = HOLDERS[definition.applies_to].objects.filter(
        attributes__contains={definition.key: value}, merged_into__isnull=True
    )
    return bool(rows.exclude(pk=row_id).exists())


def personal_keys(applies_to: str = FieldDefinition.Subject.CUSTOMER) -> set[str]:
    """Keys that tell who somebody is: an erasure takes them away, also those of archived fields."""
    rows = FieldDefinition.objects.filter(applies_to=applies_to, is_personal=True)
    return set(rows.values_list("key", flat=True))
