"""A shop system that sends us its orders, or a carrier that takes our messages."""

from __future__ import annotations

import json
import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.accounts.models import User
from crm.lib.crypto import decrypt, encrypt
from crm.lib.tenancy import TenantModel


class Connection(TenantModel):
    """One store or carrier of one merchant. `uuid` stands in the hook's address; `credentials` is a Fernet
    token. `channel` is empty for a store; a carrier's `is_default` is what the shop sends by, one a channel.

    `cursor` is where the next fetch goes on: {"since": instant, "page": opaque token or null}.
    """

    class State(models.TextChoices):
        ACTIVE = "active", _("Connected")
        PAUSED = "paused", _("Paused")

    class Channel(models.TextChoices):
        """The values of messengers.reports.Channel."""

        EMAIL = "email", _("E-mail")
        SMS = "sms", _("SMS")
        WECHAT = "wechat", _("WeChat")

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    platform = models.CharField(max_length=20)
    channel = models.CharField(max_length=6, choices=Channel, blank=True, default="")
    is_default = models.BooleanField(default=False)
    name = models.CharField(_("name"), max_length=80)
    state = models.CharField(max_length=6, choices=State, default=State.ACTIVE)
    credentials = models.TextField(default="", blank=True)
    cursor = models.JSONField(default=dict, blank=True)
    fetch_due_at = models.DateTimeField(null=True, blank=True)
    fetch_attempts = models.PositiveSmallIntegerField(default=0)
    fetch_error = models.TextField(default="", blank=True)
    fetched_at = models.DateTimeField(null=True, blank=True)
    last_hook_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "channel"],
                condition=Q(is_default=True),
                name="integrations_one_default",
            ),
            models.CheckConstraint(
                condition=Q(is_default=False) | ~Q(channel=""), name="integrations_default_carrier"
            ),
        ]
        indexes = [
            models.Index(fields=["merchant", "created_at"], name="integrations_connection_list"),
            models.Index(
                "fetch_due_at",
                condition=Q(state="active", fetch_due_at__isnull=False),
                name="integrations_connection_due",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_active(self) -> bool:
        return self.state == self.State.ACTIVE

    def secrets(self) -> dict[str, str]:
        """The credentials in the clear. Raises Rejected when FIELD_ENCRYPTION_KEY has changed."""
        values: dict[str, str] = json.loads(decrypt(self.credentials)) if self.credentials else {}
        return values

    def keep_secrets(self, values: dict[str, str]) -> None:
        self.credentials = encrypt(json.dumps(values))
