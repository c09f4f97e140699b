"""What marketing does when something is announced; each part keeps its own handlers."""

from marketing.campaigns import handlers as campaign_handlers
from marketing.journeys import handlers as journey_handlers
from marketing.pacing import handlers as pacing_handlers
from marketing.segments import handlers as segment_handlers

__all__ = ["campaign_handlers", "journey_handlers", "pacing_handlers", "segment_handlers"]
