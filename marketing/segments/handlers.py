"""What segments do when something happens to a customer: look at them again."""

from crm.events.handling import on_every
from crm.events.models import Event
from marketing.segments import refreshing

# Their own news would make them look again for ever. A campaign's mails are news about a million people in a
# few minutes, and no rule that asks for them is worth a look at each: the next build sees them.
OWN = ("marketing.segment_", "marketing.journey_", "marketing.mail_sent")


def _wants(merchant_id: int, name: str) -> bool:
    return not name.startswith(OWN)


@on_every(name="marketing.touch_segments", wants=_wants)
def touch_segments(event: Event) -> None:
    if event.customer_id:
        refreshing.touch(merchant_id=event.merchant_id, customer_ids=[event.customer_id])
