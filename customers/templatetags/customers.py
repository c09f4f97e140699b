"""What customer pages ask of a value."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from django import template

from crm.accounts.models import Membership
from crm.lib.masking import mask_any, mask_email, mask_phone, mask_text
from crm.lib.ui.formats import day_text, phone_text
from crm.lib.ui.places import country_name
from customers.addressing import address_lines
from customers.fields.selectors import definitions
from customers.fields.showing import sections_of
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
def actor_in(actor: str, names: Mapping[str, str]) -> str:
    """Who stands behind "user:7", where it is known."""
    return names.get(actor, "–")


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


@register.simple_tag(takes_context=True)
def merge_value(context: Mapping[str, Any], value: object, may_see: bool, name: str) -> str:
    """A field's value as the reader may see it; a dash for none."""
    if value in (None, "", [], {}):
        return "–"
    if isinstance(value, dict):
        return _own_values(value, context["request"].membership)
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if name == "country":
        return country_name(str(value))
    if isinstance(value, date):
        return day_text(value)
    shown = {"email": email_for, "phone": phone_for}.get(name)
    return shown(str(value), may_see) if shown else str(value)


def _own_values(attributes: dict[str, Any], member: Membership) -> str:
    """The shop's own fields by their labels, personal ones masked as on the customer's page; what programs
    keep beside the fields by its key, for those who see everything."""
    sections = sections_of(definitions(), attributes, member)
    facts = [fact for section in sections for fact in section.facts]
    words = [f"{fact.definition.label}: {fact.text}" for fact in facts if fact.text]
    if member.can("customers.pii"):
        named = {fact.definition.key for fact in facts}
        words += [f"{key}: {one}" for key, one in attributes.items() if key not in named]
    return ", ".join(words) or "–"


@register.simple_tag
def conflict_kinds(conflict: IdentityConflict) -> str:
    """E-mail, Store member …"""
    return ", ".join(
        str(Identity.Kind(kind).label) for kind in conflict.kinds if kind in Identity.Kind.values
    )
