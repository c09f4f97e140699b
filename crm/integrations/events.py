"""What is announced about connections and webhooks; staff read it in the audit log."""

from django.utils.translation import gettext_lazy as _

from crm.events.types import EventType

CONNECTION_MADE = EventType(
    "integrations.connection_made",
    _("Connection made"),
    _("%(platform)s “%(name)s” connected"),
    icon="plug-connected",
    tone="good",
    on_timeline=False,
    keys=("platform", "name"),
)
CONNECTION_CHANGED = EventType(
    "integrations.connection_changed",
    _("Connection changed"),
    _("Connection “%(name)s”: %(changes)s"),
    icon="plug",
    on_timeline=False,
    keys=("name", "changes"),
)
ENDPOINT_MADE = EventType(
    "integrations.endpoint_made",
    _("Webhook made"),
    _("Webhook to %(url)s made"),
    icon="webhook",
    on_timeline=False,
    keys=("url",),
)
ENDPOINT_CHANGED = EventType(
    "integrations.endpoint_changed",
    _("Webhook changed"),
    _("Webhook to %(url)s: %(changes)s"),
    icon="webhook",
    on_timeline=False,
    keys=("url", "changes"),
)
ENDPOINT_DISABLED = EventType(
    "integrations.endpoint_disabled",
    _("Webhook switched off"),
    _("Webhook to %(url)s switched off: %(reason)s"),
    icon="webhook-off",
    tone="bad",
    on_timeline=False,
    keys=("url", "reason"),
)
