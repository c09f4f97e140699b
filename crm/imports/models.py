"""A file on its way in: what it is, how it is read, how far it has come, what it did."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.accounts.models import User
from crm.lib.tenancy import MerchantForeignKey, TenantManager, TenantModel


class ImportBatchQuerySet(models.QuerySet["ImportBatch"]):
    def working(self) -> ImportBatchQuerySet:
        """Those that a worker should be busy with."""
        return self.filter(state__in=ImportBatch.WORKING)

    def abandoned(self) -> ImportBatchQuerySet:
        """Working, but nobody holds them: their worker died or their task was lost."""
        free = Q(claimed_until__isnull=True) | Q(claimed_until__lt=timezone.now())
        return self.working().filter(free)


class ImportBatch(TenantModel):
    """One file and one run of it. `kind` names the importer, `stage` and `cursor` the next chunk of its work.

    A chunk and its cursor commit together, so whatever dies, the batch goes on where it stood. `runner` is
    the token of the worker that holds the batch until `claimed_until`; one that lost it stops at its next
    chunk."""

    class State(models.TextChoices):
        UPLOADED = "uploaded", _("Waiting for its columns")
        CHECKING = "checking", _("Being checked")
        CHECKED = "checked", _("Checked, not imported yet")
        RUNNING = "running", _("Being imported")
        DONE = "done", _("Imported")
        FAILED = "failed", _("Stopped by an error")
        UNDOING = "undoing", _("Being undone")
        UNDONE = "undone", _("Undone")

    WORKING: ClassVar[tuple[str, ...]] = (State.CHECKING, State.RUNNING, State.UNDOING)

    kind = models.CharField(max_length=40)
    preset = models.CharField(max_length=40, blank=True, default="")
    state = models.CharField(max_length=10, choices=State, default=State.UPLOADED)
    file_name = models.CharField(max_length=200)
    # Where the upload lies under MEDIA_ROOT, or the absolute path that the command was given.
    file_path = models.CharField(max_length=500, blank=True, default="")
    file_size = models.BigIntegerField(default=0)
    sha256 = models.CharField(max_length=64)
    format = models.CharField(max_length=10, blank=True, default="")
    detected = models.JSONField(default=dict)
    columns = ArrayField(models.CharField(max_length=160), default=list)
    profile = models.JSONField(default=dict)
    mapping = models.JSONField(default=dict)
    options = models.JSONField(default=dict)
    # The states that lead here, for a batch that failed: where to go on.
    failed_in = models.CharField(max_length=10, blank=True, default="")
    error = models.TextField(blank=True, default="")
    stage = models.CharField(max_length=40, blank=True, default="")
    cursor = models.BigIntegerField(default=0)
    # Thousandths of the whole work.
    progress = models.PositiveSmallIntegerField(default=0)
    counts = models.JSONField(default=dict)
    report = models.JSONField(default=dict)
    attempts = models.PositiveSmallIntegerField(default=0)
    runner = models.CharField(max_length=36, blank=True, default="")
    claimed_until = models.DateTimeField(null=True)
    actor = models.CharField(max_length=40, blank=True, default="")
    created_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    created_at = models.DateTimeField(default=timezone.now)
    checked_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    undone_at = models.DateTimeField(null=True)
    file_deleted_at = models.DateTimeField(null=True)

    objects: ClassVar = TenantManager.from_queryset(ImportBatchQuerySet)()

    class Meta:
        indexes = [
            models.Index("merchant", F("created_at").desc(), F("id").desc(), name="imports_batch_recent"),
            models.Index("merchant", "sha256", name="imports_batch_sha256"),
            models.Index(
                "claimed_until",
                condition=Q(state__in=["checking", "running", "undoing"]),
                name="imports_batch_working",
            ),
        ]

    def __str__(self) -> str:
        return self.file_name

    @property
    def is_working(self) -> bool:
        return self.state in self.WORKING

    @property
    def lines(self) -> int | None:
        """Rows of the file; None until it was read."""
        return self._count("lines")

    @property
    def holds(self) -> str:
        """What the file holds, in words; "" until it was checked."""
        from .registry import importer_for  # not above: the registry's types name this model

        return importer_for(self.kind).holds(self)

    @property
    def refused_rows(self) -> int | None:
        return self._count("refused_rows") or 0 if "lines" in self.counts else None

    def _count(self, key: str) -> int | None:
        return int(self.counts[key]) if key in self.counts else None

    @property
    def can_map(self) -> bool:
        """Whether the columns may still be chosen anew."""
        return self.state in {self.State.UPLOADED, self.State.CHECKED} or (
            self.state == self.State.FAILED and self.failed_in == self.State.CHECKING
        )

    @property
    def can_resume(self) -> bool:
        return self.state == self.State.FAILED and self.failed_in in {self.State.RUNNING, self.State.UNDOING}

    @property
    def can_undo(self) -> bool:
        return self.state == self.State.DONE


class RefusedRow(TenantModel):
    """A row of the file that was not imported, and why, in words for the person who mends the file."""

    batch = MerchantForeignKey(ImportBatch, on_delete=models.CASCADE, related_name="refused", db_index=False)
    row = models.BigIntegerField()
    column = models.CharField(max_length=160, blank=True, default="")
    code = models.CharField(max_length=40)
    message = models.TextField()
    raw = ArrayField(models.TextField(), default=list)

    class Meta:
        indexes = [models.Index(fields=["merchant", "batch", "row"], name="imports_refused_of")]

    def __str__(self) -> str:
        return f"{self.row}: {self.message}"


class Change(TenantModel):
    """What a batch did to one row, so that it can be undone. `before` is NULL for a row that it made.

    `stamp` is the row's updated-at as the batch left it: another one means that somebody has touched it
    since."""

    batch = MerchantForeignKey(ImportBatch, on_delete=models.CASCADE, related_name="changes", db_index=False)
    model = models.CharField(max_length=40)
    object_id = models.BigIntegerField()
    before = models.JSONField(null=True)
    stamp = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "batch", "model", "object_id"], name="imports_change_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.model} {self.object_id}"


class KeptRow(TenantModel):
    """What an undo had to leave in place, and why."""

    batch = MerchantForeignKey(ImportBatch, on_delete=models.CASCADE, related_name="kept", db_index=False)
    model = models.CharField(max_length=40)
    object_id = models.BigIntegerField()
    label = models.CharField(max_length=200)
    reason = models.CharField(max_length=200)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "batch", "model", "object_id"], name="imports_kept_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.label}: {self.reason}"
