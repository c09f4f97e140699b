"""One change to many customers, and what each of them had before."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.accounts.models import Membership
from crm.lib.tenancy import MerchantForeignKey, TenantModel
from customers.models.customer import Customer


class BulkChange(TenantModel):
    """`changes` in the form of customers/bulk_changes/changing.py, for the customers of `ids` or, without
    them, everyone whom the list's address `query` finds and `member` may see, up to `last_id`.

    A chunk and `cursor` (the last id seen) commit together: whatever dies, the work goes on where it stood.
    """

    class State(models.TextChoices):
        RUNNING = "running", _("Being changed")
        DONE = "done", _("Changed")
        UNDOING = "undoing", _("Being undone")
        UNDONE = "undone", _("Undone")

    WORKING = (State.RUNNING, State.UNDOING)

    member = models.ForeignKey(
        Membership, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    actor = models.CharField(max_length=80, blank=True, default="")
    changes = models.JSONField(default=dict)
    ids = ArrayField(models.BigIntegerField(), null=True, blank=True)
    query = models.CharField(max_length=2_000, blank=True, default="")
    state = models.CharField(max_length=8, choices=State, default=State.RUNNING)
    cursor = models.BigIntegerField(default=0)
    last_id = models.BigIntegerField(default=0)
    total = models.IntegerField(default=0)
    seen = models.IntegerField(default=0)
    changed = models.IntegerField(default=0)
    kept = models.IntegerField(default=0)
    # A filter of `query` lost its meaning under way (a team was deleted, say): the rest was left alone.
    cut_short = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)
    worked_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(
                "merchant", F("created_at").desc(), F("id").desc(), name="customers_bulkchange_recent"
            ),
            models.Index(
                F("worked_at"),
                condition=Q(state__in=["running", "undoing"]),
                name="customers_bulkchange_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.state} {self.seen}/{self.total}"


class BulkChangeRow(TenantModel):
    """What one customer had in the changed fields; kept while the change can be undone."""

    change = MerchantForeignKey(BulkChange, on_delete=models.CASCADE, related_name="rows", db_index=False)
    customer = MerchantForeignKey(Customer, on_delete=models.CASCADE, related_name="+", db_index=False)
    before = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "change", "customer"], name="customers_bulkchangerow_once"
            )
        ]
        indexes = [models.Index(fields=["merchant", "customer"], name="customers_bulkrow_of")]

    def __str__(self) -> str:
        return f"{self.change_id}: {self.customer_id}"
