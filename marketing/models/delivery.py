"""Each mail's own row: what is to happen with it, what did, and why not."""

from __future__ import annotations

from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from crm.lib.tenancy import MerchantForeignKey, TenantManager, TenantModel
from customers.models import Customer
from customers.registries import HOLDS
from marketing.models.campaign import Campaign
from marketing.pacing.receivers import THROTTLED, waiting_text

# Why a mail was not sent, was put off, or failed; "hold:<code>" stands for a care hold
# (customers/registries.py), "throttled:<key>" for a receiver's limit (marketing/pacing/receivers.py).
REASONS: dict[str, str | Promise] = {
    "no_address": _("No address or number for this way"),
    "holdout": _("Held out on purpose, to see what the mail brings"),
    "trial": _("Waits for the better version"),
    "local_time": _("Waits for the hour where they live"),
    "bad_address": _("The address can't be used"),
    "erased": _("The customer was erased"),
    "merged": _("The same person gets this mail at another address"),
    "moved": _("The address belongs to somebody else now"),
    "suppressed": _("The address is on the suppression list"),
    "no_consent": _("Never allowed marketing mail"),
    "withdrawn": _("Withdrew the permission"),
    "frequency_cap": _("Got enough mail lately"),
    "quiet_hours": _("Waits for the end of the quiet hours"),
    THROTTLED: _("Waits its turn: the limit of sending pace"),
    "warm_up": _("Waits for a coming day of the warm-up plan"),
    "cancelled": _("The campaign was cancelled"),
    "render": _("The template doesn't work with this customer's data"),
    "refused": _("The mail server or carrier refused it"),
    "later": _("The mail server or carrier asked to try later"),
    "gave_up": _("Tried for a day without success"),
    "line_lost": _("The connection broke while it was being handed over"),
}


def reason_text(code: str) -> str:
    """The reason in the reader's language."""
    kind, _colon, rest = code.partition(":")
    if kind == "hold":
        hold = HOLDS.get(rest)
        return str(hold.reason) if hold else rest
    if kind == THROTTLED and rest:
        return str(waiting_text(rest))
    return str(REASONS.get(code, code))


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def open(self) -> DeliveryQuerySet:
        """Still to be dealt with."""
        return self.filter(state__in=Delivery.OPEN)

    def sent(self) -> DeliveryQuerySet:
        return self.filter(state=Delivery.State.SENT)


class SendingRun(TenantModel):
    """One worker at work on one campaign. When it stops beating, what it did not hand over goes back."""

    campaign = MerchantForeignKey(Campaign, on_delete=models.CASCADE, related_name="runs", db_index=False)
    beat_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)
    # How many of its mails may be with a server at once and without a written outcome
    # (marketing/sending/claiming.py).
    window = models.PositiveSmallIntegerField(default=16)
    # Mails of this run that were sent until then stand on their customers' timelines.
    told_until = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [
            models.Index("beat_at", condition=Q(ended_at__isnull=True), name="marketing_run_alive"),
            models.Index("merchant", "campaign", name="marketing_run_campaign"),
        ]

    def __str__(self) -> str:
        return f"run {self.pk}"


class Delivery(TenantModel):
    """One mail to one address. Its Message-ID is fixed with the row, so that a doubt can be looked up.

    queued → sending → sent, failed, deferred (→ sending again when due), unknown; or skipped before.
    """

    class State(models.TextChoices):
        QUEUED = "queued", _("Waiting")
        SENDING = "sending", _("Being handed over")
        SENT = "sent", _("Sent")
        FAILED = "failed", _("Failed")
        DEFERRED = "deferred", _("Put off")
        UNKNOWN = "unknown", _("Unknown")
        SKIPPED = "skipped", _("Not sent")

    class Bounce(models.TextChoices):
        HARD = "hard", _("Nobody is there")
        SOFT = "soft", _("Could not be delivered for now")
        BLOCKED = "blocked", _("The receiving side did not want it")

    OPEN: ClassVar[tuple[str, ...]] = (State.QUEUED, State.SENDING, State.DEFERRED)
    REFUSED: ClassVar[tuple[str, ...]] = (State.SKIPPED, State.FAILED)

    campaign = MerchantForeignKey(
        Campaign, on_delete=models.CASCADE, related_name="deliveries", db_index=False
    )
    customer = MerchantForeignKey(
        Customer, on_delete=models.CASCADE, related_name="mail_deliveries", db_index=False
    )
    address = models.CharField(max_length=320, blank=True, default="")
    state = models.CharField(max_length=8, choices=State, default=State.QUEUED)
    reason = models.CharField(max_length=40, blank=True, default="")
    message_id = models.CharField(max_length=200)
    # The letter of the version that is tried on this person; "" when nothing is tried, or not yet decided.
    version = models.CharField(max_length=1, blank=True, default="")
    # The carrier's name for it, by which its reports come back; "" for SMTP.
    provider_id = models.CharField(max_length=200, blank=True, default="", db_default="")
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(default=timezone.now)
    run_id = models.BigIntegerField(null=True)
    sending_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    receipt = models.CharField(max_length=500, blank=True, default="")
    opened_at = models.DateTimeField(null=True)
    clicked_at = models.DateTimeField(null=True)
    unsubscribed_at = models.DateTimeField(null=True)
    # What carriers and mailboxes said afterwards (marketing/feedback/).
    delivered_at = models.DateTimeField(null=True)
    bounced_at = models.DateTimeField(null=True)
    bounce = models.CharField(max_length=7, choices=Bounce, blank=True, default="", db_default="")
    bounce_code = models.CharField(max_length=40, blank=True, default="", db_default="")
    complained_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar = TenantManager.from_queryset(DeliveryQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "campaign", "address"],
                condition=~Q(address=""),
                name="marketing_delivery_once",
            )
        ]
        indexes = [
            models.Index(
                "merchant",
                "campaign",
                "due_at",
                "id",
                condition=Q(state__in=["queued", "deferred"]),
                name="marketing_delivery_due",
            ),
            models.Index(
                "run_id", "sending_at", "id", condition=Q(state="sending"), name="marketing_delivery_held"
            ),
            models.Index("merchant", "campaign", "state", "reason", "id", name="marketing_delivery_counts"),
            # They may have it, so the frequency cap counts them.
            models.Index(
                "merchant", "customer", condition=Q(state="unknown"), name="marketing_delivery_doubtful"
            ),
            models.Index(
                "merchant",
                "customer",
                F("sent_at").desc(),
                condition=Q(state="sent"),
                name="marketing_delivery_person",
            ),
            # Refusals at the hand-over that nobody has graded yet (marketing/feedback/refusals.py).
            models.Index(
                "merchant",
                "id",
                condition=Q(state="failed", reason__in=["refused", "gave_up"], bounced_at__isnull=True),
                name="marketing_delivery_ungraded",
            ),
            models.Index(
                "merchant", "provider_id", condition=~Q(provider_id=""), name="marketing_delivery_provider"
            ),
            # Why did this person not get it?
            models.Index(
                "merchant",
                "customer",
                F("created_at").desc(),
                condition=Q(state__in=["skipped", "failed"]),
                name="marketing_delivery_refused",
            ),
            # For segment conditions ("opened in 30 days, not clicked"), see ../shared/SCALE.md.
            models.Index(
                "merchant",
                "opened_at",
                include=["customer", "clicked_at"],
                condition=Q(opened_at__isnull=False),
                name="marketing_delivery_opened",
            ),
            # Whoever orders: which mails had this person looked at?
            models.Index(
                "merchant",
                "customer",
                "opened_at",
                condition=Q(opened_at__isnull=False),
                name="marketing_delivery_looked",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.address} {self.state}"

    @property
    def channel(self) -> str:
        """The way that it goes; its campaign's."""
        return str(self.campaign.channel)

    @property
    def reader(self) -> Customer:
        """Who its customer is now."""
        reader: Customer = self.customer.merged_into or self.customer
        return reader

    @property
    def reason_text(self) -> str:
        return reason_text(self.reason)


class SendingPolicy(TenantModel):
    """The shop's own rules: how often, not at night, and which orders count for a mail. Times are the
    customer's, else the shop's.
    """

    class Model(models.TextChoices):
        LAST = "last", _("Last mail before the order")
        FIRST = "first", _("First mail before the order")
        LINEAR = "linear", _("All mails alike")
        POSITION = "position", _("First and last 40% each, those between share 20%")

    cap_count = models.PositiveSmallIntegerField(_("mails at most"), default=0)
    cap_days = models.PositiveSmallIntegerField(_("within days"), default=7)
    quiet_from = models.TimeField(_("quiet from"), null=True, blank=True)
    quiet_until = models.TimeField(_("quiet until"), null=True, blank=True)
    attribution_model = models.CharField(
        _("an order's worth goes to"), max_length=8, choices=Model, default=Model.LAST
    )
    attribution_days = models.PositiveSmallIntegerField(
        _("orders count for a click within days"),
        default=5,
        validators=[MinValueValidator(1), MaxValueValidator(90)],
    )
    attribution_opens = models.BooleanField(_("opened mails count too"), default=False)
    soft_bounces = models.PositiveSmallIntegerField(
        _("stop writing after so many failed mails"), default=4, db_default=4
    )
    soft_days = models.PositiveSmallIntegerField(_("failed mails count for days"), default=60, db_default=60)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["merchant"], name="marketing_policy_once")]

    def __str__(self) -> str:
        return f"{self.cap_count} in {self.cap_days} days"
