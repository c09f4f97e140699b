"""What segments do when something happens to a customer: look at them again."""

from crm.events.handling import on_every
from crm.events.models import Event
from marketing.segments import refreshing

# Their own news would make them look again for ever.
OWN = ("marketing.segment_", "marketing.journey_")


def _wants(merchant_id: int, name: str) -> bool:
    return not name.startswith(OWN)


@on_every(name="marketing.touch_segments", wants=_wants)
def touch_segments(event: Event) -> None:
    if event.customer_id:
        refreshing.touch(merchant_id=event.merchant_id, customer_ids=[event.customer_id])
