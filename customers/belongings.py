"""What hangs on a customer: addresses, the company they work for."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils.translation import gettext as _

from crm.accounts.models import Merchant
from crm.lib.ui.places import country_name
from customers.addressing import postal_code_fits
from customers.companies.services import COUNTRY, company_create, survivor_of
from customers.models import Address, Company, Customer
from customers.normalising import normalise_name
from customers.services import announce_changed, fault

FIELDS = frozenset(
    {"kind", "name", "line1", "line2", "district", "city", "province", "postal_code", "country", "phone"}
)
# A person with more is a warehouse; the page and the API show them all.
MOST_ADDRESSES = 100


@transaction.atomic
def address_add(*, customer: Customer, **fields: Any) -> Address:
    """The first address is the default one; a new default takes over. Raises Rejected with the field: neither
    street nor city, a postal code that its country doesn't have, a country that is none."""
    default = bool(fields.pop("is_default", False)) or not customer.addresses.exists()
    if customer.addresses.count() >= MOST_ADDRESSES:
        raise fault("line1", _("Somebody has at most %(most)s addresses.") % {"most": MOST_ADDRESSES})
    address = Address(merchant_id=customer.merchant_id, customer=customer, is_default=default)
    _fill_address(address, fields)
    if default:
        customer.addresses.update(is_default=False)
    address.save()
    announce_changed(customer, ["addresses"])
    return address


@transaction.atomic
def address_change(*, address: Address, **fields: Any) -> list[str]:
    """Names of what changed; `is_default` can be taken over, not given up. Raises as `address_add`."""
    stored: Address = (
        Address.objects.select_for_update(of=("self",)).select_related("customer").get(pk=address.pk)
    )
    takes_over = bool(fields.pop("is_default", False)) and not stored.is_default
    before = {name: getattr(stored, name) for name in FIELDS}
    _fill_address(stored, fields)
    changed = sorted(name for name in FIELDS if getattr(stored, name) != before[name])
    if takes_over:
        stored.customer.addresses.update(is_default=False)
        stored.is_default = True
        changed.append("is_default")
    if changed:
        stored.save(update_fields=changed)
        announce_changed(stored.customer, ["addresses"])
    return changed


def _fill_address(address: Address, fields: dict[str, Any]) -> None:
    unknown = set(fields) - FIELDS
    if unknown:
        raise ValueError(f"not an address's field: {sorted(unknown)}")
    for name, value in fields.items():
        column: Any = Address._meta.get_field(name)
        words = " ".join(str(value or "").split())
        setattr(address, name, words if name == "country" else words[: column.max_length])
    address.country = address.country.upper()
    if address.country and not COUNTRY.match(address.country):
        raise fault("country", _("Use the two letters of the country, such as CN or DE."))
    if not address.line1 and not address.city:
        raise fault("line1", _("Give at least a street or a city."))
    if not postal_code_fits(address.postal_code, address.country):
        text = _("%(code)s is no postal code of %(country)s.")
        shown = {"code": address.postal_code, "country": country_name(address.country)}
        raise fault("postal_code", text % shown)


@transaction.atomic
def address_remove(*, address: Address) -> None:
    """Gone; when it was the default one, the oldest of the others is it from now on."""
    stored: Address = (
        Address.objects.select_for_update(of=("self",)).select_related("customer").get(pk=address.pk)
    )
    customer, was_default = stored.customer, stored.is_default
    stored.delete()
    following = customer.addresses.order_by("pk").first() if was_default else None
    if following is not None:
        following.is_default = True
        following.save(update_fields=["is_default"])
    announce_changed(customer, ["addresses"])


def company_named(*, merchant: Merchant, name: str) -> Company | None:
    """The company of that name (case aside), made when unknown; None for an empty name."""
    name = normalise_name(name)
    if not name:
        return None
    rows = Company.objects.filter(name__iexact=name).select_related("merged_into")
    known: Company | None = rows.order_by(F("archived_at").asc(nulls_first=True), "id").first()
    if known is not None:
        return survivor_of(known)
    return company_create(merchant=merchant, source="customer", name=name)
