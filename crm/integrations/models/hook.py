"""What a store or a carrier sent us, as it came."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.integrations.models.connection import Connection
from crm.lib.tenancy import MerchantForeignKey, TenantModel


class InboundHook(TenantModel):
    """One delivery of a store or carrier, verified and stored before it is understood.

    `source_id` is the store's own id of the delivery; a repeated one is not stored twice. `body` are the raw
    bytes, emptied after 30 days; `headers` the few without which they can't be read. `result` says in words
    what became of it.
    """

    class State(models.TextChoices):
        PENDING = "pending", _("Waiting")
        FAILED = "failed", _("Failed, will be tried again")
        DONE = "done", _("Done")
        IGNORED = "ignored", _("Ignored")
        REFUSED = "refused", _("Refused")

    OPEN: ClassVar[tuple[str, ...]] = (State.PENDING, State.FAILED)

    connection = MerchantForeignKey(
        Connection, on_delete=models.CASCADE, related_name="hooks", db_index=False
    )
    source_id = models.CharField(max_length=200)
    topic = models.CharField(max_length=80)
    body = models.BinaryField(default=b"")
    headers: models.JSONField[dict[str, str], dict[str, str]] = models.JSONField(default=dict, blank=True)
    # Fetched history: stored without thanking anybody for it.
    backfill = models.BooleanField(default=False)
    state = models.CharField(max_length=8, choices=State, default=State.PENDING)
    result = models.TextField(default="", blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(default=timezone.now)
    received_at = models.DateTimeField(default=timezone.now)
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "connection", "source_id"], name="integrations_hook_once"
            )
        ]
        indexes = [
            models.Index(
                "due_at", "id", condition=Q(state__in=["pending", "failed"]), name="integrations_hook_due"
            ),
            models.Index("merchant", "connection", F("id").desc(), name="integrations_hook_recent"),
            models.Index("received_at", condition=~Q(body=b""), name="integrations_hook_body"),
        ]

    def __str__(self) -> str:
        return f"{self.topic} {self.source_id}"
