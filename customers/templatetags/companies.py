"""What company pages ask of a value."""

from django import template

register = template.Library()
KIND_TONES = {"customer": "", "distributor": "accent", "supplier": "info", "partner": "good"}


@register.filter
def kind_tone(kind: str) -> str:
    return KIND_TONES.get(kind, "")
