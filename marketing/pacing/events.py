"""What is announced about warm-up plans; limits are announced as settings."""

from django.utils.translation import gettext_lazy as _

from crm.events.types import EventType

WARMUP_STARTED = EventType(
    "marketing.warmup_started",
    _("Warm-up plan made"),
    _("%(domain)s is warmed up"),
    icon="flame",
    scope="campaigns.read",
    on_timeline=False,
    keys=("domain",),
)
WARMUP_CHANGED = EventType(
    "marketing.warmup_changed",
    _("Warm-up plan changed"),
    _("The warm-up plan of %(domain)s changed: %(changes)s"),
    icon="flame",
    scope="campaigns.read",
    on_timeline=False,
    keys=("domain", "changes"),
)
WARMUP_ENDED = EventType(
    "marketing.warmup_ended",
    _("Warm-up plan ended"),
    _("The warm-up plan of %(domain)s is over"),
    icon="flame-off",
    scope="campaigns.read",
    on_timeline=False,
    keys=("domain",),
)
