"""The loyalty programme, its tiers, and every point that was ever given or taken."""

from __future__ import annotations

from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.accounts.models import Membership
from crm.lib.tenancy import MerchantForeignKey, TenantModel
from customers.models import Customer

# A fat finger must not make millionaires.
MOST_PER_UNIT = Decimal(1_000)
MOST_MULTIPLIER = Decimal(20)


class Program(TenantModel):
    """How points are earned. One for each merchant; nothing is given while it isn't active.

    Orders paid since `starts_at` earn `points_per_unit` for each whole unit of the shop's currency that stays
    after refunds, times the multiplier of the tier at that moment. Points of an order expire `expiry_months`
    after it was paid (0: never). The tier follows from what was earned in the last `tier_days`.
    """

    name = models.CharField(_("name"), max_length=80)
    is_active = models.BooleanField(_("running"), default=True)
    points_per_unit = models.DecimalField(
        _("points for each unit of money"),
        max_digits=8,
        decimal_places=3,
        default=1,
        validators=[MinValueValidator(Decimal("0.001")), MaxValueValidator(MOST_PER_UNIT)],
    )
    expiry_months = models.PositiveSmallIntegerField(
        _("points expire after months"), default=12, validators=[MaxValueValidator(120)]
    )
    tier_days = models.PositiveSmallIntegerField(
        _("the tier looks back days"),
        default=365,
        validators=[MinValueValidator(30), MaxValueValidator(3650)],
    )
    starts_at = models.DateTimeField(_("orders earn from"), default=timezone.now)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["merchant"], name="loyalty_program_once")]

    def __str__(self) -> str:
        return self.name


class Tier(TenantModel):
    """Reached by so many points earned in the programme's window."""

    name = models.CharField(_("name"), max_length=40)
    threshold = models.PositiveIntegerField(_("from points"))
    multiplier = models.DecimalField(
        _("earns times"),
        max_digits=5,
        decimal_places=2,
        default=1,
        validators=[MinValueValidator(Decimal("0.1")), MaxValueValidator(MOST_MULTIPLIER)],
    )

    class Meta:
        ordering = ["threshold"]
        constraints = [
            models.UniqueConstraint(fields=["merchant", "name"], name="loyalty_tier_name"),
            models.UniqueConstraint(fields=["merchant", "threshold"], name="loyalty_tier_threshold"),
        ]

    def __str__(self) -> str:
        return self.name


class PointsEntry(TenantModel):
    """Points given (positive) or taken (negative); append-only. The balance is their sum.

    `key` names the reason once: "order:<id>:<n>" is the n-th change of an order's points, so that neither a
    repeated event nor two workers give or take twice. `lot_at` is when the order was paid: expiry and tier
    count from it. `multiplier` is frozen with the order's first points.
    """

    class Kind(models.TextChoices):
        EARN = "earn", _("Earned")
        REVERSE = "reverse", _("Taken back")
        ADJUST = "adjust", _("Corrected")
        EXPIRE = "expire", _("Expired")

    customer = MerchantForeignKey(
        Customer, on_delete=models.CASCADE, related_name="points_entries", db_index=False
    )
    kind = models.CharField(max_length=8, choices=Kind)
    points = models.IntegerField()
    order_id = models.BigIntegerField(null=True)
    refund_id = models.BigIntegerField(null=True)
    multiplier = models.DecimalField(max_digits=5, decimal_places=2, default=1)
    key = models.CharField(max_length=80)
    lot_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)
    reason = models.CharField(_("reason"), max_length=200, blank=True, default="")
    actor = models.ForeignKey(
        Membership, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["merchant", "key"], name="loyalty_entry_once"),
            models.CheckConstraint(condition=~Q(points=0), name="loyalty_entry_some"),
        ]
        indexes = [
            models.Index(
                "merchant", "customer", F("created_at").desc(), F("id").desc(), name="loyalty_entry_customer"
            )
        ]

    def __str__(self) -> str:
        return f"{self.points:+d} {self.key}"
