"""Which days must be counted again when something happens."""

from datetime import date

from crm.events.handling import on
from crm.events.models import Event
from crm.imports import events as imports
from customers import events as customers
from customers.models import Customer
from customers.models.consent import Purpose
from marketing.insight import rollups, scoring
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


@on(customers.CONSENT_WITHDRAWN, customers.CONSENT_GRANTED, name="insight.profiling")
def follow_profiling(event: Event) -> None:
    """Score and bins go with the consent to profiling, and come back with it."""
    if event.data.get("purpose") == Purpose.PROFILING and event.customer_id:
        people = Customer.objects.filter(pk=event.customer_id, profiling_stopped_at__isnull=False)
        if people.exists():
            scoring.forget(customer_ids=[event.customer_id])
        else:
            scoring.refresh(merchant_id=event.merchant_id, customer_ids=[event.customer_id])


@on(imports.BATCH_IMPORTED, imports.BATCH_UNDONE, name="insight.touch_all_days")
def touch_all_days(event: Event) -> None:
    rollups.touch(merchant_id=event.merchant_id, days=[rollups.ALL_DAYS])
