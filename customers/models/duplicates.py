"""Who may be the same person, what staff said, and what finding them needs."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.accounts.models import Membership
from crm.lib.tenancy import MerchantForeignKey, MerchantOneToOneField, TenantManager, TenantModel
from customers.models.customer import Customer


class DuplicateQuerySet(models.QuerySet[Any]):
    def open(self) -> DuplicateQuerySet:
        return self.filter(state=DuplicatePair.State.OPEN)

    def visible_to(self, membership: Membership) -> DuplicateQuerySet:
        """Both are there, and the member may see both."""
        seen = Customer.objects.present().visible_to(membership).values("pk")
        return self.filter(low__in=seen, high__in=seen)

    def both_present(self) -> DuplicateQuerySet:
        present = Customer.objects.present().values("pk")
        return self.filter(low__in=present, high__in=present)

    def best_first(self) -> DuplicateQuerySet:
        return self.order_by("-score", "-pk")


class DuplicatePair(TenantModel):
    """Two customers who may be one, the lower id in `low`.

    `score` is the log2 odds, `probability` 0–1. `evidence` lists what was compared, the weightiest first, as
    {"field", "level", "bits"}: words of ours, never values of the people. A refused pair stays, so that it
    is not offered again.
    """

    class Band(models.TextChoices):
        CERTAIN = "certain", pgettext_lazy("duplicates", "Certain")
        LIKELY = "likely", pgettext_lazy("duplicates", "Likely")

    class State(models.TextChoices):
        OPEN = "open", pgettext_lazy("duplicates", "To decide")
        MERGED = "merged", pgettext_lazy("duplicates", "Merged")
        REFUSED = "refused", pgettext_lazy("duplicates", "Two people")

    low = MerchantForeignKey(Customer, on_delete=models.CASCADE, related_name="+", db_index=False)
    high = MerchantForeignKey(Customer, on_delete=models.CASCADE, related_name="+", db_index=False)
    score = models.FloatField()
    probability = models.FloatField()
    band = models.CharField(_("certainty"), max_length=7, choices=Band)
    evidence = models.JSONField(default=list)
    state = models.CharField(_("state"), max_length=7, choices=State, default=State.OPEN)
    offered_at = models.DateTimeField(default=timezone.now)
    compared_at = models.DateTimeField(default=timezone.now)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(
        Membership, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    # The merge that accepting made, or whose undoing refused (customers/merging).
    merge_id = models.BigIntegerField(null=True, blank=True)

    objects: ClassVar = TenantManager.from_queryset(DuplicateQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["merchant", "low", "high"], name="customers_duplicate_once"),
        ]
        indexes = [
            models.Index(
                "merchant",
                F("score").desc(),
                F("id").desc(),
                condition=Q(state="open"),
                name="customers_duplicate_queue",
            ),
            models.Index("merchant", F("id").desc(), name="customers_duplicate_recent"),
            models.Index("merchant", "high", name="customers_duplicate_high"),
        ]

    def __str__(self) -> str:
        return f"{self.low_id} = {self.high_id}?"


class MatchKeys(TenantModel):
    """What a customer is compared by: hashes of joined facts (customers/duplicates/blocking.py)."""

    customer = MerchantOneToOneField(Customer, on_delete=models.CASCADE, related_name="+", primary_key=True)
    keys = ArrayField(models.BigIntegerField(), default=list)

    class Meta:
        verbose_name_plural = _("match keys")
        indexes = [GinIndex(fields=["merchant", "keys"], name="customers_matchkeys_keys")]

    def __str__(self) -> str:
        return f"{len(self.keys)} keys of {self.customer_id}"


class MatchWeights(TenantModel):
    """What agreement is worth in this shop (customers/duplicates/weighing.py), as the last night estimated
    it: shares of the shop's pairs and its most frequent names, nothing about one person."""

    weights = models.JSONField(default=dict)
    customers = models.IntegerField(default=0)
    pairs = models.BigIntegerField(default=0)
    seconds = models.FloatField(default=0)
    estimated_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name_plural = _("match weights")
        constraints = [models.UniqueConstraint(fields=["merchant"], name="customers_matchweights_once")]

    def __str__(self) -> str:
        return f"weights of {self.customers} customers"
