"""What came back: opens, clicks, unsubscribes, and the orders that followed a click."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.lib.money import MoneyField
from crm.lib.tenancy import MerchantForeignKey, TenantModel
from customers.models import Customer
from marketing.models.campaign import Campaign, Link
from marketing.models.delivery import Delivery


class Engagement(TenantModel):
    """One request for a mail's picture or link. `label` says why it is not counted as a person's."""

    class Kind(models.TextChoices):
        OPEN = "open", _("Opened")
        CLICK = "click", _("Clicked")
        UNSUBSCRIBE = "unsub", _("Unsubscribed")

    class Label(models.TextChoices):
        PERSON = "", _("A person")
        PREFETCH = "prefetch", _("Loaded ahead by the mail program")
        PROXY = "proxy", _("Loaded by a privacy proxy")
        SCANNER = "scanner", _("Looked at by a security scanner")
        HEAD = "head", _("Only asked whether it exists")

    class Device(models.TextChoices):
        PHONE = "phone", pgettext_lazy("device", "Phone")
        TABLET = "tablet", _("Tablet")
        DESKTOP = "desktop", _("Computer")

    delivery = MerchantForeignKey(
        Delivery, on_delete=models.CASCADE, related_name="engagements", db_index=False
    )
    link = MerchantForeignKey(
        Link, on_delete=models.CASCADE, null=True, blank=True, related_name="engagements", db_index=False
    )
    kind = models.CharField(max_length=5, choices=Kind)
    label = models.CharField(max_length=8, choices=Label, blank=True, default="")
    user_agent = models.CharField(max_length=200, blank=True, default="")
    device = models.CharField(max_length=7, choices=Device, blank=True, default="")
    at = models.DateTimeField(default=timezone.now)
    # A click that looks like a person's waits a moment: what else comes shows whether a program reads.
    waits = models.BooleanField(default=False)

    class Meta:
        indexes = [
            models.Index("merchant", "delivery", F("at").desc(), name="marketing_engagement_of"),
            models.Index(
                "merchant",
                "link",
                condition=Q(link__isnull=False, label=""),
                name="marketing_engagement_link",
            ),
            # For the sweeper, which looks across merchants.
            models.Index("at", condition=Q(waits=True), name="marketing_engagement_waits"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.label}"


class Attribution(TenantModel):
    """A mail that somebody looked at before a paid order, as a fact: from when to when, opened or clicked.

    Which share of the order's worth the mail gets is said by a rule when the figures are read
    (marketing/campaigns/revenue.py), so another model or window needs no recount. `net` follows refunds.
    """

    class Kind(models.TextChoices):
        OPEN = "open", _("Opened")
        CLICK = "click", _("Clicked")

    campaign = MerchantForeignKey(
        Campaign, on_delete=models.CASCADE, related_name="attributions", db_index=False
    )
    delivery = MerchantForeignKey(Delivery, on_delete=models.CASCADE, related_name="+", db_index=False)
    customer = MerchantForeignKey(Customer, on_delete=models.CASCADE, related_name="+", db_index=False)
    order_id = models.BigIntegerField()
    kind = models.CharField(max_length=5, choices=Kind, default=Kind.CLICK)
    net = MoneyField(_("net in the shop's currency"), default=0)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    ordered_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "order_id", "delivery", "kind"], name="marketing_attribution_once"
            )
        ]
        indexes = [models.Index("merchant", "campaign", "order_id", name="marketing_attribution_campaign")]

    def __str__(self) -> str:
        return f"order {self.order_id}"
