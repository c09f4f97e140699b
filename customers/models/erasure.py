"""Who asked to be forgotten, and by which hashes they are recognised when somebody brings them back."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.lib.tenancy import MerchantForeignKey, TenantModel
from customers.models.identity import Identity


class Erasure(TenantModel):
    """One request to erase one customer, and what became of it. Holds no personal data.

    `customer_id` and `customer_created_at` find the row again in an older backup. `counts` says how many rows
    of each app were changed. `recorded_at` is when it stood in the ledger outside of the database
    (customers/privacy/ledger.py).
    """

    class State(models.TextChoices):
        WAITING = "waiting", pgettext_lazy("erasure", "Waiting")
        DONE = "done", pgettext_lazy("erasure", "Erased")
        CANCELLED = "cancelled", pgettext_lazy("erasure", "Taken back")

    class Reason(models.TextChoices):
        ASKED = "asked", _("The person asked for it")
        CONSENT = "consent", _("They withdrew the consent it rested on")
        PURPOSE = "purpose", _("The data is no longer needed")
        UNLAWFUL = "unlawful", _("The data should never have been kept")
        RETENTION = "retention", _("The time to keep it is over")
        REPLAY = "replay", _("Erased before, brought back by a backup")

    customer_id = models.BigIntegerField()
    customer_created_at = models.DateTimeField()
    state = models.CharField(max_length=9, choices=State, default=State.WAITING)
    reason = models.CharField(_("reason"), max_length=9, choices=Reason)
    # "user:<id>", "key:<id>", "customer:<id>" or "" for the house itself.
    requested_by = models.CharField(max_length=40, blank=True, default="")
    requested_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField()
    # Why it has to wait longer, in words for staff.
    trouble = models.CharField(max_length=200, blank=True, default="")
    done_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    counts = models.JSONField(default=dict, blank=True)
    recorded_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "customer_id"],
                condition=Q(state="waiting"),
                name="customers_erasure_one_open",
            )
        ]
        indexes = [
            models.Index(
                "merchant", F("requested_at").desc(), F("id").desc(), name="customers_erasure_recent"
            ),
            models.Index("due_at", condition=Q(state="waiting"), name="customers_erasure_due"),
            models.Index(
                "id", condition=Q(state="done", recorded_at__isnull=True), name="customers_erasure_unwritten"
            ),
        ]

    def __str__(self) -> str:
        return f"erasure of #{self.customer_id}"


class ErasedKey(TenantModel):
    """The keyed hash of one identity of an erased person: old data about them brings nobody back."""

    erasure = MerchantForeignKey(Erasure, on_delete=models.CASCADE, related_name="keys", db_index=False)
    kind = models.CharField(max_length=8, choices=Identity.Kind)
    scope = models.CharField(max_length=40, blank=True, default="")
    digest = models.CharField(max_length=64)
    erased_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["merchant", "digest"], name="customers_erasedkey_digest"),
            models.Index(fields=["merchant", "erasure"], name="customers_erasedkey_of"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.digest[:8]}"
