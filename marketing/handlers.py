"""What marketing does when something is announced; each part keeps its own handlers."""

from marketing.segments import handlers as segment_handlers

__all__ = ["segment_handlers"]
