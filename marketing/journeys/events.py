"""What is announced about journeys."""

from django.utils.translation import gettext_lazy as _

from crm.events.types import EventType

JOURNEY_STARTED = EventType(
    "marketing.journey_started",
    _("Journey started"),
    _("Journey “%(journey)s” started"),
    on_timeline=False,
    keys=("journey",),
)
JOURNEY_STOPPED = EventType(
    "marketing.journey_stopped",
    _("Journey stopped"),
    _("Journey “%(journey)s” stopped"),
    on_timeline=False,
    keys=("journey",),
)
JOURNEY_SAVED = EventType(
    "marketing.journey_saved",
    _("Journey saved"),
    _("Journey “%(journey)s” saved"),
    on_timeline=False,
    keys=("journey",),
)
JOURNEY_ENTERED = EventType(
    "marketing.journey_entered",
    _("Set out on a journey"),
    _("Set out on the journey “%(journey)s”"),
    icon="route",
    keys=("journey",),
)
JOURNEY_ENDED = EventType(
    "marketing.journey_ended",
    _("Ended a journey"),
    _("Ended the journey “%(journey)s”"),
    icon="flag",
    keys=("journey", "reason"),
)
