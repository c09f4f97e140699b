"""What is announced about points and tiers."""

from django.utils.translation import gettext_lazy as _

from crm.events.types import EventType

POINTS_EARNED = EventType(
    "loyalty.points_earned",
    _("Points earned"),
    _("%(points)s points earned"),
    icon="award",
    tone="good",
    scope="loyalty.read",
    portal=True,
    keys=("points",),
    figures=("points",),
)
POINTS_TAKEN = EventType(
    "loyalty.points_taken",
    _("Points taken back"),
    _("%(points)s points taken back"),
    icon="award-off",
    tone="warn",
    scope="loyalty.read",
    portal=True,
    keys=("points",),
    figures=("points",),
)
POINTS_CORRECTED = EventType(
    "loyalty.points_corrected",
    _("Points corrected"),
    _("Points corrected by %(points)s: %(reason)s"),
    icon="award",
    scope="loyalty.read",
    keys=("points", "reason"),
    figures=("points",),
)
TIER_CHANGED = EventType(
    "loyalty.tier_changed",
    _("Tier changed"),
    _("Tier: %(before)s → %(tier)s"),
    icon="crown",
    scope="loyalty.read",
    portal=True,
    keys=("tier", "before"),
)
PROGRAM_CHANGED = EventType(
    "loyalty.program_changed",
    _("Loyalty programme changed"),
    _("Loyalty programme changed"),
    scope="loyalty.read",
    on_timeline=False,
)
