"""Tickets through their own verbs, so that entries, clocks and events are as in life."""

from __future__ import annotations

from itertools import count
from typing import Any

from crm.accounts.models import Merchant
from crm.lib.tenancy import merchant_scope
from service.models import Macro, Ticket
from service.tickets import Stranger, Words, ticket_open

_numbers = count(1)


def make_ticket(
    merchant: Merchant, customer: Any = None, *, text: str = "Where is my parcel?", **fields: Any
) -> Ticket:
    """An open ticket of the customer, or of a stranger with an address of their own."""
    number = next(_numbers)
    fields.setdefault("subject", f"Question {number}")
    fields.setdefault("channel", Ticket.Channel.PORTAL if customer else Ticket.Channel.FORM)
    if customer is None and "contact" not in fields:
        fields["contact"] = Stranger(name=f"Stranger {number}", email=f"stranger{number}@example.com")
    with merchant_scope(merchant):
        return ticket_open(merchant=merchant, words=Words(text), customer=customer, **fields)


def make_macro(merchant: Merchant, text: str = "Dear {{customer.name}}", **fields: Any) -> Macro:
    fields.setdefault("name", f"Macro {next(_numbers)}")
    with merchant_scope(merchant):
        return Macro.objects.create(merchant=merchant, text=text, **fields)


def fresh(ticket: Ticket) -> Ticket:
    """The row as it stands now."""
    with merchant_scope(ticket.merchant_id):
        return Ticket.objects.select_related("customer", "order").get(pk=ticket.pk)
