"""What is asked of a customer often, in one narrow row."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from crm.lib.money import MoneyField
from crm.lib.tenancy import MerchantOneToOneField, TenantModel
from customers.models.customer import Customer


class Metrics(TenantModel):
    """Figures of one customer, money in the merchant's base currency.

    Each column is kept by the app that owns the facts (orders, service, reviews, marketing, loyalty), by its
    handlers at each event and set-based at night. Indexed are only the two that the list of customers is
    ordered by and who has an open ticket: without them a page of a million takes a second. They change with
    an order or a ticket; every other update stays HOT, which makes updating a million rows 2.4 s instead of
    77 s (../shared/SCALE.md measured it).
    """

    customer = MerchantOneToOneField(
        Customer, on_delete=models.CASCADE, related_name="metrics", primary_key=True
    )
    # orders
    orders_count = models.IntegerField(default=0)
    gross = MoneyField(default=0)
    refunded = MoneyField(default=0)
    net = MoneyField(default=0)
    first_order_at = models.DateTimeField(null=True)
    last_order_at = models.DateTimeField(null=True)
    # service
    open_tickets = models.IntegerField(default=0)
    tickets_count = models.IntegerField(default=0)
    # reviews
    reviews_count = models.IntegerField(default=0)
    last_rating = models.SmallIntegerField(null=True)
    last_rating_at = models.DateTimeField(null=True)
    # marketing
    last_sent_at = models.DateTimeField(null=True)
    last_opened_at = models.DateTimeField(null=True)
    last_clicked_at = models.DateTimeField(null=True)
    # loyalty
    points = models.IntegerField(default=0)
    tier = models.CharField(max_length=40, default="", blank=True)
    # insight: score 0–100, RFM bins 1–5 (0: not computed)
    score = models.SmallIntegerField(null=True)
    score_change = models.SmallIntegerField(default=0)
    recency_bin = models.SmallIntegerField(default=0)
    frequency_bin = models.SmallIntegerField(default=0)
    monetary_bin = models.SmallIntegerField(default=0)

    class Meta:
        verbose_name_plural = _("metrics")
        indexes = [
            models.Index("merchant", F("net").desc(), F("customer").desc(), name="customers_metrics_net"),
            models.Index(
                "merchant",
                F("last_order_at").desc(),
                F("customer").desc(),
                condition=Q(last_order_at__isnull=False),
                name="customers_metrics_bought",
            ),
            models.Index(
                "merchant", "customer", condition=Q(open_tickets__gt=0), name="customers_metrics_waiting"
            ),
        ]

    def __str__(self) -> str:
        return f"metrics of {self.customer_id}"
