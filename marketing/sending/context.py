"""What a template may know of a customer: plain dicts, read for a whole batch in one query."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.db import connection

from crm.accounts.models import Merchant
from customers.fields.selectors import definitions
from customers.models import Customer, Metrics

# name in the template: column of the customer
_CUSTOMER = (
    "id",
    "name",
    "given_name",
    "family_name",
    "email",
    "language",
    "city",
    "region",
    "country",
    "tags",
)
_METRICS = ("orders_count", "net", "first_order_at", "last_order_at", "points", "tier")

# For the editor: what can be written between the braces.
VARIABLES: tuple[str, ...] = (
    "customer.first_name",
    "customer.name",
    "customer.email",
    "customer.city",
    "customer.country",
    "customer.orders",
    "customer.spent",
    "customer.last_order_on",
    "customer.points",
    "customer.tier",
    "shop.name",
    "shop.website",
    "shop.support_email",
    "unsubscribe_url",
    "preferences_url",
)


def variables() -> list[str]:
    """The same with the shop's own fields; one query."""
    own = [f"customer.attributes.{one.key}" for one in definitions()]
    at = VARIABLES.index("shop.name")
    return [*VARIABLES[:at], *own, *VARIABLES[at:]]


def shop_context(merchant: Merchant) -> dict[str, Any]:
    return {
        "name": merchant.name,
        "website": merchant.website,
        "support_email": merchant.support_email,
        "postal_address": merchant.postal_address,
        "currency": merchant.base_currency,
        "color": merchant.brand_color,
    }


def contexts(*, merchant: Merchant, customer_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
    """Customer id → what the template sees as `customer` and `shop`. One query."""
    sql = f"""
        SELECT {", ".join(f"c.{name}" for name in _CUSTOMER)}, c.attributes::text,
               {", ".join(f"m.{name}" for name in _METRICS)}
        FROM {Customer._meta.db_table} c
        LEFT JOIN {Metrics._meta.db_table} m ON m.customer_id = c.id AND m.merchant_id = c.merchant_id
        WHERE c.merchant_id = %s AND c.id = ANY(%s)
    """
    shop = shop_context(merchant)
    with connection.cursor() as cursor:
        cursor.execute(sql, [merchant.pk, list(customer_ids)])
        return {row[0]: {"customer": _customer(row, merchant), "shop": shop} for row in cursor.fetchall()}


def _customer(row: tuple[Any, ...], merchant: Merchant) -> dict[str, Any]:
    known: dict[str, Any] = dict(zip(_CUSTOMER, row, strict=False))
    figures: dict[str, Any] = dict(zip(_METRICS, row[len(_CUSTOMER) + 1 :], strict=True))
    net = figures["net"] or Decimal(0)
    last = figures["last_order_at"]
    first = figures["first_order_at"]
    return {
        **known,
        "first_name": first_name(known["name"], known["given_name"]),
        "attributes": _attributes(row[len(_CUSTOMER)]),
        "orders": figures["orders_count"] or 0,
        "spent": f"{net:.2f}",
        "last_order_on": last.astimezone(merchant.zone).date().isoformat() if last else "",
        "first_order_on": first.astimezone(merchant.zone).date().isoformat() if first else "",
        "points": figures["points"] or 0,
        "tier": figures["tier"] or "",
    }


def _attributes(text: str | None) -> dict[str, Any]:
    found = json.loads(text or "{}")
    return found if isinstance(found, dict) else {}


def first_name(name: str, given: str) -> str:
    """How a mail greets somebody: the given name, a Chinese name whole, else the first word."""
    if given:
        return given
    if name and not name.isascii() and " " not in name:
        return name
    return name.split(" ", 1)[0]
