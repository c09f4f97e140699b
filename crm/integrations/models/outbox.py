"""Mail that must arrive: codes, receipts, answers. At least once."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.lib.tenancy import TenantModel


class OutboundMail(TenantModel):
    """One mail to one person. The Message-ID is fixed when the row is made, so a repeat can be recognised.

    Bodies hold codes and personal words: they are emptied 30 days after the mail was sent.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("Waiting")
        SENT = "sent", _("Sent")
        FAILED = "failed", _("Refused")

    to = models.CharField(max_length=320)
    subject = models.CharField(max_length=300)
    text = models.TextField(blank=True, default="")
    html = models.TextField(blank=True, default="")
    headers = models.JSONField(default=dict, blank=True)
    message_id = models.CharField(max_length=200)
    purpose = models.CharField(max_length=40)
    dedupe_key = models.CharField(max_length=200, null=True)  # noqa: DJ001 - NULL is "no key", not ""
    state = models.CharField(max_length=6, choices=State, default=State.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(blank=True, default="")
    due_at = models.DateTimeField(default=timezone.now)
    # A mail whose code has run out is not worth sending any more.
    expires_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "dedupe_key"],
                condition=Q(dedupe_key__isnull=False),
                name="integrations_mail_once",
            )
        ]
        indexes = [
            models.Index("due_at", condition=Q(state="queued"), name="integrations_mail_due"),
            models.Index("sent_at", condition=Q(state="sent"), name="integrations_mail_sent"),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} → {self.to}"
