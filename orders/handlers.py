"""What orders do when something is announced."""

from crm.events.handling import on
from crm.events.models import Event
from orders import events, metrics


@on(
    events.ORDER_PLACED,
    events.ORDER_CHANGED,
    events.ORDER_CANCELLED,
    events.ORDER_REFUNDED,
    name="orders.metrics",
    backfill=False,
)
def update_metrics(event: Event) -> None:
    """The customer's order figures follow at once; imports refresh theirs set-based."""
    if event.customer_id:
        metrics.refresh(merchant_id=event.merchant_id, customer_ids=[event.customer_id])
