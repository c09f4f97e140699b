"""Any event may be what a running journey waits for."""

from crm.events.handling import on, on_every
from crm.events.models import Event
from customers import events as customers
from customers.models.consent import Purpose
from marketing.journeys import enrolling


@on_every(name="marketing.enrol", wants=enrolling.wants)
def enrol(event: Event) -> None:
    enrolling.enrol(event)


@on(customers.CONSENT_WITHDRAWN, name="marketing.leave_journeys")
def leave_journeys(event: Event) -> None:
    """Who doesn't want to be profiled leaves every journey at once."""
    if event.data.get("purpose") == Purpose.PROFILING and event.customer_id:
        enrolling.leave_all(customer_id=event.customer_id, reason="unprofiled")
