"""What somebody did in the shop's own pages before the shop knew who they are."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.lib.tenancy import TenantModel


class Visit(TenantModel):
    """One thing a browser did that nobody has been recognised by yet. Once somebody is, it stands in their
    timeline and the row goes. `visitor` is the browser's cookie in the shop, 128 random bits."""

    class Kind(models.TextChoices):
        PAGE = "page", _("Looked at a page")
        PRODUCT = "product", _("Looked at a product")
        CART = "cart", _("Put something into the cart")
        SEARCH = "search", _("Searched")

    visitor = models.CharField(max_length=64)
    kind = models.CharField(max_length=8, choices=Kind)
    title = models.CharField(max_length=200, blank=True, default="")
    path = models.CharField(max_length=500, blank=True, default="")
    sku = models.CharField(max_length=100, blank=True, default="")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [
            models.Index("merchant", "visitor", "at", name="customers_visit_visitor"),
            models.Index("merchant", "at", name="customers_visit_at"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.at:%Y-%m-%d %H:%M}"


class VisitSettings(TenantModel):
    """Whether browsers may tell of visits, and from the pages of which hosts. Without a row: no."""

    is_on = models.BooleanField(_("Take visits from the shop's pages"), default=False)
    hosts = ArrayField(models.CharField(max_length=253), default=list, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["merchant"], name="customers_visitsettings_once")]

    def __str__(self) -> str:
        return f"visits of {self.merchant_id}"
