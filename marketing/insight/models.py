"""Figures made from everybody else's facts; insight writes only these rows and its columns of Metrics."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from crm.lib.money import MoneyField
from crm.lib.tenancy import TenantModel


class Yardstick(TenantModel):
    """What is much and what is long in this shop: the numbers that turn facts into bins and scores.

    Made anew at night from all buyers, each blended with a plain prior worth `scoring.PRIOR_BUYERS` buyers,
    so
    that a shop of three customers gets sensible scores, and one of a million its own.
    """

    buyers = models.PositiveIntegerField(default=0)
    recency_bounds = ArrayField(models.FloatField(), default=list)
    frequency_bounds = ArrayField(models.FloatField(), default=list)
    monetary_bounds = ArrayField(models.FloatField(), default=list)
    usual_gap_days = models.FloatField(default=90)
    usual_orders = models.FloatField(default=2)
    usual_net = models.FloatField(default=0)
    computed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["merchant"], name="insight_yardstick_once")]

    def __str__(self) -> str:
        return f"{self.buyers} buyers"


class Day(TenantModel):
    """One merchant-local day of one sales channel (0: facts without a channel). Money in the shop's
    currency."""

    on = models.DateField()
    channel_id = models.BigIntegerField(default=0)
    orders = models.IntegerField(default=0)
    revenue = MoneyField(default=0)
    first_orders = models.IntegerField(default=0)
    first_revenue = MoneyField(default=0)
    refunds = models.IntegerField(default=0)
    refunded = MoneyField(default=0)
    new_customers = models.IntegerField(default=0)
    tickets = models.IntegerField(default=0)
    reviews = models.IntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["merchant", "on", "channel_id"], name="insight_day_once")
        ]

    def __str__(self) -> str:
        return f"{self.on}"


class DirtyDay(TenantModel):
    """A day whose figures must be counted again; the epoch stands for all of them (after an import)."""

    on = models.DateField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["merchant", "on"], name="insight_dirtyday_once")]

    def __str__(self) -> str:
        return f"{self.on}"
