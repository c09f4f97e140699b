"""The tones in which an order's states are shown."""

from django import template

register = template.Library()
PAYMENT = {"pending": "warn", "paid": "good", "partly": "info", "refunded": "", "voided": ""}
FULFILMENT = {"open": "warn", "partial": "info", "shipped": "info", "delivered": "good"}
FULFILMENT_ICONS = {"open": "package", "partial": "truck", "shipped": "truck", "delivered": "circle-check"}
SHIPMENT = {"transit": "info", "out": "info", "delivered": "good", "exception": "bad", "returned": "warn"}
RETURN = {"requested": "warn", "approved": "info", "received": "info", "refunded": "good", "rejected": "bad"}


@register.filter
def payment_tone(state: str) -> str:
    return PAYMENT.get(state, "")


@register.filter
def fulfilment_tone(state: str) -> str:
    return FULFILMENT.get(state, "")


@register.filter
def fulfilment_icon(state: str) -> str:
    return FULFILMENT_ICONS.get(state, "package")


@register.filter
def shipment_tone(state: str) -> str:
    return SHIPMENT.get(state, "")


@register.filter
def return_tone(state: str) -> str:
    return RETURN.get(state, "")
