"""What customer pages ask of a value."""

from datetime import date

from django import template
from django.utils.formats import date_format

from crm.lib.masking import mask_any, mask_email, mask_phone, mask_text
from crm.lib.ui.formats import phone_text
from crm.lib.ui.places import country_name
from customers.addressing import address_lines
from customers.models import Address, Customer, Identity, IdentityConflict

register = template.Library()
STAGE_TONES = {"lead": "", "customer": "info", "repeat": "good", "lapsed": "warn"}


@register.filter
def email_for(value: str, may_see: bool) -> str:
    """The address, its middle hidden from those who may not see it."""
    return value if may_see or not value else mask_email(value)


@register.filter
def phone_for(value: str, may_see: bool) -> str:
    """The number grouped as people read it out, or its middle hidden."""
    return phone_text(value) if may_see or not value else mask_phone(value)


@register.filter
def text_for(value: str, may_see: bool) -> str:
    return value if may_see or not value else mask_text(value)


@register.simple_tag
def identity_for(identity: Identity, may_see: bool, shown: bool) -> str:
    """E-mail and phone by the permission; ids of stores and messengers only when asked for."""
    plain = may_see if identity.kind in (Identity.Kind.EMAIL, Identity.Kind.PHONE) else shown
    if not plain:
        return mask_any(identity.value)
    return phone_text(identity.value) if identity.kind == Identity.Kind.PHONE else identity.value


@register.filter
def printed(address: Address, home: str) -> list[str]:
    """The lines as the address's country writes them; `home` is the shop's, which isn't named."""
    return address_lines(address, home=home)


@register.filter
def contact_line(customer: Customer, may_see: bool) -> str:
    """What identifies the person below their name."""
    if customer.email:
        return str(email_for(customer.email, may_see))
    return str(phone_for(customer.phone, may_see))


@register.filter
def stage_tone(stage: str) -> str:
    return STAGE_TONES.get(stage, "")


@register.filter
def band_tone(band: str) -> str:
    """How sure a probable duplicate is."""
    return "good" if band == "certain" else "info"


@register.filter
def band_icon(band: str) -> str:
    return "circle-check" if band == "certain" else "help-circle"


@register.simple_tag
def merge_value(value: object, may_see: bool, name: str) -> str:
    """A field's value as a person reads it; a dash for none."""
    if value in (None, "", [], {}):
        return "–"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {one}" for key, one in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if name == "country":
        return country_name(str(value))
    if isinstance(value, date):
        return date_format(value, "DATE_FORMAT")
    shown = {"email": email_for, "phone": phone_for}.get(name)
    return shown(str(value), may_see) if shown else str(value)


@register.simple_tag
def conflict_kinds(conflict: IdentityConflict) -> str:
    """E-mail, Store member …"""
    return ", ".join(
        str(Identity.Kind(kind).label) for kind in conflict.kinds if kind in Identity.Kind.values
    )
