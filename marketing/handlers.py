"""What marketing does when something is announced; each part keeps its own handlers."""

from marketing.journeys import handlers as journey_handlers
from marketing.segments import handlers as segment_handlers

__all__ = ["journey_handlers", "segment_handlers"]
