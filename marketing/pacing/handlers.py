"""What pacing does when something is announced."""

from crm.events.handling import on
from crm.events.models import Event
from marketing.pacing import restraining
from reviews.events import REVIEW_INVITED


@on(REVIEW_INVITED, name="marketing.count_invitation")
def count_invitation(event: Event) -> None:
    """It counts for the warm-up of the shop's own domain."""
    restraining.count_invitation(event.merchant)
