"""What somebody allowed, as a ledger, and whom nobody may write to."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.lib.tenancy import MerchantForeignKey, TenantModel
from customers.models.customer import Customer
from customers.models.wording import Channel, ConsentWording, Purpose

__all__ = ["Channel", "Consent", "Purpose", "Suppression"]


class Consent(TenantModel):
    """One entry of the append-only ledger; the newest entry of a (customer, channel, purpose) holds.

    `source` is the way it came (form, portal, import, api, unsubscribe …), `wording` what was read,
    `wording_version` its label, or that of a text that lies elsewhere, `proof` what shows it (IP, user agent,
    language, hash of the text, message id, form id). `holds` marks the newest one; triggers of the
    database keep it.
    """

    customer = MerchantForeignKey(Customer, on_delete=models.CASCADE, related_name="consents", db_index=False)
    channel = models.CharField(max_length=6, choices=Channel)
    purpose = models.CharField(max_length=10, choices=Purpose, default=Purpose.MARKETING)
    granted = models.BooleanField()
    source = models.CharField(max_length=40)
    wording_version = models.CharField(max_length=40, blank=True, default="")
    wording = MerchantForeignKey(
        ConsentWording, on_delete=models.RESTRICT, null=True, blank=True, related_name="+", db_index=False
    )
    proof = models.JSONField(default=dict, blank=True)
    recorded_at = models.DateTimeField(default=timezone.now)
    holds = models.BooleanField(default=True, db_default=True, editable=False)

    class Meta:
        indexes = [
            models.Index(
                "merchant",
                "customer",
                "channel",
                "purpose",
                F("recorded_at").desc(),
                F("id").desc(),
                name="customers_consent_latest",
            ),
            models.Index(
                *("merchant", "channel", "purpose", "granted", "customer"),
                condition=Q(holds=True),
                name="customers_consent_holds",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.channel}/{self.purpose} {'granted' if self.granted else 'withdrawn'}"


class Suppression(TenantModel):
    """An address that is never written to; kept as a keyed hash, so that it survives erasure.

    `customer` is whose address it was when it was put here, as far as anybody knew; `note` is why, in a
    colleague's words or as the code that a mail server gave, never with the address in it.
    """

    class Reason(models.TextChoices):
        BOUNCE = "bounce", _("Bounced")
        COMPLAINT = "complaint", _("Complained")
        ERASED = "erased", _("Erased")
        MANUAL = "manual", _("By hand")

    channel = models.CharField(max_length=6, choices=Channel)
    digest = models.CharField(max_length=64)
    reason = models.CharField(max_length=10, choices=Reason)
    note = models.CharField(max_length=300, blank=True, default="", db_default="")
    added_by = models.CharField(max_length=40, blank=True, default="", db_default="")
    customer = MerchantForeignKey(
        Customer, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "channel", "digest"], name="customers_suppression_once"
            )
        ]
        indexes = [
            models.Index(
                "merchant", F("created_at").desc(), F("id").desc(), name="customers_suppression_recent"
            ),
            models.Index(
                *("merchant", "reason", F("created_at").desc(), F("id").desc()),
                name="customers_suppression_reason",
            ),
            models.Index(
                *("merchant", "customer"),
                condition=Q(customer__isnull=False),
                name="customers_suppression_person",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.channel} {self.reason}"
