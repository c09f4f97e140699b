"""What the accounts announce; together with every event's actor this is the audit log."""

from django.utils.translation import gettext_lazy as _

from crm.accounts.handover.models import HandoverMove
from crm.accounts.permissions import role_text
from crm.events.types import EventType

MEMBER_INVITED = EventType(
    "accounts.member_invited",
    _("Member invited"),
    _("%(email)s invited as %(role)s"),
    on_timeline=False,
    words={"role": role_text},
)
INVITATION_ASKED = EventType(
    "accounts.invitation_asked",
    _("Invitation asked for"),
    _("Invitation to %(email)s sent"),
    on_timeline=False,
)
MEMBER_CHANGED = EventType(
    "accounts.member_changed", _("Member changed"), _("%(email)s changed: %(changes)s"), on_timeline=False
)
MEMBER_DEACTIVATED = EventType(
    "accounts.member_deactivated", _("Member deactivated"), _("%(email)s deactivated"), on_timeline=False
)
APIKEY_CREATED = EventType(
    "accounts.apikey_created", _("API key created"), _("API key %(name)s created"), on_timeline=False
)
APIKEY_REVOKED = EventType(
    "accounts.apikey_revoked", _("API key revoked"), _("API key %(name)s revoked"), on_timeline=False
)
SETTINGS_CHANGED = EventType(
    "accounts.settings_changed", _("Settings changed"), _("Settings changed: %(changes)s"), on_timeline=False
)
PII_REVEALED = EventType(
    "accounts.pii_revealed",
    _("Personal data shown"),
    _("%(field)s of a customer shown"),
    on_timeline=False,
    audit="seen",
)
VIEW_SHARED = EventType(
    "accounts.view_shared",
    _("Shared view changed"),
    _("Shared view “%(name)s” of %(list)s: %(what)s"),
    on_timeline=False,
    keys=("name", "list", "what"),
)
DATA_EXPORTED = EventType(
    "accounts.data_exported",
    _("Data exported"),
    _("%(rows)s rows of %(what)s exported"),
    on_timeline=False,
    audit="exported",
    keys=("rows", "what"),
    figures=("rows",),
)
ASSIGNMENT_CHANGED = EventType(
    "accounts.assignment_changed",
    _("Assignment rule changed"),
    _("Assignment rule “%(name)s”: %(what)s"),
    on_timeline=False,
    keys=("name", "what"),
    words={
        "what": lambda code: {
            "created": _("made"),
            "changed": _("changed"),
            "moved": _("moved"),
            "deleted": _("deleted"),
            "on": _("switched on"),
            "off": _("switched off"),
        }.get(code, code)
    },
)
HANDOVER_OPENED = EventType(
    "accounts.handover_opened",
    _("Handover opened"),
    _("%(count)s things of %(email)s are to be handed over"),
    on_timeline=False,
    keys=("count", "email"),
    figures=("count",),
)
HANDOVER_GIVEN = EventType(
    "accounts.handover_given",
    _("Handed over"),
    _("%(count)s things of %(email)s handed over: %(how)s"),
    on_timeline=False,
    keys=("count", "email", "how"),
    figures=("count",),
    words={"how": lambda code: dict(HandoverMove.How.choices).get(code, code)},
)
HANDOVER_UNDONE = EventType(
    "accounts.handover_undone",
    _("Handover taken back"),
    _("%(count)s things given back to %(email)s, %(stayed)s stayed where they are"),
    on_timeline=False,
    keys=("count", "email", "stayed"),
    figures=("count", "stayed"),
)
