"""What campaigns do when something is announced."""

from crm.events.handling import on
from crm.events.models import Event
from marketing.campaigns.attribution import attribute
from marketing.models import Attribution
from orders import events as order_events
from orders.importing.events import ORDER_WITHDRAWN
from orders.models import Order


@on(
    order_events.ORDER_PAID,
    order_events.ORDER_CHANGED,
    order_events.ORDER_CANCELLED,
    order_events.ORDER_REFUNDED,
    name="marketing.attribute_order",
)
def attribute_order(event: Event) -> None:
    """The order's worth follows the mails that its customer had looked at before it."""
    if event.subject_type != "orders.order":
        return
    order = (
        Order.objects.select_related("merchant")
        .select_for_update(of=("self",))
        .filter(pk=event.subject_id)
        .first()
    )
    if order is not None:
        attribute(order)


@on(ORDER_WITHDRAWN, name="marketing.withdraw_attribution")
def withdraw_attribution(event: Event) -> None:
    """An order that is gone brought nothing in."""
    if event.subject_id:
        Attribution.objects.filter(order_id=event.subject_id).delete()
