"""What is announced about segments."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from crm.events.types import EventType

SEGMENT_ENTERED = EventType(
    "marketing.segment_entered",
    _("Entered a segment"),
    _("Entered the segment “%(segment)s”"),
    icon="chart-pie-2",
    scope="segments.read",
    keys=("segment",),
)
SEGMENT_LEFT = EventType(
    "marketing.segment_left",
    _("Left a segment"),
    _("Left the segment “%(segment)s”"),
    icon="chart-pie-2",
    scope="segments.read",
    keys=("segment",),
)
SEGMENT_BUILT = EventType(
    "marketing.segment_built",
    _("Segment built"),
    ngettext_lazy(
        "Segment “%(segment)s” built: %(members)s person, %(entered)s entered, %(left)s left",
        "Segment “%(segment)s” built: %(members)s people, %(entered)s entered, %(left)s left",
        "members",
    ),
    scope="segments.read",
    on_timeline=False,
    keys=("segment", "members", "entered", "left"),
)
SEGMENT_SAVED = EventType(
    "marketing.segment_saved",
    _("Segment saved"),
    _("Segment “%(segment)s” saved"),
    scope="segments.read",
    on_timeline=False,
    keys=("segment",),
)
SEGMENT_ARCHIVED = EventType(
    "marketing.segment_archived",
    _("Segment archived"),
    _("Segment “%(segment)s” archived"),
    scope="segments.read",
    on_timeline=False,
    keys=("segment",),
)
SEGMENT_BUILD_FAILED = EventType(
    "marketing.segment_build_failed",
    _("Segment can't be counted"),
    _("Segment “%(segment)s” can't be counted"),
    tone="bad",
    scope="segments.read",
    on_timeline=False,
    keys=("segment",),
)
SEGMENT_BUILD_CANCELLED = EventType(
    "marketing.segment_build_cancelled",
    _("Counting of a segment stopped"),
    _("Counting of the segment “%(segment)s” was stopped"),
    scope="segments.read",
    on_timeline=False,
    keys=("segment",),
)
SEGMENT_PINNED = EventType(
    "marketing.segment_pinned",
    _("Put into a segment by hand"),
    _("Put into the segment “%(segment)s” by hand"),
    icon="chart-pie-2",
    scope="segments.read",
    keys=("segment",),
)
SEGMENT_KEPT_OUT = EventType(
    "marketing.segment_kept_out",
    _("Kept out of a segment by hand"),
    _("Kept out of the segment “%(segment)s” by hand"),
    icon="chart-pie-2",
    scope="segments.read",
    keys=("segment",),
)
SEGMENT_UNPINNED = EventType(
    "marketing.segment_unpinned",
    _("Change by hand in a segment taken back"),
    _("What was done by hand in the segment “%(segment)s” was taken back"),
    icon="chart-pie-2",
    scope="segments.read",
    keys=("segment",),
)
SEGMENT_PINS_CHANGED = EventType(
    "marketing.segment_pins_changed",
    _("Many changed in a segment by hand"),
    ngettext_lazy(
        "Segment “%(segment)s”: %(count)s person changed by hand",
        "Segment “%(segment)s”: %(count)s people changed by hand",
        "count",
    ),
    scope="segments.read",
    on_timeline=False,
    keys=("segment", "count"),
    figures=("count",),
)
