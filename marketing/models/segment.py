"""A rule that says who, the people who satisfy it now, and who must be looked at again."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.accounts.models import Membership
from crm.lib.tenancy import MerchantForeignKey, TenantManager, TenantModel
from customers.models import Customer


class SegmentQuerySet(models.QuerySet["Segment"]):
    def live(self) -> SegmentQuerySet:
        """Not archived: kept up to date and offered."""
        return self.filter(archived_at__isnull=True)


class Segment(TenantModel):
    """`definition` is a tree of groups and conditions (marketing/segments/definition.py).

    The compiled definition is the truth; `SegmentMember` is its last reading, for entries, exits and lists.
    """

    name = models.CharField(_("name"), max_length=120)
    definition = models.JSONField(default=dict)
    members_count = models.PositiveIntegerField(default=0)
    built_at = models.DateTimeField(null=True, blank=True)
    build_seconds = models.FloatField(null=True, blank=True)
    # Why the last build failed, in words for staff; empty when it went well.
    trouble = models.CharField(max_length=300, blank=True, default="")
    created_by = models.ForeignKey(
        Membership, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(auto_now=True)
    archived_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar = TenantManager.from_queryset(SegmentQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "merchant",
                Lower("name"),
                condition=Q(archived_at__isnull=True),
                name="marketing_segment_name",
            )
        ]
        indexes = [
            models.Index("merchant", F("updated_at").desc(), F("id").desc(), name="marketing_segment_recent")
        ]

    def __str__(self) -> str:
        return self.name


class SegmentMember(TenantModel):
    """Somebody who was in the segment when it was last looked at."""

    segment = MerchantForeignKey(Segment, on_delete=models.CASCADE, related_name="members", db_index=False)
    customer = MerchantForeignKey(Customer, on_delete=models.CASCADE, related_name="+", db_index=False)
    entered_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["merchant", "segment", "customer"], name="marketing_member_once")
        ]
        indexes = [models.Index(fields=["merchant", "customer"], name="marketing_member_of")]

    def __str__(self) -> str:
        return f"{self.customer_id} in {self.segment_id}"


class TouchedCustomer(TenantModel):
    """Somebody about whom something happened: all segments look at them again when it is due."""

    customer_id = models.BigIntegerField()
    due_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["merchant", "customer_id"], name="marketing_touched_once")
        ]
        indexes = [models.Index(fields=["due_at"], name="marketing_touched_due")]

    def __str__(self) -> str:
        return f"customer {self.customer_id}"
