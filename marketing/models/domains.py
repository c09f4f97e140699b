"""Domains that the shop sends from, and what becomes of mail by the domain that it goes to."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.lib.tenancy import MerchantForeignKey, TenantModel
from marketing.models.campaign import Campaign


class DomainCount(TenantModel):
    """What became of a campaign's mails of one day to one domain; "" stands for all that got only a few.

    Written anew as a whole by marketing/feedback/counting.py, never added to.
    """

    campaign = MerchantForeignKey(Campaign, on_delete=models.CASCADE, related_name="+", db_index=False)
    day = models.DateField()
    domain = models.CharField(max_length=255, blank=True, default="")
    sent = models.PositiveIntegerField(default=0)
    hard = models.PositiveIntegerField(default=0)
    soft = models.PositiveIntegerField(default=0)
    blocked = models.PositiveIntegerField(default=0)
    complained = models.PositiveIntegerField(default=0)
    opened = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "campaign", "day", "domain"], name="marketing_domaincount_once"
            )
        ]
        indexes = [models.Index("merchant", "day", "domain", name="marketing_domaincount_day")]

    def __str__(self) -> str:
        return f"{self.domain} {self.day}"


class DomainCounting(TenantModel):
    """When a campaign's mails were counted by domain last."""

    campaign = MerchantForeignKey(Campaign, on_delete=models.CASCADE, related_name="+", db_index=False)
    counted_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["merchant", "campaign"], name="marketing_domaincounting_once")
        ]

    def __str__(self) -> str:
        return f"counted {self.counted_at:%F %T}"


class SenderDomain(TenantModel):
    """A domain that the shop sends from: what its DNS says, and the key that mails are signed with.

    `findings` holds the last look: for each of spf, dkim, dmarc a state (good, warn, bad), a code of
    marketing/domains/checking.py, and what stood there. The private key is encrypted, and is never shown.
    """

    class KeyType(models.TextChoices):
        RSA = "rsa", _("RSA, 2048 bits")
        ED25519 = "ed25519", _("Ed25519")

    domain = models.CharField(_("domain"), max_length=253)
    selector = models.CharField(max_length=63)
    key_type = models.CharField(max_length=7, choices=KeyType, default=KeyType.RSA)
    secret = models.TextField()
    public_key = models.TextField()
    signs = models.BooleanField(_("sign mails here"), default=False)
    findings: models.JSONField[Any, Any] = models.JSONField(default=dict, blank=True)
    checked_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["merchant", "domain"], name="marketing_senderdomain_once")
        ]

    def __str__(self) -> str:
        return self.domain
