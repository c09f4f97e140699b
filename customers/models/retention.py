"""How long this shop keeps each kind of data, and what went when."""

from __future__ import annotations

from django.db import models
from django.db.models import F
from django.utils import timezone

from crm.lib.tenancy import TenantModel


class RetentionRule(TenantModel):
    """The period that the shop chose for a kind (crm/lib/retention.py); NULL months: for ever."""

    kind = models.CharField(max_length=40)
    months = models.PositiveSmallIntegerField(null=True, blank=True)
    set_by = models.CharField(max_length=40, blank=True, default="")
    set_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["merchant", "kind"], name="customers_retentionrule_once")
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.months} months"


class RetentionRun(TenantModel):
    """One night's work on one kind. `finished_at` is NULL for a run that was cut off; the next goes on."""

    kind = models.CharField(max_length=40)
    months = models.PositiveSmallIntegerField()
    border = models.DateTimeField()
    rows = models.BigIntegerField(default=0)
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(
                "merchant", "kind", F("started_at").desc(), F("id").desc(), name="customers_retentionrun_of"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.rows}"
