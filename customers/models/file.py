"""Files about a person or a firm: contracts, photographs, tax certificates."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from crm.accounts.models import Membership
from crm.lib.tenancy import MerchantForeignKey, TenantModel
from customers.models.company import Company
from customers.models.customer import Customer


class File(TenantModel):
    """`path` is relative to MEDIA_ROOT, a name of ours; `name` is what the uploader called it. `size` in
    bytes."""

    customer = MerchantForeignKey(
        Customer, on_delete=models.CASCADE, null=True, blank=True, related_name="files", db_index=False
    )
    company = MerchantForeignKey(
        Company, on_delete=models.CASCADE, null=True, blank=True, related_name="files", db_index=False
    )
    name = models.CharField(max_length=200)
    path = models.CharField(max_length=200)
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    uploader = models.ForeignKey(Membership, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(customer__isnull=False) | Q(company__isnull=False), name="customers_file_about"
            )
        ]
        indexes = [
            models.Index(
                "merchant",
                "customer",
                F("created_at").desc(),
                condition=Q(customer__isnull=False),
                name="customers_file_of",
            ),
            models.Index(
                "merchant",
                "company",
                F("created_at").desc(),
                condition=Q(company__isnull=False),
                name="customers_file_company",
            ),
        ]

    def __str__(self) -> str:
        return self.name
