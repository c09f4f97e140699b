"""Whatever happens to an order, the points follow."""

from crm.events.handling import on
from crm.events.models import Event
from marketing.loyalty import settling
from orders import events as orders


@on(
    orders.ORDER_PAID,
    orders.ORDER_REFUNDED,
    orders.ORDER_CANCELLED,
    orders.ORDER_CHANGED,
    name="loyalty.settle",
)
def settle(event: Event) -> None:
    if event.customer_id:
        settling.settle(merchant=event.merchant, customer_ids=[event.customer_id])
