"""What moves of the help desk when two customers become one."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from crm.accounts.models import Merchant
from customers.identities import Contact, Key, keys_of
from customers.merging.registry import Mover, Recount, Row, add, add_recount
from service.handlers import refresh_metrics


def ticket_keys(merchant: Merchant, row: Row) -> list[Key]:
    return keys_of(merchant, Contact(email=row["contact_email"], phone=row["contact_phone"]))


add(
    Mover(
        "service.Ticket",
        _("Tickets"),
        key_columns=("contact_email", "contact_phone"),
        keys=ticket_keys,
        follows=(("order_id", "orders.Order"), ("rma_id", "orders.Return"), ("review_id", "reviews.Review")),
    )
)
add_recount(Recount("service.metrics", refresh_metrics))
