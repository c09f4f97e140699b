"""Which days must be counted again when something happens."""

from datetime import date

from crm.events.handling import on
from crm.events.models import Event
from crm.imports import events as imports
from customers import events as customers
from marketing.insight import rollups
from orders import events as orders
from orders.models import Order
from reviews import events as reviews
from service import events as service


@on(
    orders.ORDER_PLACED,
    orders.ORDER_CHANGED,
    orders.ORDER_CANCELLED,
    orders.ORDER_REFUNDED,
    customers.CUSTOMER_CREATED,
    service.TICKET_OPENED,
    reviews.REVIEW_SUBMITTED,
    name="insight.touch_days",
)
def touch_days(event: Event) -> None:
    zone = event.merchant.zone
    days: list[date] = [event.occurred_at.astimezone(zone).date(), event.created_at.astimezone(zone).date()]
    if event.subject_type == "orders.order" and event.subject_id:
        placed = Order.objects.filter(pk=event.subject_id).values_list("placed_at", flat=True).first()
        days += [placed.astimezone(zone).date()] if placed else []
    rollups.touch(merchant_id=event.merchant_id, days=days)


@on(imports.BATCH_IMPORTED, imports.BATCH_UNDONE, name="insight.touch_all_days")
def touch_all_days(event: Event) -> None:
    rollups.touch(merchant_id=event.merchant_id, days=[rollups.ALL_DAYS])
