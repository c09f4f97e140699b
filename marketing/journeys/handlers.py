"""Any event may be what a running journey waits for."""

from crm.events.handling import on_every
from crm.events.models import Event
from marketing.journeys import enrolling


@on_every(name="marketing.enrol", wants=enrolling.wants)
def enrol(event: Event) -> None:
    enrolling.enrol(event)
