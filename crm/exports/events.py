"""What is announced about exports; with each event's actor this is who took what out of the house."""

from django.utils.translation import gettext_lazy as _

from crm.events.types import EventType

from .registry import label_of


def _kind(
    name: str, label: object, text: object, *keys: str, tone: str = "info", icon: str = "download"
) -> EventType:
    return EventType(
        f"exports.{name}",
        label,  # type: ignore[arg-type]
        text,  # type: ignore[arg-type]
        icon=icon,
        tone=tone,
        scope="exports.read",
        on_timeline=False,
        keys=("what", "rows", *keys),
        figures=("rows",),
        words={"what": label_of},
        audit="exported",
    )


EXPORT_ASKED = _kind(
    "export_asked", _("Export asked for"), _("Asked for %(rows)s rows of %(what)s: %(reason)s"), "reason"
)
EXPORT_APPROVED = _kind(
    "export_approved",
    _("Export approved"),
    _("Approved the export of %(rows)s rows of %(what)s"),
    tone="good",
)
EXPORT_REFUSED = _kind(
    "export_refused",
    _("Export refused"),
    _("Refused the export of %(rows)s rows of %(what)s: %(reason)s"),
    "reason",
    tone="warn",
)
EXPORT_WITHDRAWN = _kind(
    "export_withdrawn",
    _("Export withdrawn"),
    _("The export of %(rows)s rows of %(what)s was withdrawn"),
    tone="warn",
)
EXPORT_READY = _kind(
    "export_ready", _("Export written"), _("%(rows)s rows of %(what)s written into a file"), tone="good"
)
EXPORT_FAILED = _kind("export_failed", _("Export failed"), _("The export of %(what)s failed"), tone="bad")
EXPORT_EXPIRED = _kind(
    "export_expired",
    _("Export deleted"),
    _("The file with %(rows)s rows of %(what)s was deleted"),
    icon="clock-off",
)
