"""A sale."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.lib.money import CurrencyField, MoneyField
from crm.lib.tenancy import MerchantForeignKey, TenantManager, TenantModel
from customers.models import Customer
from orders.models.channel import SalesChannel
from orders.models.product import Product, Variant
from orders.querysets import OrderQuerySet


class Order(TenantModel):
    """An order, as the newest version that its channel told us.

    `version` is the channel's own clock (microseconds of its updated-at): an upsert with an older one is
    ignored. `base_total` and `base_refunded` are in the merchant's currency by `rate`, frozen when the order
    was first stored; all three are NULL while the merchant has no rate for the currency. `email`, `phone`,
    `member_id` and `contact_name` are the order's own words, `customer` who that is; a
    guest's order has no customer.
    """

    class Payment(models.TextChoices):
        PENDING = "pending", _("Payment pending")
        PAID = "paid", _("Paid")
        PARTLY_REFUNDED = "partly", _("Partly refunded")
        REFUNDED = "refunded", _("Refunded")
        VOIDED = "voided", _("Voided")

    class Fulfilment(models.TextChoices):
        OPEN = "open", _("Not shipped")
        PARTIAL = "partial", _("Partly shipped")
        SHIPPED = "shipped", _("Shipped")
        DELIVERED = "delivered", _("Delivered")

    channel = MerchantForeignKey(
        SalesChannel, on_delete=models.PROTECT, related_name="orders", db_index=False
    )
    external_id = models.CharField(max_length=100)
    number = models.CharField(_("number"), max_length=60)
    customer = MerchantForeignKey(
        Customer, on_delete=models.SET_NULL, null=True, blank=True, related_name="orders", db_index=False
    )
    contact_name = models.CharField(max_length=200, blank=True, default="")
    email = models.CharField(max_length=320, blank=True, default="")
    phone = models.CharField(max_length=40, blank=True, default="")
    # Who the channel says it is; a default of the database, so that copying rows in needn't name it.
    member_id = models.CharField(max_length=100, blank=True, default="", db_default="")
    payment = models.CharField(_("payment"), max_length=10, choices=Payment, default=Payment.PENDING)
    fulfilment = models.CharField(_("fulfilment"), max_length=10, choices=Fulfilment, default=Fulfilment.OPEN)
    currency = CurrencyField()
    subtotal = MoneyField(default=0)
    discount = MoneyField(default=0)
    shipping = MoneyField(default=0)
    tax = MoneyField(default=0)
    total = MoneyField()
    refunded = MoneyField(default=0)
    rate = models.DecimalField(max_digits=18, decimal_places=8, null=True)
    base_total = MoneyField(null=True)
    base_refunded = MoneyField(null=True, default=0)
    coupons = ArrayField(models.CharField(max_length=60), default=list, blank=True)
    tags = ArrayField(models.CharField(max_length=60), default=list, blank=True)
    shipping_address = models.JSONField(default=dict, blank=True)
    country = models.CharField(max_length=60, blank=True, default="")
    note = models.TextField(blank=True, default="")
    placed_at = models.DateTimeField()
    paid_at = models.DateTimeField(null=True, blank=True)
    cancelled_at = models.DateTimeField(null=True, blank=True)
    promised_on = models.DateField(null=True, blank=True)
    version = models.BigIntegerField(default=0)
    import_batch_id = models.BigIntegerField(null=True, blank=True)
    # Since then a newer version of the order brings nobody's name or address back (orders/privacy.py).
    contact_erased_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(auto_now=True)

    objects: ClassVar = TenantManager.from_queryset(OrderQuerySet)()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "channel", "external_id"], name="orders_order_external"
            )
        ]
        indexes = [
            models.Index("merchant", F("placed_at").desc(), F("id").desc(), name="orders_order_recent"),
            models.Index(
                "merchant",
                "customer",
                F("placed_at").desc(),
                condition=Q(customer__isnull=False),
                name="orders_order_customer",
            ),
            models.Index("merchant", "number", name="orders_order_number"),
            models.Index(
                "merchant",
                "email",
                condition=Q(customer__isnull=True) & ~Q(email=""),
                name="orders_order_guest",
            ),
            models.Index(
                "merchant",
                "import_batch_id",
                condition=Q(import_batch_id__isnull=False),
                name="orders_order_batch",
            ),
            models.Index(
                "merchant",
                "promised_on",
                condition=Q(promised_on__isnull=False, cancelled_at__isnull=True)
                & ~Q(fulfilment="delivered"),
                name="orders_order_promised",
            ),
            # For segments: few orders have a coupon, and which is asked without regard to case.
            models.Index(
                "merchant",
                "placed_at",
                include=["customer", "coupons"],
                condition=~Q(coupons=[]),
                name="orders_order_coupon",
            ),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def net(self) -> Decimal:
        """What stays after refunds, in the order's currency."""
        return Decimal(self.total) - Decimal(self.refunded)

    @property
    def is_cancelled(self) -> bool:
        return self.cancelled_at is not None


class OrderLine(TenantModel):
    """An item of an order. Repeats customer and placed_at, so that product rules of segments read one index.

    `total` is quantity × unit price less discount, in the order's currency.
    """

    order = MerchantForeignKey(Order, on_delete=models.CASCADE, related_name="lines", db_index=False)
    external_id = models.CharField(max_length=100, blank=True, default="")
    product = MerchantForeignKey(
        Product, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    variant = MerchantForeignKey(
        Variant, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    customer = MerchantForeignKey(
        Customer, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    sku = models.CharField(max_length=100, blank=True, default="")
    title = models.CharField(max_length=300, blank=True, default="")
    quantity = models.IntegerField()
    unit_price = MoneyField()
    discount = MoneyField(default=0)
    total = MoneyField()
    placed_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["merchant", "order"], name="orders_line_of"),
            models.Index(
                fields=["merchant", "product", "placed_at"],
                include=["customer", "quantity"],
                name="orders_line_product",
            ),
            # For the database's own key check: without it, deleting one variant reads every line.
            models.Index(
                "merchant", "variant", condition=Q(variant__isnull=False), name="orders_line_variant"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.title or self.sku}"


class Payment(TenantModel):
    """Money that came in for an order."""

    order = MerchantForeignKey(Order, on_delete=models.CASCADE, related_name="payments", db_index=False)
    external_id = models.CharField(max_length=100, blank=True, default="")
    method = models.CharField(max_length=60, blank=True, default="")
    amount = MoneyField()
    currency = CurrencyField()
    paid_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["merchant", "order", "external_id"], name="orders_payment_once")
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"
