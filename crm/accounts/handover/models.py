"""One leaver's transfer, its rounds, and each row that went from hand to hand."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.lib.tenancy import MerchantForeignKey, TenantModel

UNDO_DAYS = 30


class Handover(TenantModel):
    """Everything that `member` held when they left. Open until nothing of it is theirs any more, or until
    they come back."""

    class State(models.TextChoices):
        OPEN = "open", _("To be handed over")
        DONE = "done", _("Handed over")
        RETURNED = "returned", _("Came back")

    member = models.ForeignKey(
        "accounts.Membership", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    state = models.CharField(max_length=8, choices=State, default=State.OPEN)
    opened_at = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        app_label = "accounts"
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "member"], condition=Q(state="open"), name="accounts_handover_one_open"
            )
        ]
        indexes = [
            models.Index("merchant", F("id").desc(), name="accounts_handover_recent"),
        ]

    def __str__(self) -> str:
        return f"{self.member_id}: {self.state}"

    @property
    def is_open(self) -> bool:
        return self.state == self.State.OPEN


class HandoverMove(TenantModel):
    """One round: what of the kinds in `kinds` goes to whom, by which rule.

    `ids` is {kind: [row ids]} when rows were chosen by hand, NULL for everything. `people` are memberships,
    empty for everybody who may; `rest` takes what the rule finds nobody for. A chunk, its rows and where it
    stands (`place` in `kinds`, `cursor` the last row id) commit together: whatever dies, the work goes on
    from there. `loads` and `receipt` are {kind: {membership id: rows}}.
    """

    class State(models.TextChoices):
        RUNNING = "running", _("Being handed over")
        DONE = "done", _("Handed over")
        UNDOING = "undoing", _("Being given back")
        UNDONE = "undone", _("Given back")

    class How(models.TextChoices):
        PERSON = "person", _("Everything to one person")
        EVEN = "even", _("Evenly, to whoever has least")
        REGION = "region", _("By region")
        TEAM = "team", _("By team")

    WORKING: ClassVar[tuple[str, ...]] = (State.RUNNING, State.UNDOING)

    handover = MerchantForeignKey(Handover, on_delete=models.CASCADE, related_name="moves", db_index=False)
    by = models.ForeignKey(
        "accounts.Membership",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        db_index=False,
    )
    actor = models.CharField(max_length=80, blank=True, default="")
    how = models.CharField(max_length=6, choices=How)
    kinds = ArrayField(models.CharField(max_length=20), default=list)
    ids = models.JSONField(null=True, blank=True)
    people = ArrayField(models.BigIntegerField(), default=list, blank=True)
    rest = models.BigIntegerField(null=True, blank=True)
    state = models.CharField(max_length=7, choices=State, default=State.RUNNING)
    place = models.PositiveSmallIntegerField(default=0)
    cursor = models.BigIntegerField(default=0)
    total = models.IntegerField(default=0)
    seen = models.IntegerField(default=0)
    given = models.IntegerField(default=0)
    returned = models.IntegerField(default=0)
    stayed = models.IntegerField(default=0)
    loads = models.JSONField(default=dict, blank=True)
    receipt = models.JSONField(default=dict, blank=True)
    # Whether customers are told by mail, in which words, and how many were.
    tell = models.BooleanField(default=False)
    tell_subject = models.CharField(max_length=200, blank=True, default="")
    tell_text = models.TextField(max_length=5_000, blank=True, default="")
    told = models.IntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)
    worked_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)
    undone_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        app_label = "accounts"
        constraints = [
            # Two rounds at once would share out the same rows.
            models.UniqueConstraint(
                fields=["merchant", "handover"],
                condition=Q(state__in=["running", "undoing"]),
                name="accounts_handovermove_one_works",
            )
        ]
        indexes = [
            models.Index("merchant", "handover", F("id").desc(), name="accounts_handovermove_of"),
            models.Index(
                "worked_at",
                condition=Q(state__in=["running", "undoing"]),
                name="accounts_handovermove_works",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.how} {self.seen}/{self.total}"

    @property
    def is_working(self) -> bool:
        return self.state in self.WORKING

    @property
    def undo_until(self) -> datetime:
        return self.created_at + timedelta(days=UNDO_DAYS)


class HandoverRow(TenantModel):
    """One row that a round gave to `receiver`; `kind` and `row_id` name it, since upper floors own it."""

    class State(models.TextChoices):
        GIVEN = "given", _("Given")
        BACK = "back", _("Given back")
        STAYED = "stayed", _("Stayed, changed since")

    move = MerchantForeignKey(HandoverMove, on_delete=models.CASCADE, related_name="rows", db_index=False)
    kind = models.CharField(max_length=20)
    row_id = models.BigIntegerField()
    receiver = models.ForeignKey(
        "accounts.Membership", on_delete=models.CASCADE, related_name="+", db_index=False
    )
    state = models.CharField(max_length=6, choices=State, default=State.GIVEN)

    class Meta:
        app_label = "accounts"
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "move", "kind", "row_id"], name="accounts_handoverrow_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.row_id} → {self.receiver_id}"
