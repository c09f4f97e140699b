"""Money that went back."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from crm.lib.money import CurrencyField, MoneyField
from crm.lib.tenancy import MerchantForeignKey, TenantModel
from customers.models import Customer
from orders.models.channel import SalesChannel
from orders.models.order import Order, OrderLine
from orders.models.product import Product


class Refund(TenantModel):
    """A refund of an order, or a stand-alone one where the order it undoes can't be found.

    `amount` is positive, in `currency`; `base_amount` by the order's frozen rate.
    """

    channel = MerchantForeignKey(
        SalesChannel, on_delete=models.PROTECT, related_name="refunds", db_index=False
    )
    external_id = models.CharField(max_length=100)
    order = MerchantForeignKey(
        Order, on_delete=models.CASCADE, null=True, blank=True, related_name="refunds", db_index=False
    )
    customer = MerchantForeignKey(
        Customer, on_delete=models.SET_NULL, null=True, blank=True, related_name="refunds", db_index=False
    )
    amount = MoneyField()
    currency = CurrencyField()
    base_amount = MoneyField(null=True)
    reason = models.CharField(max_length=200, blank=True, default="")
    refunded_at = models.DateTimeField()
    import_batch_id = models.BigIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "channel", "external_id"], name="orders_refund_external"
            )
        ]
        indexes = [
            models.Index("merchant", "order", condition=Q(order__isnull=False), name="orders_refund_order"),
            models.Index(
                "merchant",
                "customer",
                F("refunded_at").desc(),
                condition=Q(customer__isnull=False),
                name="orders_refund_customer",
            ),
            models.Index("merchant", F("refunded_at").desc(), name="orders_refund_recent"),
            models.Index(
                "merchant",
                "import_batch_id",
                condition=Q(import_batch_id__isnull=False),
                name="orders_refund_batch",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"


class RefundLine(TenantModel):
    """The items that a refund gives back; quantity and amount are positive."""

    refund = MerchantForeignKey(Refund, on_delete=models.CASCADE, related_name="lines", db_index=False)
    order_line = MerchantForeignKey(
        OrderLine, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    product = MerchantForeignKey(
        Product, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    sku = models.CharField(max_length=100, blank=True, default="")
    title = models.CharField(max_length=300, blank=True, default="")
    quantity = models.IntegerField(default=0)
    amount = MoneyField(default=0)

    class Meta:
        indexes = [
            models.Index(fields=["merchant", "refund"], name="orders_refundline_of"),
            # What was refunded of a line; and the key check when a line is deleted.
            models.Index(
                "merchant", "order_line", condition=Q(order_line__isnull=False), name="orders_refundline_line"
            ),
            models.Index(
                "merchant", "product", condition=Q(product__isnull=False), name="orders_refundline_item"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.title or self.sku}"
