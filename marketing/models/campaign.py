"""One mail to many people, and where it stands."""

from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.accounts.models import Membership
from crm.lib.tenancy import MerchantForeignKey, TenantManager, TenantModel
from customers.models.consent import Channel
from marketing.models.segment import Segment
from marketing.models.template import BODY_CHARS, Content, Template

# Between the first clock on earth that shows an hour (UTC+14) and the last (UTC-12).
EARLIEST_CLOCK = timedelta(hours=26)


class CampaignQuerySet(models.QuerySet["Campaign"]):
    def due(self) -> CampaignQuerySet:
        """Scheduled, and the time has come; where it is meant by the recipients' clocks, for the first."""
        now = timezone.now()
        come = Q(local_time=False, scheduled_at__lte=now)
        come |= Q(local_time=True, scheduled_at__lte=now + EARLIEST_CLOCK)
        return self.filter(come, state=Campaign.State.SCHEDULED)

    def under_way(self) -> CampaignQuerySet:
        return self.filter(state=Campaign.State.SENDING)

    def in_hand(self) -> CampaignQuerySet:
        """Whose audience is being written down, or whose rest is being cleared away after a cancellation."""
        unfinished = Q(state=Campaign.State.CANCELLED, finished_at__isnull=True)
        return self.filter(Q(state=Campaign.State.PREPARING) | unfinished)


class Campaign(Content, TenantModel):
    """A mail, its audience and its state. Content and audience are fixed when the sending starts."""

    class State(models.TextChoices):
        DRAFT = "draft", _("Draft")
        SCHEDULED = "scheduled", _("Scheduled")
        PREPARING = "preparing", _("Being prepared")
        SENDING = "sending", _("Sending")
        PAUSED = "paused", _("Paused")
        SENT = "sent", _("Sent")
        CANCELLED = "cancelled", _("Cancelled")

    class Audience(models.TextChoices):
        SEGMENT = "segment", _("A segment")
        EVERYONE = "everyone", _("Everyone who allowed mail")

    class TrialMetric(models.TextChoices):
        OPENS = "opens", _("Opens")
        CLICKS = "clicks", _("Clicks")
        REVENUE = "revenue", _("Net revenue for each mail")

    EDITABLE: ClassVar[tuple[str, ...]] = (State.DRAFT,)
    STARTED: ClassVar[tuple[str, ...]] = (
        State.PREPARING,
        State.SENDING,
        State.PAUSED,
        State.SENT,
        State.CANCELLED,
    )

    name = models.CharField(_("name"), max_length=120)
    channel = models.CharField(_("way"), max_length=6, choices=Channel, default=Channel.EMAIL)
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT)
    template = MerchantForeignKey(
        Template, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    audience = models.CharField(_("audience"), max_length=10, choices=Audience, default=Audience.SEGMENT)
    segment = MerchantForeignKey(
        Segment,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="campaigns",
        db_index=False,
        verbose_name=_("segment"),
    )
    # Empty: the shop's own (Merchant.sender_name, sender_email, support_email).
    sender_name = models.CharField(_("sender name"), max_length=120, blank=True, default="")
    sender_email = models.EmailField(_("sender address"), blank=True, default="")
    reply_to = models.EmailField(_("answers go to"), blank=True, default="")
    # For carriers with templates of their own (SMS in China, WeChat): its name there, what stands in its
    # places (place → Liquid) and where a tap leads. An SMS without one is `text`.
    carrier_template = models.CharField(_("template of the carrier"), max_length=100, blank=True, default="")
    carrier_values: models.JSONField[dict[str, str], dict[str, str]] = models.JSONField(
        _("values"), default=dict, blank=True
    )
    carrier_url = models.URLField(_("a tap leads to"), max_length=500, blank=True, default="")
    tracks = models.BooleanField(_("count opens and clicks"), default=True)

    # Who gets what, and when (marketing/campaigns/trials/).
    holdout_percent = models.DecimalField(
        _("hold out, per cent"),
        max_digits=5,
        decimal_places=2,
        default=0,
        validators=[MinValueValidator(0), MaxValueValidator(90)],
    )
    local_time = models.BooleanField(_("at the recipient's own time"), default=False)
    trial_percent = models.PositiveSmallIntegerField(
        _("try on, per cent"), default=100, validators=[MinValueValidator(1), MaxValueValidator(100)]
    )
    trial_metric = models.CharField(_("decide by"), max_length=7, choices=TrialMetric, default="clicks")
    trial_hours = models.PositiveSmallIntegerField(
        _("decide after hours"), default=4, validators=[MinValueValidator(1), MaxValueValidator(168)]
    )
    trial_winner = models.CharField(max_length=1, blank=True, default="")
    trial_decided_at = models.DateTimeField(null=True, blank=True)

    scheduled_at = models.DateTimeField(_("send at"), null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    frozen_at = models.DateTimeField(null=True, blank=True)
    # While it is being prepared: customers up to this id have their rows.
    prepared_to = models.BigIntegerField(default=0)
    finished_at = models.DateTimeField(null=True, blank=True)
    trouble = models.CharField(max_length=500, blank=True, default="")
    created_by = models.ForeignKey(
        Membership, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(auto_now=True)

    objects: ClassVar = TenantManager.from_queryset(CampaignQuerySet)()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~Q(state="scheduled") | Q(scheduled_at__isnull=False),
                name="marketing_campaign_when",
            )
        ]
        indexes = [
            models.Index(
                "merchant", F("created_at").desc(), F("id").desc(), name="marketing_campaign_recent"
            ),
            # For the sweeper, which looks across merchants.
            models.Index(
                "state",
                "scheduled_at",
                condition=Q(state__in=["scheduled", "preparing", "sending"])
                | Q(state="cancelled", finished_at__isnull=True),
                name="marketing_campaign_due",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_mail(self) -> bool:
        return self.channel == Channel.EMAIL

    @property
    def is_editable(self) -> bool:
        return self.state in self.EDITABLE

    @property
    def has_started(self) -> bool:
        return self.state in self.STARTED


class Version(TenantModel):
    """Another way to write a campaign, tried beside the campaign's own words, which are version A. What is
    empty is as in A. `send_at` is the hour of day at which this one leaves."""

    LETTERS: ClassVar[tuple[str, ...]] = ("B", "C", "D")

    campaign = MerchantForeignKey(Campaign, on_delete=models.CASCADE, related_name="versions", db_index=False)
    letter = models.CharField(max_length=1)
    subject = models.CharField(_("subject"), max_length=300, blank=True, default="")
    preheader = models.CharField(_("preview line"), max_length=200, blank=True, default="")
    body = models.TextField(_("content"), max_length=BODY_CHARS, blank=True, default="")
    text = models.TextField(_("plain text"), max_length=BODY_CHARS, blank=True, default="")
    send_at = models.TimeField(_("hour"), null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["merchant", "campaign", "letter"], name="marketing_version_once")
        ]
        ordering = ("letter",)

    def __str__(self) -> str:
        return self.letter


class Link(TenantModel):
    """A tracked target of a campaign's mail; `number` is its place there. Clicks are sent on only to here."""

    campaign = MerchantForeignKey(Campaign, on_delete=models.CASCADE, related_name="links", db_index=False)
    number = models.PositiveSmallIntegerField()
    # May hold Liquid behind its host (marketing/engine/layout.py sees to it).
    target = models.TextField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["merchant", "campaign", "number"], name="marketing_link_number")
        ]

    def __str__(self) -> str:
        return self.target
