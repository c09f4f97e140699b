"""What the desk does when something is announced."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Count, Q

from crm.events.handling import on
from crm.events.models import Event
from customers.models import Metrics
from service import events
from service.assigning import ticket_assign_by_rule
from service.models import Ticket


@on(
    events.TICKET_OPENED,
    events.TICKET_SOLVED,
    events.TICKET_REOPENED,
    events.CUSTOMER_REPLIED,
    events.TICKET_ANSWERED,
    name="service.metrics",
)
def update_metrics(event: Event) -> None:
    """The customer's ticket figures, counted anew: right whatever the order of events."""
    if event.customer_id is not None:
        refresh_metrics(event.merchant_id, [event.customer_id])


@on(events.TICKET_OPENED, name="service.assign")
def assign(event: Event) -> None:
    """By the rules under Settings → Assignment; a ticket that somebody took meanwhile stays theirs."""
    if event.subject_id is not None:
        ticket_assign_by_rule(ticket_id=event.subject_id)


def refresh_metrics(merchant_id: int, customer_ids: Sequence[int]) -> None:
    """The ticket columns of these customers' metrics."""
    unsolved = Count("pk", filter=Q(status__in=Ticket.UNSOLVED))
    for customer_id in sorted(customer_ids):
        counted = Ticket.objects.filter(customer_id=customer_id).aggregate(all=Count("pk"), open=unsolved)
        row = Metrics.objects.filter(merchant_id=merchant_id, customer_id=customer_id)
        row.update(open_tickets=counted["open"], tickets_count=counted["all"])
