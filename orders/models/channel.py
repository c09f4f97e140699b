"""Where orders come from."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.lib.tenancy import TenantModel


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
    connection_id = models.BigIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["merchant", "slug"], name="orders_channel_slug")]

    def __str__(self) -> str:
        return self.name
