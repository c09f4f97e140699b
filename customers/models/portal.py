"""The customer's own door: proofs of an address by code, and how the shop wants its portal."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.lib.tenancy import MerchantForeignKey, TenantModel
from customers.models.customer import Customer


class PortalCode(TenantModel):
    """Somebody asked for a code. A question that names nobody gets a row too, so that both cost the same.

    `reference` and `contact` are what was typed, kept until the worker has looked; `address` is where the
    code went ("" for nobody), `grants` what it opens beside the customer ({"order": [ids], "ticket": [ids]}).
    The digests are keyed hashes and only count tries.
    """

    class State(models.TextChoices):
        ASKED = "asked", _("Asked")
        SENT = "sent", _("Sent")
        NOBODY = "nobody", _("Named nobody")

    public_id = models.UUIDField(default=uuid.uuid4)
    state = models.CharField(max_length=6, choices=State, default=State.ASKED)
    reference = models.CharField(max_length=60, blank=True, default="")
    contact = models.CharField(max_length=320, blank=True, default="")
    language = models.CharField(max_length=10, blank=True, default="")
    address = models.CharField(max_length=320, blank=True, default="")
    customer = MerchantForeignKey(
        Customer, on_delete=models.CASCADE, null=True, blank=True, related_name="+", db_index=False
    )
    grants = models.JSONField(default=dict, blank=True)
    code_digest = models.CharField(max_length=64, blank=True, default="")
    tries = models.PositiveSmallIntegerField(default=0)
    ip_digest = models.CharField(max_length=64, blank=True, default="")
    reference_digest = models.CharField(max_length=64, blank=True, default="")
    contact_digest = models.CharField(max_length=64, blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["merchant", "public_id"], name="customers_portalcode_public")
        ]
        indexes = [
            models.Index("merchant", "ip_digest", F("created_at").desc(), name="customers_portalcode_ip"),
            models.Index(
                "merchant", "reference_digest", F("created_at").desc(), name="customers_portalcode_ref"
            ),
            models.Index(
                "merchant", "contact_digest", F("created_at").desc(), name="customers_portalcode_contact"
            ),
            models.Index("created_at", condition=models.Q(state="asked"), name="customers_portalcode_asked"),
        ]

    def __str__(self) -> str:
        return f"{self.state} {self.created_at:%Y-%m-%d %H:%M}"


class PortalSettings(TenantModel):
    """How the shop wants its portal; a shop without a row gets the defaults."""

    return_days = models.PositiveSmallIntegerField(_("days to return"), default=30)
    return_note = models.CharField(_("what to know about returns"), max_length=500, blank=True, default="")
    welcome = models.CharField(_("welcome line"), max_length=200, blank=True, default="")
    contact_form = models.BooleanField(_("anybody may write by the contact form"), default=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["merchant"], name="customers_portalsettings_once")]

    def __str__(self) -> str:
        return f"portal of {self.merchant_id}"
