"""What is announced about mail that came back. No event carries an address."""

from django.utils.translation import gettext_lazy as _

from crm.events.types import EventType, Text

GRADES: dict[str, Text] = {
    "hard": _("nobody is there"),
    "soft": _("could not be delivered for now"),
    "blocked": _("the receiving side did not want it"),
}


def grade_text(grade: object) -> Text:
    return GRADES.get(str(grade), str(grade))


MAIL_BOUNCED = EventType(
    "marketing.mail_bounced",
    _("Campaign mail came back"),
    _("“%(campaign)s” came back: %(grade)s (%(code)s)"),
    icon="mail-x",
    tone="warn",
    scope="campaigns.read",
    keys=("campaign", "grade", "code"),
    words={"grade": grade_text},
)
MAIL_COMPLAINED = EventType(
    "marketing.mail_complained",
    _("Campaign mail called spam"),
    _("Called “%(campaign)s” spam"),
    icon="alert-triangle",
    tone="bad",
    scope="campaigns.read",
    keys=("campaign",),
)
BOUNCE_MAILBOX_CHANGED = EventType(
    "marketing.bounce_mailbox_changed",
    _("Mailbox for bounces changed"),
    _("Mailbox for bounces changed"),
    icon="mail-cog",
    scope="campaigns.read",
    on_timeline=False,
)
