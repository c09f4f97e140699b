"""What marketing announces; each part keeps its own events. Loaded at start: every process knows them."""

from marketing.campaigns import events as campaign_events
from marketing.domains import events as domain_events
from marketing.feedback import events as feedback_events
from marketing.journeys import events as journey_events
from marketing.pacing import events as pacing_events
from marketing.segments import events as segment_events

__all__ = [
    "campaign_events",
    "domain_events",
    "feedback_events",
    "journey_events",
    "pacing_events",
    "segment_events",
]
