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
