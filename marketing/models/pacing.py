"""How fast the shop sends: limits of pace, and warm-up plans of the domains that it sends from."""

from __future__ import annotations

from datetime import time, timedelta
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.integrations.models import Connection
from crm.lib.tenancy import MerchantForeignKey, TenantManager, TenantModel
from marketing.pacing.receivers import DOMAIN_CODE, RECEIVERS, THROTTLED

MOST_MAILS = 100_000


class PaceLimitQuerySet(models.QuerySet["PaceLimit"]):
    def live(self) -> PaceLimitQuerySet:
        """Those that hold: not removed, and not of a provider that was taken away."""
        gone = Q(kind=PaceLimit.Kind.CONNECTION, connection__isnull=True)
        return self.filter(removed_at__isnull=True).exclude(gone)


class PaceLimit(TenantModel):
    """At most `amount` messages in a second, minute or hour by one way, or to the mailboxes of one provider
    or domain; all campaigns, journeys and workers of the shop together.

    `free_at` is when the next one may leave (the theoretical arrival time of the generic cell rate algorithm,
    ITU-T I.371); `tail_at` is the place behind everybody who was told when to come again. Both change under
    the row's lock (marketing/pacing/admitting.py).
    """

    class Kind(models.TextChoices):
        SERVER = "server", _("The mail server (SMTP)")
        CONNECTION = "connection", _("A connected provider or carrier")
        GROUP = "group", _("A mailbox provider")
        DOMAIN = "domain", _("One domain")

    class Per(models.TextChoices):
        SECOND = "second", _("a second")
        MINUTE = "minute", _("a minute")
        HOUR = "hour", _("an hour")

    SECONDS: ClassVar[dict[str, int]] = {Per.SECOND: 1, Per.MINUTE: 60, Per.HOUR: 3_600}

    kind = models.CharField(_("for"), max_length=10, choices=Kind)
    connection = MerchantForeignKey(
        Connection, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    # The key of a mailbox provider (marketing/pacing/receivers.py), or a domain.
    name = models.CharField(max_length=253, blank=True, default="")
    amount = models.PositiveIntegerField(
        _("at most"), validators=[MinValueValidator(1), MaxValueValidator(MOST_MAILS)]
    )
    per = models.CharField(
        pgettext_lazy("so many in a time", "in"), max_length=6, choices=Per, default=Per.MINUTE
    )
    free_at = models.DateTimeField(default=timezone.now)
    tail_at = models.DateTimeField(default=timezone.now)
    # Those that wait, up to this id, were called to be looked at again; null: nobody is called.
    called_to = models.BigIntegerField(null=True)
    # Taken away; the row goes once everybody who waits for it was called.
    removed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    objects: ClassVar = TenantManager.from_queryset(PaceLimitQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "kind", "name", "connection"],
                condition=Q(removed_at__isnull=True) & ~Q(kind="connection", connection__isnull=True),
                nulls_distinct=False,
                name="marketing_pacelimit_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.title}: {self.amount}/{self.per}"

    @property
    def title(self) -> str | Promise:
        """For what it is, in the reader's language."""
        if self.kind == self.Kind.CONNECTION:
            return self.connection.name if self.connection else "–"
        if self.kind == self.Kind.GROUP:
            return RECEIVERS[self.name].label if self.name in RECEIVERS else self.name
        return self.name if self.kind == self.Kind.DOMAIN else self.Kind.SERVER.label

    @property
    def gap(self) -> timedelta:
        """Between two messages."""
        return timedelta(seconds=self.SECONDS[self.per]) / self.amount

    @property
    def code(self) -> str:
        """The reason of a message that it makes wait."""
        if self.kind == self.Kind.GROUP:
            return f"{THROTTLED}:{self.name}"
        return DOMAIN_CODE if self.kind == self.Kind.DOMAIN else THROTTLED


class WarmupPlan(TenantModel):
    """So many mails a day from a new sender domain, more each day, until receivers know it.

    Days are the shop's own. What is over a day's amount waits for the next one; `tail_on` and `tail_count`
    tell how far the days to come are promised. Changed under the row's lock.
    """

    class State(models.TextChoices):
        RUNNING = "running", _("Warming up")
        ENDED = "ended", _("Ended")

    domain = models.CharField(_("domain"), max_length=253)
    state = models.CharField(max_length=7, choices=State, default=State.RUNNING)
    starts_on = models.DateField(_("starts on"))
    amounts: ArrayField[list[int], list[int]] = ArrayField(
        models.PositiveIntegerField(), verbose_name=_("mails a day")
    )
    # Staff keep the step: the amount stays as it is from day to day.
    is_kept = models.BooleanField(_("stays at its amount"), default=False)
    goes_from = models.TimeField(_("what waited goes from"), default=time(8))
    tail_on = models.DateField(null=True)
    tail_count = models.PositiveIntegerField(default=0)
    called_to = models.BigIntegerField(null=True)
    ended_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "domain"], condition=Q(state="running"), name="marketing_warmup_once"
            )
        ]
        indexes = [models.Index("merchant", "domain", name="marketing_warmup_domain")]

    def __str__(self) -> str:
        return f"{self.domain} from {self.starts_on}"

    @property
    def is_running(self) -> bool:
        return self.state == self.State.RUNNING


class WarmupDay(TenantModel):
    """What a plan let go on one of the shop's days. `step` is its place in the plan's amounts."""

    class Stay(models.TextChoices):
        HAND = "hand", _("kept by hand")
        BOUNCES = "bounces", _("not more: too much came back")
        COMPLAINTS = "complaints", _("not more: too many called it spam")
        IDLE = "idle", _("not more: little was sent the day before")

    plan = MerchantForeignKey(WarmupPlan, on_delete=models.CASCADE, related_name="days", db_index=False)
    day = models.DateField()
    step = models.PositiveSmallIntegerField()
    planned = models.PositiveIntegerField()
    sent = models.PositiveIntegerField(default=0)
    # Of these: mails of journeys, which go before campaigns, and invitations to review.
    ahead = models.PositiveIntegerField(default=0)
    # Why the step of the day before was kept; "" when it grew.
    stay = models.CharField(max_length=10, choices=Stay, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["merchant", "plan", "day"], name="marketing_warmupday_once")
        ]

    def __str__(self) -> str:
        return f"{self.day}: {self.sent} of {self.planned}"
