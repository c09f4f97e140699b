"""A customer named in the body of a call."""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import ValidationError

from crm.api.serializers import TenantRelatedField
from customers.merged import MergedAway
from customers.models import Customer


class CustomerField(TenantRelatedField):
    """The id of a customer on whom something is written. Whoever was merged away is refused, with the id of
    who they are now: what is written on them would be out of sight."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(model=Customer, **kwargs)

    def to_internal_value(self, data: Any) -> Customer:
        customer: Customer = super().to_internal_value(data)
        if customer.merged_into_id is not None:
            raise ValidationError(str(MergedAway(customer.merged_into_id).message))
        return customer
