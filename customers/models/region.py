"""The shop's own map: countries, provinces, cities, districts, or sales areas, as deep as it likes."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.lib.tenancy import MerchantForeignKey, TenantModel


class Region(TenantModel):
    """A place and what lies in it. Customers and companies are put into the deepest one that their country,
    region and city name, by the database itself (`customers_locate`, customers/regions/placing.py).

    `path` is "/", or the ids of all above and its own: "/3/17/201/"; what lies in a region has its path for a
    beginning. `level` counts from 0. `country` (ISO 3166-1 alpha-2) is the root's, "" where the tree is not
    one of countries. `keys` are the spellings by which it is found, in the form of `place_key`, made of
    `name`, `code` and `aliases`.
    """

    parent = MerchantForeignKey(
        "self", on_delete=models.RESTRICT, null=True, blank=True, related_name="children", db_index=False
    )
    name = models.CharField(_("name"), max_length=80)
    code = models.CharField(_("code"), max_length=20, blank=True, default="")
    country = models.CharField(_("country"), max_length=2, blank=True, default="")
    aliases = ArrayField(models.CharField(max_length=80), default=list, blank=True)
    keys = ArrayField(models.CharField(max_length=120), default=list, blank=True, editable=False)
    path = models.CharField(max_length=200, default="/", editable=False)
    level = models.PositiveSmallIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "parent", "name"], nulls_distinct=False, name="customers_region_name"
            )
        ]
        indexes = [
            models.Index(
                F("merchant"), OpClass(F("path"), name="varchar_pattern_ops"), name="customers_region_path"
            ),
            GinIndex(fields=["merchant", "keys"], name="customers_region_keys"),
        ]

    def __str__(self) -> str:
        return self.name
