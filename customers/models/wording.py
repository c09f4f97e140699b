"""What people are told when they are asked for consent, and questions that wait for a confirmation."""

from __future__ import annotations

import hashlib
from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.lib.tenancy import MerchantForeignKey, TenantManager, TenantModel
from customers.models.customer import Customer


class Channel(models.TextChoices):
    EMAIL = "email", _("E-mail")
    SMS = "sms", _("SMS")
    WECHAT = "wechat", _("WeChat")


class Purpose(models.TextChoices):
    MARKETING = "marketing", _("Marketing")
    REVIEWS = "reviews", _("Review requests")
    PROFILING = "profiling", _("Profiling")


def digest_of(text: str) -> str:
    """SHA-256 of the text in UTF-8, 64 hex digits: proves to the letter what was read."""
    return hashlib.sha256(text.encode()).hexdigest()


class WordingQuerySet(models.QuerySet["ConsentWording"]):
    def update(self, **_changes: Any) -> int:
        raise TypeError("a wording is never changed: write a new version")


class ConsentWording(TenantModel):
    """One version of what somebody reads before they allow something. Written once, never changed.

    `created_by` is an actor as in the event log; "" for the house's own text, kept from its first use on.
    """

    channel = models.CharField(max_length=6, choices=Channel)
    purpose = models.CharField(max_length=10, choices=Purpose)
    language = models.CharField(max_length=10)
    version = models.PositiveIntegerField()
    text = models.TextField()
    digest = models.CharField(max_length=64)
    valid_from = models.DateTimeField(default=timezone.now)
    created_by = models.CharField(max_length=40, blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar = TenantManager.from_queryset(WordingQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "channel", "purpose", "language", "version"],
                name="customers_wording_version",
            )
        ]

    def __str__(self) -> str:
        return f"{self.channel}/{self.purpose} {self.label}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Raises TypeError for a stored one."""
        if not self._state.adding:
            raise TypeError("a wording is never changed: write a new version")
        self.digest = digest_of(self.text)
        super().save(*args, **kwargs)

    @property
    def label(self) -> str:
        """The version as the ledger and the API call it: "en-3"."""
        return f"{self.language}-{self.version}"


class ConsentRequest(TenantModel):
    """Somebody said yes, and a mail asks the owner of the address to confirm it (double opt-in).

    Nothing is allowed until then: the answer comes into the ledger when it is confirmed. A new question takes
    an open one's place.
    """

    customer = MerchantForeignKey(
        Customer, on_delete=models.CASCADE, related_name="consent_requests", db_index=False
    )
    channel = models.CharField(max_length=6, choices=Channel, default=Channel.EMAIL)
    purpose = models.CharField(max_length=10, choices=Purpose, default=Purpose.MARKETING)
    address = models.CharField(max_length=320)
    wording = MerchantForeignKey(
        ConsentWording, on_delete=models.RESTRICT, null=True, blank=True, related_name="+", db_index=False
    )
    source = models.CharField(max_length=40)
    proof = models.JSONField(default=dict, blank=True)
    asked_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "customer", "channel", "purpose"],
                condition=Q(confirmed_at__isnull=True, cancelled_at__isnull=True),
                name="customers_consentrequest_open",
            )
        ]
        indexes = [
            models.Index("merchant", "customer", F("asked_at").desc(), name="customers_consentrequest_of"),
            models.Index("merchant", "expires_at", name="customers_consentrequest_over"),
        ]

    def __str__(self) -> str:
        return f"{self.channel}/{self.purpose} asked {self.asked_at:%Y-%m-%d %H:%M}"

    @property
    def is_open(self) -> bool:
        """The link in its mail still confirms."""
        return self.confirmed_at is None and self.cancelled_at is None and self.expires_at > timezone.now()


class ConsentSettings(TenantModel):
    """How the shop asks for consent; a shop without a row gets the defaults."""

    double_opt_in = models.BooleanField(_("e-mail marketing has to be confirmed by mail"), default=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["merchant"], name="customers_consentsettings_once")]

    def __str__(self) -> str:
        return f"consent settings of {self.merchant_id}"
