"""What was merged, what moved with it, and whom staff must tell apart."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.accounts.models import Membership
from crm.lib.tenancy import MerchantForeignKey, TenantModel
from customers.models.customer import Customer


class MergeRecord(TenantModel):
    """One customer absorbed by another. The absorbed row stays and points at the survivor.

    `before` and `after` hold the survivor's fields that the merge changed, `absorbed_row` the other one as it
    was, `figures` both metrics rows, `consents` both answers and what became of them, `counts` how many rows
    of each model moved. `marks` are the highest ids given out when it happened, by model: whatever has a
    higher one came later.
    """

    class State(models.TextChoices):
        ACTIVE = "active", _("Merged")
        UNDONE = "undone", _("Undone")

    survivor = MerchantForeignKey(Customer, on_delete=models.CASCADE, related_name="merges", db_index=False)
    absorbed = MerchantForeignKey(
        Customer, on_delete=models.CASCADE, related_name="absorptions", db_index=False
    )
    state = models.CharField(max_length=6, choices=State, default=State.ACTIVE)
    choices = models.JSONField(default=dict, blank=True)
    before = models.JSONField(default=dict, blank=True)
    after = models.JSONField(default=dict, blank=True)
    absorbed_row = models.JSONField(default=dict, blank=True)
    figures = models.JSONField(default=dict, blank=True)
    consents = models.JSONField(default=list, blank=True)
    counts = models.JSONField(default=dict, blank=True)
    marks = models.JSONField(default=dict, blank=True)
    merged_at = models.DateTimeField(default=timezone.now)
    merged_by = models.ForeignKey(
        Membership, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.ForeignKey(
        Membership, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "absorbed"],
                condition=Q(state="active"),
                name="customers_merge_absorbed_once",
            )
        ]
        indexes = [
            models.Index("merchant", "survivor", F("id").desc(), name="customers_merge_survivor"),
            models.Index("merchant", "absorbed", F("id").desc(), name="customers_merge_absorbed"),
            models.Index("merchant", F("merged_at").desc(), F("id").desc(), name="customers_merge_recent"),
        ]

    def __str__(self) -> str:
        return f"{self.absorbed_id} into {self.survivor_id}"

    @property
    def is_active(self) -> bool:
        return self.state == self.State.ACTIVE


class MergeMove(TenantModel):
    """A part of a merge's journal: at most 10,000 rows of one model.

    MOVED: the ids that went over. CHANGED: `rows` hold id and the columns as they were. TAKEN: `rows` are
    whole rows of the absorbed that were taken out; KEPT: rows of the survivor as they stood.
    """

    class Kind(models.TextChoices):
        MOVED = "moved", _("Moved")
        CHANGED = "changed", _("Changed")
        TAKEN = "taken", _("Taken out")
        KEPT = "kept", _("Remembered")

    record = MerchantForeignKey(MergeRecord, on_delete=models.CASCADE, related_name="moves", db_index=False)
    model = models.CharField(max_length=60)
    kind = models.CharField(max_length=7, choices=Kind, default=Kind.MOVED)
    ids = ArrayField(models.BigIntegerField(), default=list, blank=True)
    rows = models.JSONField(default=list, blank=True)

    class Meta:
        indexes = [models.Index(fields=["merchant", "record", "model"], name="customers_mergemove_of")]

    def __str__(self) -> str:
        return f"{self.model} {self.kind}"


class IdentityConflict(TenantModel):
    """Something came in that named two people at once. One row a pair, the lower id in `first`.

    A decision is remembered: a pair that was kept apart is not asked about again.
    """

    class State(models.TextChoices):
        OPEN = "open", _("Open")
        MERGED = "merged", _("Merged")
        KEPT_APART = "apart", _("Kept apart")

    first = MerchantForeignKey(Customer, on_delete=models.CASCADE, related_name="+", db_index=False)
    second = MerchantForeignKey(Customer, on_delete=models.CASCADE, related_name="+", db_index=False)
    # The kinds of identity that were named together, and through what they came last.
    kinds = ArrayField(models.CharField(max_length=8), default=list, blank=True)
    source = models.CharField(max_length=40, blank=True, default="")
    times = models.PositiveIntegerField(default=1)
    state = models.CharField(max_length=6, choices=State, default=State.OPEN)
    record = MerchantForeignKey(
        MergeRecord, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    seen_at = models.DateTimeField(default=timezone.now)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(
        Membership, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["merchant", "first", "second"], name="customers_conflict_once")
        ]
        indexes = [
            models.Index(
                "merchant",
                F("seen_at").desc(),
                F("id").desc(),
                condition=Q(state="open"),
                name="customers_conflict_open",
            ),
            models.Index("merchant", F("seen_at").desc(), F("id").desc(), name="customers_conflict_recent"),
            models.Index("merchant", "second", name="customers_conflict_second"),
        ]

    def __str__(self) -> str:
        return f"{self.first_id} or {self.second_id}"
