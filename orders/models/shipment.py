"""Parcels on their way."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.lib.tenancy import MerchantForeignKey, TenantModel
from orders.models.order import Order


class Shipment(TenantModel):
    """A parcel of an order."""

    class State(models.TextChoices):
        PREPARING = "preparing", _("Being packed")
        IN_TRANSIT = "transit", _("On its way")
        OUT_FOR_DELIVERY = "out", _("Out for delivery")
        DELIVERED = "delivered", _("Delivered")
        EXCEPTION = "exception", _("Trouble on the way")
        RETURNED = "returned", _("Returned to sender")

    order = MerchantForeignKey(Order, on_delete=models.CASCADE, related_name="shipments", db_index=False)
    external_id = models.CharField(max_length=100)
    carrier = models.CharField(_("carrier"), max_length=60, blank=True, default="")
    tracking_number = models.CharField(_("tracking number"), max_length=100, blank=True, default="")
    tracking_url = models.URLField(max_length=500, blank=True, default="")
    state = models.CharField(max_length=10, choices=State, default=State.PREPARING)
    shipped_at = models.DateTimeField(null=True, blank=True)
    promised_on = models.DateField(null=True, blank=True)
    delivered_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "order", "external_id"], name="orders_shipment_external"
            )
        ]
        indexes = [models.Index(fields=["merchant", "tracking_number"], name="orders_shipment_tracking")]

    def __str__(self) -> str:
        return self.tracking_number or self.external_id


class ShipmentEvent(TenantModel):
    """A carrier's scan."""

    shipment = MerchantForeignKey(Shipment, on_delete=models.CASCADE, related_name="scans", db_index=False)
    state = models.CharField(max_length=10, choices=Shipment.State)
    description = models.CharField(max_length=300, blank=True, default="")
    location = models.CharField(max_length=120, blank=True, default="")
    happened_at = models.DateTimeField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["merchant", "shipment", "state", "happened_at"], name="orders_scan_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.state} {self.happened_at:%Y-%m-%d %H:%M}"
