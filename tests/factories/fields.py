"""Custom fields of a shop."""

from __future__ import annotations

from typing import Any

from crm.accounts.models import Merchant
from crm.lib.tenancy import merchant_scope
from customers.fields.services import field_create
from customers.models import FieldDefinition


def make_field(
    merchant: Merchant, label: str = "Favourite tea", type: str = "text", **values: Any
) -> FieldDefinition:
    """A field as staff would make it; `choices` may be plain words."""
    with merchant_scope(merchant):
        return field_create(merchant=merchant, label=label, type=type, **values)
