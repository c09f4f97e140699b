"""Where orders come from."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.lib.tenancy import MerchantForeignKey, TenantModel
from customers.models import Company


class SalesChannel(TenantModel):
    """A store, marketplace, till or file; external ids are unique inside it.

    `connection_id` is the crm.integrations Connection that feeds it, if any.
    """

    class Kind(models.TextChoices):
        SHOPIFY = "shopify", "Shopify"
        WOOCOMMERCE = "woocommerce", "WooCommerce"
        TMALL = "tmall", _("Tmall")
        JD = "jd", _("JD")
        DOUYIN = "douyin", _("Douyin shop")
        WECHAT = "wechat", _("WeChat shop")
        POS = "pos", _("Shop till")
        FILE = "file", _("Imported files")
        API = "api", "API"

    slug = models.SlugField(max_length=50)
    name = models.CharField(_("name"), max_length=120)
    kind = models.CharField(_("kind"), max_length=12, choices=Kind, default=Kind.API)
    # The distributor who sells here, when it is not the shop itself.
    company = MerchantForeignKey(
        Company, on_delete=models.SET_NULL, null=True, blank=True, related_name="channels", db_index=False
    )
    connection_id = models.BigIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["merchant", "slug"], name="orders_channel_slug")]
        indexes = [
            models.Index(
                "merchant",
                "company",
                condition=models.Q(company__isnull=False),
                name="orders_channel_company",
            )
        ]

    def __str__(self) -> str:
        return self.name
