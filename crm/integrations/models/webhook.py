"""Where we tell other systems what happened, and each telling."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.lib.crypto import decrypt
from crm.lib.tenancy import MerchantForeignKey, TenantModel


class WebhookEndpoint(TenantModel):
    """An address that wants to hear of some kinds of event. `secret` is a Fernet token of "whsec_…"."""

    name = models.CharField(_("name"), max_length=80, blank=True, default="")
    url = models.URLField(_("address"), max_length=500)
    secret = models.TextField()
    events = ArrayField(models.CharField(max_length=80), default=list)
    is_active = models.BooleanField(default=True)
    # The first failure since the last success; long ones switch the endpoint off.
    failing_since = models.DateTimeField(null=True, blank=True)
    disabled_at = models.DateTimeField(null=True, blank=True)
    disabled_reason = models.CharField(max_length=200, blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["merchant"], condition=Q(is_active=True), name="integrations_endpoint_active"
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.url

    def plain_secret(self) -> str:
        return decrypt(self.secret)


def fresh_message_id() -> str:
    return f"msg_{uuid.uuid4().hex}"


class WebhookAttempt(TenantModel):
    """One message to one endpoint, tried until it is taken. Its id and body stay the same at each try.

    `tries` holds what each try met: {"at", "status", "seconds", "snippet", "error"}, newest last.
    """

    class State(models.TextChoices):
        PENDING = "pending", _("Waiting")
        DELIVERED = "delivered", _("Delivered")
        FAILED = "failed", _("Given up")

    endpoint = MerchantForeignKey(
        WebhookEndpoint, on_delete=models.CASCADE, related_name="attempts", db_index=False
    )
    # NULL for a test that no event stands behind.
    event_id = models.BigIntegerField(null=True, blank=True)
    event_name = models.CharField(max_length=80)
    message_id = models.CharField(max_length=60, default=fresh_message_id)
    body = models.TextField()
    state = models.CharField(max_length=9, choices=State, default=State.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(default=timezone.now)
    tries: models.JSONField[list[dict[str, Any]], list[dict[str, Any]]] = models.JSONField(default=list)
    created_at = models.DateTimeField(default=timezone.now)
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "endpoint", "event_id"],
                condition=Q(event_id__isnull=False),
                name="integrations_attempt_once",
            )
        ]
        indexes = [
            models.Index("due_at", "id", condition=Q(state="pending"), name="integrations_attempt_due"),
            models.Index("merchant", "endpoint", F("id").desc(), name="integrations_attempt_recent"),
            models.Index("done_at", condition=Q(done_at__isnull=False), name="integrations_attempt_old"),
        ]

    def __str__(self) -> str:
        return f"{self.event_name} → {self.endpoint_id}"

    @property
    def last_try(self) -> dict[str, Any]:
        return self.tries[-1] if self.tries else {}
