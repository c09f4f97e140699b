"""A list on its way out: who asked for it and why, who agreed, where the file lies and until when."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.accounts.models import ApiKey, Membership
from crm.lib.tenancy import MerchantForeignKey, TenantManager, TenantModel


class ExportQuerySet(models.QuerySet["Export"]):
    def working(self) -> ExportQuerySet:
        return self.filter(state__in=Export.WORKING)

    def abandoned(self) -> ExportQuerySet:
        """To be written, and nobody does: their worker died or their task was lost."""
        free = Q(claimed_until__isnull=True) | Q(claimed_until__lt=timezone.now())
        return self.working().filter(free)

    def waiting(self) -> ExportQuerySet:
        return self.filter(state=Export.State.WAITING)

    def alive(self) -> ExportQuerySet:
        """Those that still end, or have ended, in a file."""
        return self.filter(state__in=[Export.State.WAITING, *Export.WORKING, Export.State.READY])

    def wanted(self) -> ExportQuerySet:
        """Whose requester may still have it: a member who works here, or a key that works."""
        key = Q(api_key__isnull=False, api_key__revoked_at__isnull=True) & (
            Q(api_key__expires_at__isnull=True) | Q(api_key__expires_at__gt=timezone.now())
        )
        return self.filter(Q(requested_by__is_active=True) | key)


class Export(TenantModel):
    """One request for a file of a list.

    `query` and `ids` are the list's filters and ticked rows as they were, `filters` the same in words. The
    rows are read when the file is written, as the requester sees the list then. `allowed_rows` is how many
    may be written without a second person's word; NULL once there is one, or where nobody is needed.
    """

    class State(models.TextChoices):
        WAITING = "waiting_approval", _("Waits for approval")
        QUEUED = "queued", _("Queued")
        RUNNING = "running", _("Being written")
        READY = "ready", _("Ready")
        REFUSED = "refused", _("Refused")
        EXPIRED = "expired", _("Expired")
        FAILED = "failed", _("Failed")

    class Format(models.TextChoices):
        XLSX = "xlsx", _("Excel (XLSX)")
        CSV = "csv", _("CSV")
        PARQUET = "parquet", _("Parquet")
        VCF = "vcf", _("vCard (address book)")

    WORKING: ClassVar[tuple[str, ...]] = (State.QUEUED, State.RUNNING)

    kind = models.CharField(max_length=40)
    query = models.CharField(max_length=2_000, blank=True, default="")
    ids = ArrayField(models.BigIntegerField(), default=list, blank=True)
    filters = models.JSONField(default=list, blank=True)
    reason = models.CharField(_("reason"), max_length=300)
    format = models.CharField(_("format"), max_length=7, choices=Format, default=Format.CSV)
    state = models.CharField(max_length=16, choices=State, default=State.QUEUED)
    requested_by = models.ForeignKey(
        Membership, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    api_key = MerchantForeignKey(
        ApiKey, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    approver = models.ForeignKey(
        Membership, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    decision = models.CharField(max_length=300, blank=True, default="")
    rows_asked = models.BigIntegerField(default=0)
    allowed_rows = models.BigIntegerField(null=True, blank=True)
    # Written so far, and in the end altogether.
    rows = models.BigIntegerField(default=0)
    # Whether e-mail addresses and phone numbers stand in the file in full.
    is_whole = models.BooleanField(default=False)
    language = models.CharField(max_length=10, blank=True, default="")
    file_path = models.CharField(max_length=200, blank=True, default="")
    file_size = models.BigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True, default="")
    downloads = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True, default="")
    attempts = models.PositiveSmallIntegerField(default=0)
    runner = models.CharField(max_length=36, blank=True, default="")
    claimed_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar = TenantManager.from_queryset(ExportQuerySet)()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(approver__isnull=True)
                | Q(requested_by__isnull=True)
                | ~Q(approver=F("requested_by")),
                name="exports_export_not_own_approver",
            ),
        ]
        indexes = [
            models.Index("merchant", F("created_at").desc(), F("id").desc(), name="exports_export_recent"),
            models.Index("merchant", "requested_by", F("created_at").desc(), name="exports_export_mine"),
            models.Index(
                "merchant", "created_at", condition=Q(state="waiting_approval"), name="exports_export_waiting"
            ),
            models.Index(
                "claimed_until", condition=Q(state__in=["queued", "running"]), name="exports_export_working"
            ),
            models.Index("expires_at", condition=Q(state="ready"), name="exports_export_ready"),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.kind}"

    @property
    def is_working(self) -> bool:
        return self.state in self.WORKING

    @property
    def is_waiting(self) -> bool:
        return self.state == self.State.WAITING

    @property
    def is_ready(self) -> bool:
        """There is a file, and its day is not over."""
        return (
            self.state == self.State.READY
            and self.expires_at is not None
            and self.expires_at > timezone.now()
        )
