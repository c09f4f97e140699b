"""What is announced about campaigns and their mails."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from crm.events.types import EventType
from marketing.models import Campaign


def _state_text(code: str) -> str:
    """A campaign's state in the reader's language."""
    return str(dict(Campaign.State.choices).get(code, code))


CAMPAIGN_STARTED = EventType(
    "marketing.campaign_started",
    _("Campaign started"),
    ngettext_lazy(
        "Campaign “%(campaign)s” started to %(people)s person",
        "Campaign “%(campaign)s” started to %(people)s people",
        "people",
    ),
    icon="send",
    scope="campaigns.read",
    on_timeline=False,
    keys=("campaign", "people"),
    figures=("people",),
)
TEST_SENT = EventType(
    "marketing.test_sent",
    _("Campaign test sent"),
    ngettext_lazy(
        "%(people)s test of “%(campaign)s” was sent",
        "%(people)s tests of “%(campaign)s” were sent",
        "people",
    ),
    icon="mail-forward",
    scope="campaigns.read",
    on_timeline=False,
    keys=("campaign", "people"),
    figures=("people",),
)
CAMPAIGN_CHANGED = EventType(
    "marketing.campaign_changed",
    _("Campaign changed"),
    _("Campaign “%(campaign)s” is now %(state)s"),
    icon="edit",
    scope="campaigns.read",
    on_timeline=False,
    keys=("campaign", "state"),
    words={"state": _state_text},
)
MAILS_RESENT = EventType(
    "marketing.mails_resent",
    _("Doubtful mails sent again"),
    ngettext_lazy(
        "%(people)s doubtful mail of “%(campaign)s” is sent once more",
        "%(people)s doubtful mails of “%(campaign)s” are sent once more",
        "people",
    ),
    icon="mail-forward",
    tone="warn",
    scope="campaigns.read",
    on_timeline=False,
    keys=("campaign", "people"),
    figures=("people",),
)
VERSION_CHOSEN = EventType(
    "marketing.version_chosen",
    _("Version chosen"),
    _("Version %(version)s of “%(campaign)s” goes to everybody else"),
    icon="arrows-split-2",
    scope="campaigns.read",
    on_timeline=False,
    keys=("campaign", "version"),
)
CAMPAIGN_SENT = EventType(
    "marketing.campaign_sent",
    _("Campaign sent"),
    ngettext_lazy(
        "Campaign “%(campaign)s” reached %(people)s person",
        "Campaign “%(campaign)s” reached %(people)s people",
        "people",
    ),
    icon="circle-check",
    tone="good",
    scope="campaigns.read",
    on_timeline=False,
    keys=("campaign", "people"),
    figures=("people",),
)
MAIL_SENT = EventType(
    "marketing.mail_sent",
    _("Campaign mail sent"),
    _("Was sent “%(campaign)s”"),
    icon="mail",
    scope="campaigns.read",
    keys=("campaign",),
)
MAIL_OPENED = EventType(
    "marketing.mail_opened",
    _("Campaign mail opened"),
    _("Opened “%(campaign)s”"),
    icon="mail-opened",
    scope="campaigns.read",
    keys=("campaign",),
)
MAIL_CLICKED = EventType(
    "marketing.mail_clicked",
    _("Campaign mail clicked"),
    _("Clicked a link in “%(campaign)s”"),
    icon="click",
    tone="good",
    scope="campaigns.read",
    keys=("campaign", "link"),
)
UNSUBSCRIBED = EventType(
    "marketing.unsubscribed",
    _("Unsubscribed"),
    _("Unsubscribed through “%(campaign)s”"),
    icon="mail-off",
    tone="warn",
    scope="campaigns.read",
    keys=("campaign",),
)
