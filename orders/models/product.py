"""What is sold."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.lib.money import CurrencyField, MoneyField
from crm.lib.tenancy import MerchantForeignKey, TenantModel
from orders.models.channel import SalesChannel


class Product(TenantModel):
    """A product as one channel knows it."""

    channel = MerchantForeignKey(
        SalesChannel, on_delete=models.PROTECT, related_name="products", db_index=False
    )
    external_id = models.CharField(max_length=100)
    title = models.CharField(_("title"), max_length=300, blank=True, default="")
    category = models.CharField(_("category"), max_length=120, blank=True, default="")
    brand = models.CharField(_("brand"), max_length=120, blank=True, default="")
    url = models.URLField(max_length=500, blank=True, default="")
    image_url = models.URLField(max_length=500, blank=True, default="")
    price = MoneyField(_("price"), null=True, blank=True)
    currency = CurrencyField(_("currency"), blank=True, default="")
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "channel", "external_id"], name="orders_product_external"
            )
        ]
        indexes = [
            models.Index(fields=["merchant", "category"], name="orders_product_category"),
            models.Index(fields=["merchant", "title"], name="orders_product_title"),
        ]

    def __str__(self) -> str:
        return self.title or self.external_id


class Variant(TenantModel):
    """A size or colour of a product, with its own SKU; a product without choices has one variant."""

    product = MerchantForeignKey(Product, on_delete=models.CASCADE, related_name="variants", db_index=False)
    external_id = models.CharField(max_length=100, blank=True, default="")
    sku = models.CharField(_("SKU"), max_length=100, blank=True, default="")
    title = models.CharField(_("title"), max_length=200, blank=True, default="")
    price = MoneyField(_("price"), null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "product", "external_id"], name="orders_variant_external"
            )
        ]
        indexes = [models.Index("merchant", "sku", condition=~Q(sku=""), name="orders_variant_sku")]

    def __str__(self) -> str:
        return self.title or self.sku
