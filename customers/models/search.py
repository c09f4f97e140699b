"""What the search box looks through: one narrow row a customer."""

from __future__ import annotations

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import F

from crm.lib.tenancy import MerchantOneToOneField, TenantModel
from customers.models.customer import Customer


class SearchDocument(TenantModel):
    """Everything that finds a customer as one line of tokens (customers/searching.py builds it).

    The index leads with the merchant by btree_gin and needs a database whose LC_CTYPE is not C: pg_trgm sees
    no Chinese letters there.
    """

    customer = MerchantOneToOneField(
        Customer, on_delete=models.CASCADE, related_name="search", primary_key=True
    )
    document = models.TextField(default="", blank=True)

    class Meta:
        indexes = [
            GinIndex(
                F("merchant"), OpClass(F("document"), name="gin_trgm_ops"), name="customers_search_document"
            )
        ]

    def __str__(self) -> str:
        return self.document[:60]
