"""What is due at the desk, found in rows: late parcels, snoozes that end, codes whose ring was lost."""

from __future__ import annotations

from django.utils import timezone

from crm.accounts.models import Merchant
from crm.lib.sweeping import for_each
from crm.lib.tenancy import all_merchants, merchant_scope
from customers.portal_codes import sweep_codes
from service.late import late_tickets_open
from service.models import Ticket
from service.tickets import ticket_wake

WAKE_LIMIT = 500


def sweep() -> dict[str, int]:
    """What was done, by kind."""
    return {"codes": sweep_codes(), "woken": _wake(), "late": _late()}


def _wake() -> int:
    with all_merchants(reason="the sweeper looks after every merchant"):
        asleep = Ticket.objects.filter(status=Ticket.Status.SNOOZED, snoozed_until__lte=timezone.now())
        due = list(asleep.order_by("snoozed_until").select_related("merchant")[:WAKE_LIMIT])
    woken: list[Ticket] = []

    def wake(ticket: Ticket) -> None:
        if ticket_wake(merchant=ticket.merchant, ticket=ticket):
            woken.append(ticket)

    for_each(due, wake, what="a ticket can't be woken")
    return len(woken)


def _late() -> int:
    opened = 0
    for merchant in Merchant.objects.filter(is_active=True):
        with merchant_scope(merchant):
            opened += late_tickets_open(merchant=merchant)
    return opened
