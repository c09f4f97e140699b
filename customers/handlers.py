"""What customers do when something is announced."""

from crm.events.handling import on
from crm.events.models import Event
from customers import events
from customers.searching import search_rebuild


@on(
    events.CUSTOMER_CREATED,
    events.CUSTOMER_CHANGED,
    events.IDENTITY_ADDED,
    events.IDENTITY_REMOVED,
    events.MERGED,
    events.UNMERGED,
    name="customers.search",
)
def keep_findable(event: Event) -> None:
    """The search follows whatever door the news came by; imports rebuild theirs set-based."""
    if event.customer_id:
        search_rebuild([event.customer_id])
