"""Goods that come back (RMA)."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.lib.tenancy import MerchantForeignKey, TenantModel
from customers.models import Customer
from orders.models.order import Order, OrderLine


class Return(TenantModel):
    """A customer's wish to send items back, and what became of it. `number` counts up in each merchant."""

    class State(models.TextChoices):
        REQUESTED = "requested", _("Requested")
        APPROVED = "approved", _("Approved")
        REJECTED = "rejected", _("Declined")
        RECEIVED = "received", _("Received")
        REFUNDED = "refunded", _("Refunded")
        CANCELLED = "cancelled", _("Withdrawn")

    class Reason(models.TextChoices):
        DAMAGED = "damaged", _("Arrived damaged")
        WRONG = "wrong", _("Wrong item")
        SIZE = "size", _("Doesn't fit")
        UNLIKE = "unlike", _("Not as described")
        UNWANTED = "unwanted", _("Changed my mind")
        OTHER = "other", _("Something else")

    OPEN = (State.REQUESTED, State.APPROVED, State.RECEIVED)

    order = MerchantForeignKey(Order, on_delete=models.CASCADE, related_name="returns", db_index=False)
    customer = MerchantForeignKey(
        Customer, on_delete=models.SET_NULL, null=True, blank=True, related_name="returns", db_index=False
    )
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=10, choices=State, default=State.REQUESTED)
    reason = models.CharField(_("reason"), max_length=10, choices=Reason)
    comment = models.TextField(_("comment"), max_length=2_000, blank=True, default="")
    decision_note = models.CharField(max_length=500, blank=True, default="")
    requested_at = models.DateTimeField(default=timezone.now)
    decided_at = models.DateTimeField(null=True, blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["merchant", "number"], name="orders_return_number")]
        indexes = [
            models.Index(fields=["merchant", "order"], name="orders_return_order"),
            models.Index(
                "merchant",
                F("requested_at").desc(),
                condition=Q(state__in=["requested", "approved", "received"]),
                name="orders_return_open",
            ),
        ]

    def __str__(self) -> str:
        return f"R-{self.number}"


class ReturnLine(TenantModel):
    """How many of which line."""

    rma = MerchantForeignKey(Return, on_delete=models.CASCADE, related_name="lines", db_index=False)
    order_line = MerchantForeignKey(OrderLine, on_delete=models.CASCADE, related_name="+", db_index=False)
    quantity = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["merchant", "rma", "order_line"], name="orders_returnline_once"),
            models.CheckConstraint(condition=Q(quantity__gt=0), name="orders_returnline_some"),
        ]
        indexes = [models.Index(fields=["merchant", "order_line"], name="orders_returnline_line")]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.order_line_id}"
