"""Whatever happens to an order, the points follow."""

from functools import partial

from django.db import transaction

from crm.events.handling import on
from crm.events.models import Event
from crm.events.ringing import ring_task
from crm.imports import events as imports
from customers.events import MERGED, UNMERGED
from marketing.loyalty import settling
from orders import events as orders
from orders.importing.events import ORDER_WITHDRAWN


@on(
    orders.ORDER_PAID,
    orders.ORDER_REFUNDED,
    orders.ORDER_CANCELLED,
    orders.ORDER_CHANGED,
    ORDER_WITHDRAWN,
    MERGED,
    UNMERGED,
    name="loyalty.settle",
)
def settle(event: Event) -> None:
    if event.customer_id:
        settling.settle(merchant=event.merchant, customer_ids=[event.customer_id])


@on(imports.BATCH_IMPORTED, imports.BATCH_UNDONE, name="loyalty.settle_all")
def settle_all(event: Event) -> None:
    """An import brings, changes and takes back orders and refunds without an event for each."""
    ring = partial(ring_task, "loyalty.recalculate_merchant", [event.merchant_id], queue="insight")
    transaction.on_commit(ring, robust=True)
