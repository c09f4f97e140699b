"""Setting out: an event that a running journey waits for puts its customer on the way, once."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from crm.events.models import Event
from crm.events.ringing import ring_sweeper
from crm.events.types import REGISTRY, EventType
from crm.lib.tenancy import merchant_scope
from customers.models import Customer
from marketing.models import Enrolment, Journey

# Other handlers of the same event keep the metrics; the journey's own question is asked after that.
SETTLE_SECONDS = 5
# A journey that starts by journeys or mails could start itself.
NEVER = ("marketing.journey_", "marketing.mail_", "marketing.campaign_", "accounts.")


def triggers() -> list[EventType]:
    """The events that may start a journey: facts about a customer."""
    return [kind for kind in REGISTRY.values() if kind.on_timeline and not kind.name.startswith(NEVER)]


def wants(merchant_id: int, event_name: str) -> bool:
    """Whether a running journey of the merchant starts by this event; one indexed query."""
    if event_name.startswith(NEVER):
        return False
    with merchant_scope(merchant_id):
        return Journey.objects.running().filter(trigger=event_name).exists()


def enrol(event: Event) -> int:
    """Puts the event's customer on each running journey that it starts; how many were new.

    Once for each customer, or for each order, ticket or review, by the database's own unique key.
    """
    if event.customer_id is None or event.backfill:
        return 0
    if Customer.objects.filter(pk=event.customer_id, profiling_stopped_at__isnull=False).exists():
        return 0
    due = timezone.now() + timedelta(seconds=SETTLE_SECONDS)
    made = [
        Enrolment(
            merchant_id=event.merchant_id,
            journey=journey,
            customer_id=event.customer_id,
            key=_key(journey, event),
            due_at=due,
            event_id=event.pk,
        )
        for journey in Journey.objects.running().filter(trigger=event.name)
        if journey.started_at and event.occurred_at >= journey.started_at - timedelta(days=1)
    ]
    before = Enrolment.objects.filter(event_id=event.pk, customer_id=event.customer_id).count()
    Enrolment.objects.bulk_create(made, ignore_conflicts=True)
    new = Enrolment.objects.filter(event_id=event.pk, customer_id=event.customer_id).count() - before
    if new:
        ring_sweeper("marketing.sweep_journeys", after_seconds=SETTLE_SECONDS)
    return new


def leave_all(*, customer_id: int, reason: str) -> int:
    """Ends every journey that the customer is on; how many."""
    walking = Enrolment.objects.filter(customer_id=customer_id, state__in=Enrolment.OPEN)
    return int(walking.update(state=Enrolment.State.LEFT, reason=reason, ended_at=timezone.now()))


def _key(journey: Journey, event: Event) -> str:
    if journey.once == Journey.Once.CUSTOMER:
        return ""
    return f"{event.subject_type}:{event.subject_id}" if event.subject_id else f"event:{event.pk}"
