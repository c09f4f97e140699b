"""What came back of mail, counted, and the mailbox that it comes back to."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.lib.tenancy import MerchantForeignKey, TenantModel
from marketing.models.delivery import Delivery


class SoftBounce(TenantModel):
    """One mail that an address did not take for now; so many within so many days and nobody writes to it.

    By keyed hash as on the suppression list, one row a mail, gone when the address is suppressed or its time
    is over.
    """

    channel = models.CharField(max_length=6)
    digest = models.CharField(max_length=64)
    delivery = MerchantForeignKey(Delivery, on_delete=models.CASCADE, related_name="+", db_index=False)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["merchant", "delivery"], name="marketing_softbounce_once")
        ]
        indexes = [models.Index("merchant", "channel", "digest", "at", name="marketing_softbounce_address")]

    def __str__(self) -> str:
        return f"soft bounce of mail {self.delivery_id}"


class BounceMailbox(TenantModel):
    """Where the shop's bounces arrive, and how they are fetched. The password is kept encrypted.

    With an address, campaign mails carry it as their return path, with a mark behind a plus that names the
    mail. Without a host nothing is fetched: somebody's mail server brings them elsewhere.
    """

    address = models.EmailField(_("address for bounces"), blank=True, default="")
    host = models.CharField(_("IMAP server"), max_length=200, blank=True, default="")
    port = models.PositiveIntegerField(_("port"), default=993)
    user = models.CharField(_("user name"), max_length=200, blank=True, default="")
    secret = models.TextField(blank=True, default="")
    tls = models.BooleanField(_("TLS"), default=True)
    state: models.JSONField[Any, Any] = models.JSONField(default=dict, blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["merchant"], name="marketing_bouncemailbox_once")]

    def __str__(self) -> str:
        return self.address
