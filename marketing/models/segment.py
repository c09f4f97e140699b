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
    """A rule (`definition`, a tree of groups and conditions: marketing/segments/definition.py) with those who
    were put in or kept out by hand, or a list of people by hand alone, which has no definition.

    The compiled definition and the pins are the truth; `SegmentMember` is their last reading, for entries,
    exits and lists. `asked` counts the builds that were asked for, `answered` is the last of them that a
    build took in: a save in the middle of a build leaves them unequal, and the segment is built again.
    """

    class Kind(models.TextChoices):
        RULE = "rule", _("Rule")
        LIST = "list", _("List by hand")

    name = models.CharField(_("name"), max_length=120)
    kind = models.CharField(max_length=4, choices=Kind, default=Kind.RULE)
    definition = models.JSONField(default=dict)
    # Kept by marketing/segments/pinning.py; while both are 0 no statement looks for pins.
    pinned_in = models.PositiveIntegerField(default=0)
    pinned_out = models.PositiveIntegerField(default=0)
    members_count = models.PositiveIntegerField(default=0)
    built_at = models.DateTimeField(null=True, blank=True)
    build_seconds = models.FloatField(null=True, blank=True)
    # What the list of members was read by last (a hash); another rule than that is no news about anybody.
    built_rule = models.CharField(max_length=64, blank=True, default="")
    # Why the last build failed, a code (marketing/segments/building.py); empty when it went well.
    trouble = models.CharField(max_length=20, blank=True, default="")
    asked = models.PositiveIntegerField(default=0)
    answered = models.PositiveIntegerField(default=0)
    # The build under way: since when, and the database session that does it.
    build_started_at = models.DateTimeField(null=True, blank=True)
    build_pid = models.IntegerField(null=True, blank=True)
    # Somebody asked for the build to be stopped: when and who ("user:7").
    cancel_asked_at = models.DateTimeField(null=True, blank=True)
    cancel_actor = models.CharField(max_length=40, blank=True, default="")
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

    @property
    def is_list(self) -> bool:
        return self.kind == self.Kind.LIST

    @property
    def has_pins(self) -> bool:
        return bool(self.pinned_in or self.pinned_out)


class SegmentPin(TenantModel):
    """Somebody who was put into the segment by hand, or (`is_in` False) kept out of it, whatever the rule
    says."""

    segment = MerchantForeignKey(Segment, on_delete=models.CASCADE, related_name="pins", db_index=False)
    customer = MerchantForeignKey(Customer, on_delete=models.CASCADE, related_name="+", db_index=False)
    is_in = models.BooleanField()
    by = models.ForeignKey(
        Membership, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["merchant", "segment", "customer"], name="marketing_pin_once")
        ]
        indexes = [
            models.Index(fields=["merchant", "customer"], name="marketing_pin_of"),
            models.Index(
                "merchant", "segment", F("created_at").desc(), F("id").desc(), name="marketing_pin_recent"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.customer_id} {'in' if self.is_in else 'out of'} {self.segment_id} by hand"


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
