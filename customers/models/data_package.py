"""What the shop keeps about one person, written into a file for them."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.lib.tenancy import MerchantForeignKey, TenantModel
from customers.models.customer import Customer


class DataPackage(TenantModel):
    """One zip of "my data": readable, and for a program. Its file lives for seven days.

    A guest has no customer: `address` and `grants` say what they proved, as in their portal session. `reason`
    is why staff had it made, "" for the person themselves.
    """

    class State(models.TextChoices):
        QUEUED = "queued", pgettext_lazy("my data", "Being prepared")
        RUNNING = "running", pgettext_lazy("my data", "Being written")
        READY = "ready", pgettext_lazy("my data", "Ready")
        EXPIRED = "expired", pgettext_lazy("my data", "Expired")
        FAILED = "failed", pgettext_lazy("my data", "Failed")

    class Way(models.TextChoices):
        PORTAL = "portal", _("In the portal")
        STAFF = "staff", _("By a colleague")

    WORKING: ClassVar[tuple[str, ...]] = (State.QUEUED, State.RUNNING)

    public_id = models.UUIDField(default=uuid.uuid4)
    customer = MerchantForeignKey(
        Customer, on_delete=models.CASCADE, null=True, blank=True, related_name="+", db_index=False
    )
    address = models.CharField(max_length=320, blank=True, default="")
    grants = models.JSONField(default=dict, blank=True)
    way = models.CharField(max_length=6, choices=Way)
    # "user:<id>", "customer:<id>" or "guest".
    requested_by = models.CharField(max_length=40)
    reason = models.CharField(max_length=300, blank=True, default="")
    language = models.CharField(max_length=10)
    state = models.CharField(max_length=7, choices=State, default=State.QUEUED)
    file_path = models.CharField(max_length=200, blank=True, default="")
    file_size = models.BigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True, default="")
    downloads = models.PositiveIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField(default=0)
    claimed_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["merchant", "public_id"], name="customers_datapackage_public")
        ]
        indexes = [
            models.Index("merchant", "customer", F("created_at").desc(), name="customers_datapackage_of"),
            models.Index(
                "claimed_until",
                condition=Q(state__in=["queued", "running"]),
                name="customers_datapackage_working",
            ),
            models.Index("expires_at", condition=Q(state="ready"), name="customers_datapackage_ready"),
        ]

    def __str__(self) -> str:
        return f"data of #{self.customer_id}"

    @property
    def is_working(self) -> bool:
        return self.state in self.WORKING

    @property
    def is_ready(self) -> bool:
        """There is a file, and its days are not over."""
        return self.state == self.State.READY and bool(self.expires_at and self.expires_at > timezone.now())
