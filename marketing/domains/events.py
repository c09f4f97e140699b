"""What is announced about the domains that a shop sends from."""

from django.utils.translation import gettext_lazy as _

from crm.events.types import EventType
from customers.codes import switch_text

DOMAIN_ADDED = EventType(
    "marketing.sender_domain_added",
    _("Sender domain added"),
    _("Sender domain %(domain)s added"),
    icon="world-plus",
    scope="campaigns.read",
    on_timeline=False,
    keys=("domain",),
)
DOMAIN_REMOVED = EventType(
    "marketing.sender_domain_removed",
    _("Sender domain removed"),
    _("Sender domain %(domain)s removed"),
    icon="world-minus",
    scope="campaigns.read",
    on_timeline=False,
    keys=("domain",),
)
DOMAIN_SIGNING = EventType(
    "marketing.sender_domain_signing",
    _("Signing switched"),
    _("Mails from %(domain)s are signed here: %(signs)s"),
    icon="signature",
    scope="campaigns.read",
    on_timeline=False,
    keys=("domain", "signs"),
    words={"signs": switch_text},
)
DOMAIN_RENEWED = EventType(
    "marketing.sender_domain_renewed",
    _("Key of a sender domain renewed"),
    _("New key for %(domain)s"),
    icon="key",
    scope="campaigns.read",
    on_timeline=False,
    keys=("domain",),
)
DOMAIN_SOUND = EventType(
    "marketing.sender_domain_sound",
    _("Sender domain in order"),
    _("The DNS of %(domain)s is in order"),
    icon="world-check",
    tone="good",
    scope="campaigns.read",
    on_timeline=False,
    keys=("domain",),
)
DOMAIN_BROKEN = EventType(
    "marketing.sender_domain_broken",
    _("Sender domain not in order"),
    _("Something is wrong in the DNS of %(domain)s"),
    icon="world-exclamation",
    tone="bad",
    scope="campaigns.read",
    on_timeline=False,
    keys=("domain",),
)
