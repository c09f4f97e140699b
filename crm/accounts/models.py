"""Merchants, the people who work for them, and the keys of their programs."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any, ClassVar
from zoneinfo import ZoneInfo, available_timezones

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.accounts.assignment.models import AssignmentRule
from crm.accounts.handover.models import Handover, HandoverMove, HandoverRow
from crm.accounts.permissions import Role, permissions_of
from crm.accounts.saved_views.models import DefaultView, SavedView
from crm.lib.money import CurrencyField
from crm.lib.tenancy import MerchantForeignKey, TenantManager, TenantModel

__all__ = [
    "ApiKey",
    "AssignmentRule",
    "Counter",
    "DefaultView",
    "ExchangeRate",
    "Handover",
    "HandoverMove",
    "HandoverRow",
    "Membership",
    "Merchant",
    "SavedView",
    "Team",
    "User",
]


def validate_time_zone(value: str) -> None:
    """An IANA name that this machine knows."""
    if value not in available_timezones():
        raise ValidationError(_("Use a time zone such as Asia/Shanghai or Europe/London."), code="time_zone")


class Merchant(models.Model):
    """A shop, and the wall around everything it owns."""

    slug = models.SlugField(_("short name"), max_length=50, unique=True)
    name = models.CharField(_("name"), max_length=120)
    base_currency = CurrencyField(_("currency of the books"), default="CNY")
    time_zone = models.CharField(
        _("time zone"), max_length=50, default="Asia/Shanghai", validators=[validate_time_zone]
    )
    locale = models.CharField(_("language of the shop"), max_length=10, default="en")
    # ISO 3166-1; national phone numbers are read as this country's.
    country = models.CharField(_("country"), max_length=2, default="CN")
    brand_color = models.CharField(_("brand colour"), max_length=7, default="#0f766e")
    sender_name = models.CharField(_("sender name"), max_length=120, blank=True, default="")
    sender_email = models.EmailField(_("sender address"), blank=True, default="")
    support_email = models.EmailField(_("support address"), blank=True, default="")
    postal_address = models.CharField(_("postal address"), max_length=300, blank=True, default="")
    website = models.URLField(_("website"), blank=True, default="")
    is_active = models.BooleanField(default=True)
    is_demo = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """A user with a normalised address; without a password the account can't sign in."""
        if not email:
            raise ValueError("an account needs an e-mail address")
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email__iexact=username or "")


class User(AbstractBaseUser):
    """A person who signs in with an e-mail address; belongs to merchants by memberships."""

    email = models.EmailField(_("e-mail"), unique=True)
    name = models.CharField(pgettext_lazy("of a person", "name"), max_length=120, blank=True, default="")
    language = models.CharField(_("language"), max_length=10, blank=True, default="")
    # "" is the shop's own; tasks fall due by it.
    time_zone = models.CharField(
        _("time zone"), max_length=50, blank=True, default="", validators=[validate_time_zone]
    )
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects = UserManager()

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="accounts_user_email")]

    def __str__(self) -> str:
        return self.name or self.email

    def get_full_name(self) -> str:
        return self.name or self.email


class Team(TenantModel):
    """People who share what they see and what is assigned to them."""

    name = models.CharField(_("name"), max_length=80)

    class Meta:
        constraints = [models.UniqueConstraint("merchant", Lower("name"), name="accounts_team_name")]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A user's place in a merchant. Not scoped: it is what decides which scope a user may enter."""

    class Visibility(models.TextChoices):
        OWN = "own", _("Only their own")
        TEAM = "team", _("Their team's")
        ALL = "all", _("Everything")

    merchant = models.ForeignKey(Merchant, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(_("role"), max_length=10, choices=Role, default=Role.AGENT)
    team = models.ForeignKey(
        Team, on_delete=models.SET_NULL, null=True, blank=True, related_name="memberships"
    )
    region = models.CharField(_("region"), max_length=60, blank=True, default="")
    visibility = models.CharField(_("sees"), max_length=4, choices=Visibility, default=Visibility.ALL)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now)
    deactivated_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["merchant", "user"], name="accounts_membership_once")]

    def __str__(self) -> str:
        return f"{self.user} @ {self.merchant}"

    @property
    def zone(self) -> ZoneInfo:
        """Where the member's days begin and end: their own zone, else the shop's."""
        return ZoneInfo(self.user.time_zone) if self.user.time_zone else self.merchant.zone

    def can(self, permission: str) -> bool:
        return permission in permissions_of(self.role)

    @property
    def sees_everything(self) -> bool:
        """Bound neither to their own or their team's customers nor to a region."""
        return self.visibility == self.Visibility.ALL and not self.region


class ApiKeyQuerySet(models.QuerySet["ApiKey"]):
    def usable(self) -> ApiKeyQuerySet:
        """Neither revoked nor expired."""
        alive = models.Q(expires_at__isnull=True) | models.Q(expires_at__gt=timezone.now())
        return self.filter(alive, revoked_at__isnull=True)


class ApiKey(TenantModel):
    """A program's access: shown once, kept as SHA-256, found by its prefix.

    A key that is bound to a team's or a region's part of the shop only reads, and only lists that can be
    narrowed (crm/api/views.py). One whose team is gone sees nothing.
    """

    class Bound(models.TextChoices):
        WHOLE = "", _("The whole shop")
        TEAM = "team", _("A team's customers")
        REGION = "region", _("A region's customers")

    MARK: ClassVar[str] = "gx"

    name = models.CharField(_("name"), max_length=80)
    prefix = models.CharField(max_length=12, unique=True)
    digest = models.CharField(max_length=64)
    scopes = ArrayField(models.CharField(max_length=30), default=list)
    bound = models.CharField(_("sees"), max_length=6, choices=Bound, blank=True, default="")
    team = MerchantForeignKey(
        Team, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    region = models.CharField(_("region"), max_length=60, blank=True, default="")
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar = TenantManager.from_queryset(ApiKeyQuerySet)()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(bound="region", region=""), name="accounts_apikey_region_named"
            )
        ]
        indexes = [models.Index(fields=["merchant", "-created_at"], name="accounts_apikey_recent")]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def viewer(self) -> Membership:
        """Whose eyes the key sees with: nobody's in particular (no id), bound as the key is."""
        sees = Membership.Visibility.TEAM if self.bound == self.Bound.TEAM else Membership.Visibility.ALL
        region = self.region if self.bound == self.Bound.REGION else ""
        return Membership(
            merchant=self.merchant, role=Role.OWNER, visibility=sees, team_id=self.team_id, region=region
        )

    @classmethod
    def fresh_secret(cls) -> tuple[str, str, str]:
        """(prefix, secret to show once, digest to keep); 256 random bits, so a plain hash is enough."""
        prefix = secrets.token_hex(5)
        secret = f"{cls.MARK}_{prefix}_{secrets.token_urlsafe(32)}"
        return prefix, secret, cls.digest_of(secret)

    @staticmethod
    def digest_of(secret: str) -> str:
        return hashlib.sha256(secret.encode()).hexdigest()


class ExchangeRate(TenantModel):
    """What one unit of `currency` is worth in the merchant's base currency from `valid_from_on` on."""

    currency = CurrencyField(_("currency"))
    rate = models.DecimalField(_("rate"), max_digits=18, decimal_places=8)
    valid_from_on = models.DateField(_("valid from"))

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "currency", "valid_from_on"], name="accounts_rate_once"
            ),
            models.CheckConstraint(condition=models.Q(rate__gt=0), name="accounts_rate_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.currency} {self.rate}"


class Counter(TenantModel):
    """The last number given out in a merchant's series (tickets, returns)."""

    series = models.CharField(max_length=20)
    value = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["merchant", "series"], name="accounts_counter_series")]

    def __str__(self) -> str:
        return f"{self.series} {self.value}"


class Notice(TenantModel):
    """What a member should look at: a reminder, a mention, a task from a colleague. `href` is a path of
    ours."""

    class Kind(models.TextChoices):
        REMINDER = "reminder", _("Reminder")
        MENTION = "mention", _("Mention")
        TASK = "task", _("Task")
        HANDOVER = "handover", _("Handover")

    member = models.ForeignKey(Membership, on_delete=models.CASCADE, related_name="+", db_index=False)
    kind = models.CharField(max_length=10, choices=Kind)
    title = models.CharField(max_length=200)
    line = models.CharField(max_length=300, blank=True, default="")
    href = models.CharField(max_length=300)
    dedupe_key = models.CharField(max_length=120)
    created_at = models.DateTimeField(default=timezone.now)
    read_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["merchant", "dedupe_key"], name="accounts_notice_once")
        ]
        indexes = [
            models.Index("merchant", "member", models.F("created_at").desc(), name="accounts_notice_recent"),
            models.Index(
                "merchant", "member", condition=models.Q(read_at__isnull=True), name="accounts_notice_unread"
            ),
        ]

    def __str__(self) -> str:
        return self.title
