"""What moves of orders when two customers become one, and where new ones go when they part."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from crm.accounts.models import Merchant
from customers.identities import Contact, Key, keys_of
from customers.merging.registry import Mover, Recount, Row, add, add_recount
from orders import metrics


def order_keys(merchant: Merchant, row: Row) -> list[Key]:
    """By what the order's own words recognise somebody, as when it came in."""
    contact = Contact(
        email=row["email"], phone=row["phone"], member_id=row["member_id"], channel_id=row["channel_id"]
    )
    return keys_of(merchant, contact)


add(
    Mover(
        "orders.Order",
        _("Orders"),
        key_columns=("channel_id", "member_id", "email", "phone"),
        keys=order_keys,
    ),
    Mover("orders.OrderLine", follows=(("order_id", "orders.Order"),)),
    Mover("orders.Refund", _("Refunds"), follows=(("order_id", "orders.Order"),)),
    Mover("orders.Return", _("Returns"), follows=(("order_id", "orders.Order"),)),
)
add_recount(
    Recount(
        "orders.metrics", lambda merchant_id, ids: metrics.refresh(merchant_id=merchant_id, customer_ids=ids)
    )
)
