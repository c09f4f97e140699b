"""The event log, what each handler still owes it, and the slots of beat jobs."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.events.types import EventType, event_type, sentence_of
from crm.lib.tenancy import MerchantForeignKey, TenantModel


class Event(TenantModel):
    """A fact as it was. Never changed, no foreign key to its subject, no message bodies.

    `occurred_at` is when it happened in life (an imported order of last year), `created_at` when it was
    written. `actor` is "user:<id>", "key:<id>", "customer:<id>" or "" for the system.
    """

    name = models.CharField(max_length=80)
    customer_id = models.BigIntegerField(null=True)
    subject_type = models.CharField(max_length=40, default="", blank=True)
    subject_id = models.BigIntegerField(null=True)
    actor = models.CharField(max_length=40, default="", blank=True)
    data = models.JSONField(default=dict)
    dedupe_key = models.CharField(max_length=200, null=True)  # noqa: DJ001 - NULL is "no key", not ""
    backfill = models.BooleanField(default=False)
    occurred_at = models.DateTimeField(default=timezone.now)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "name", "dedupe_key"],
                condition=Q(dedupe_key__isnull=False),
                name="events_event_once",
            )
        ]
        indexes = [
            models.Index(
                "merchant",
                "customer_id",
                models.F("occurred_at").desc(),
                models.F("id").desc(),
                condition=Q(customer_id__isnull=False),
                name="events_event_customer",
            ),
            models.Index(
                "merchant",
                "subject_type",
                "subject_id",
                "occurred_at",
                condition=Q(subject_id__isnull=False),
                name="events_event_subject",
            ),
            models.Index(
                "merchant", "actor", models.F("id").desc(), condition=~Q(actor=""), name="events_event_actor"
            ),
            models.Index("merchant", "name", models.F("id").desc(), name="events_event_name"),
        ]

    def __str__(self) -> str:
        return f"{self.name} #{self.pk}"

    @property
    def type(self) -> EventType | None:
        return event_type(self.name)

    @property
    def sentence(self) -> str:
        """What happened, in the active language."""
        return sentence_of(self.name, self.data)


class Delivery(TenantModel):
    """One handler's duty towards one event."""

    class State(models.TextChoices):
        PENDING = "pending", _("Waiting")
        FAILED = "failed", _("Failed, will be tried again")
        DEAD = "dead", _("Given up")
        DONE = "done", _("Done")

    OPEN: ClassVar[tuple[str, ...]] = (State.PENDING, State.FAILED)

    event = MerchantForeignKey(Event, on_delete=models.CASCADE, related_name="deliveries", db_index=False)
    handler = models.CharField(max_length=80)
    state = models.CharField(max_length=8, choices=State, default=State.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(default="", blank=True)
    due_at = models.DateTimeField(default=timezone.now)
    done_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["merchant", "event", "handler"], name="events_delivery_once")
        ]
        indexes = [
            models.Index(
                "due_at", "id", condition=Q(state__in=["pending", "failed"]), name="events_delivery_due"
            ),
            models.Index(
                "merchant",
                models.F("id").desc(),
                condition=Q(state__in=["failed", "dead"]),
                name="events_delivery_trouble",
            ),
            models.Index("done_at", condition=Q(state="done"), name="events_delivery_done"),
        ]

    def __str__(self) -> str:
        return f"{self.handler} ← {self.event_id}"


class BeatSlot(models.Model):
    """A beat job's run in a time slot; the unique pair makes two beats run it once."""

    job = models.CharField(max_length=80)
    slot = models.CharField(max_length=40)
    started_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "slot"], name="events_beatslot_once")]

    def __str__(self) -> str:
        return f"{self.job} {self.slot}"
