"""What recognises somebody."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.lib.tenancy import MerchantForeignKey, TenantModel
from customers.models.customer import Customer


class Identity(TenantModel):
    """One normalised value that belongs to one customer of the merchant.

    `scope` is "" for values that mean the same everywhere and "channel:<id>" for a store's member ids.
    """

    class Kind(models.TextChoices):
        EMAIL = "email", _("E-mail")
        PHONE = "phone", _("Phone")
        WECHAT_UNIONID = "unionid", _("WeChat")
        WECHAT_OPENID = "openid", _("WeChat account")
        MEMBER = "member", _("Store member")
        VISITOR = "visitor", _("Visitor")

    customer = MerchantForeignKey(
        Customer, on_delete=models.CASCADE, related_name="identities", db_index=False
    )
    kind = models.CharField(max_length=8, choices=Kind)
    scope = models.CharField(max_length=40, blank=True, default="")
    value = models.CharField(max_length=320)
    source = models.CharField(max_length=40, blank=True, default="")
    confidence = models.FloatField(default=1.0)
    verified_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "kind", "scope", "value"], name="customers_identity_once"
            )
        ]
        indexes = [models.Index(fields=["merchant", "customer"], name="customers_identity_of")]

    def __str__(self) -> str:
        return f"{self.kind}:{self.value}"
