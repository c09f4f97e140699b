"""What is announced about customers; companies, tasks and visits have events.py of their own."""

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy, pgettext_lazy

from crm.accounts.why import why_text
from crm.events.types import EventType, Text
from customers import codes

REGION_CHANGES = {
    "added": pgettext_lazy("what happened to a region", "added"),
    "changed": pgettext_lazy("what happened to a region", "changed"),
    "deleted": pgettext_lazy("what happened to a region", "deleted"),
    "loaded": pgettext_lazy("what happened to a region", "loaded"),
}


def region_change_text(change: str) -> Text:
    return REGION_CHANGES.get(change, change)


CUSTOMER_CREATED = EventType(
    "customers.customer_created",
    _("Customer created"),
    _("First seen through %(source)s"),
    icon="user-plus",
    scope="customers.read",
    keys=("source",),
)
CUSTOMER_CHANGED = EventType(
    "customers.customer_changed",
    _("Customer changed"),
    _("Changed: %(changes)s%(why)s"),
    icon="edit",
    scope="customers.read",
    keys=("changes",),
    optional=("why",),
    words={"why": why_text},
)
IDENTITY_ADDED = EventType(
    "customers.identity_added",
    _("Identity added"),
    _("Now also known by %(kind)s"),
    icon="id",
    scope="customers.read",
    keys=("kind",),
)
IDENTITY_REMOVED = EventType(
    "customers.identity_removed",
    _("Identity removed"),
    _("No longer known by %(kind)s"),
    icon="id-off",
    scope="customers.read",
    keys=("kind",),
)
IDENTITY_CONFLICT = EventType(
    "customers.identity_conflict",
    _("Identity conflict"),
    _("Something came in that names two customers at once (%(kind)s); nothing was merged"),
    icon="alert-triangle",
    tone="warn",
    scope="customers.read",
    keys=("kind",),
)
CONSENT_GRANTED = EventType(
    "customers.consent_granted",
    _("Consent granted"),
    _("Allowed %(purpose)s by %(channel)s (%(source)s)"),
    icon="circle-check",
    tone="good",
    scope="customers.read",
    keys=("purpose", "channel", "source"),
    words={"source": codes.source_inside, "channel": codes.channel_text, "purpose": codes.purpose_text},
)
CONSENT_WITHDRAWN = EventType(
    "customers.consent_withdrawn",
    _("Consent withdrawn"),
    _("No longer wants %(purpose)s by %(channel)s (%(source)s)"),
    icon="circle-x",
    tone="warn",
    scope="customers.read",
    keys=("purpose", "channel", "source"),
    words={"source": codes.source_inside, "channel": codes.channel_text, "purpose": codes.purpose_text},
)
CONSENT_RENEWED = EventType(
    "customers.consent_renewed",
    _("Consent renewed"),
    _("Agreed to the text %(wording_version)s: %(purpose)s by %(channel)s (%(source)s)"),
    icon="circle-check",
    tone="good",
    scope="customers.read",
    keys=("purpose", "channel", "source", "wording_version"),
    words={"source": codes.source_inside, "channel": codes.channel_text, "purpose": codes.purpose_text},
)
ADDRESS_SUPPRESSED = EventType(
    "customers.address_suppressed",
    _("Address put on the suppression list"),
    _("Nobody writes by %(channel)s any more: %(reason)s"),
    icon="mail-off",
    tone="warn",
    scope="suppressions.read",
    keys=("channel", "reason"),
    words={"channel": codes.channel_text, "reason": codes.suppression_text},
)
ADDRESS_RELEASED = EventType(
    "customers.address_released",
    _("Address taken off the suppression list"),
    _("May be written to by %(channel)s again%(note)s"),
    icon="mail-check",
    scope="suppressions.read",
    keys=("channel",),
    optional=("note",),
    words={"channel": codes.channel_text, "note": codes.note_inside},
)
CONSENT_ASKED = EventType(
    "customers.consent_asked",
    _("Confirmation asked"),
    _("Asked by mail to confirm %(purpose)s by %(channel)s"),
    icon="mail-question",
    scope="customers.read",
    keys=("purpose", "channel", "source"),
    words={"source": codes.source_inside, "channel": codes.channel_text, "purpose": codes.purpose_text},
)
WORDING_WRITTEN = EventType(
    "customers.wording_written",
    _("Wording of a consent written"),
    _("Version %(version)s of the wording for %(purpose)s by %(channel)s"),
    icon="writing",
    scope="customers.read",
    on_timeline=False,
    keys=("purpose", "channel", "version"),
    words={"channel": codes.channel_text, "purpose": codes.purpose_text},
)
CONSENT_SETTINGS_CHANGED = EventType(
    "customers.consent_settings_changed",
    _("Double opt-in changed"),
    _("Confirmation by mail for e-mail marketing: %(double_opt_in)s"),
    icon="mail-check",
    on_timeline=False,
    keys=("double_opt_in",),
    words={"double_opt_in": codes.switch_text},
)
NOTE_ADDED = EventType(
    "customers.note_added", _("Note"), _("Note by %(author)s"), icon="note", keys=("author",)
)
MERGED = EventType(
    "customers.merged",
    _("Customers merged"),
    _("Merged with customer %(absorbed)s, who was the same person"),
    icon="arrows-join",
    scope="customers.read",
    keys=("absorbed", "survivor", "merge"),
)
UNMERGED = EventType(
    "customers.unmerged",
    _("Merge undone"),
    _("The merge of customers %(survivor)s and %(absorbed)s was undone"),
    icon="arrows-split",
    tone="warn",
    scope="customers.read",
    keys=("absorbed", "survivor", "merge"),
)
NOTE_CHANGED = EventType(
    "customers.note_changed",
    _("Note changed"),
    _("Note changed by %(author)s"),
    icon="edit",
    keys=("author",),
)
NOTE_DELETED = EventType(
    "customers.note_deleted",
    _("Note deleted"),
    _("Note of %(author)s deleted"),
    icon="trash",
    keys=("author",),
)
DUPLICATE_REFUSED = EventType(
    "customers.duplicate_refused",
    _("Not a duplicate"),
    _("Staff said that customer %(other)s is somebody else"),
    icon="users",
    scope="customers.read",
    keys=("other",),
)
DATA_GIVEN = EventType(
    "customers.data_given",
    _("Data handed over"),
    _("The copy of their data was downloaded (%(way)s)"),
    icon="file-download",
    audit="exported",
    scope="customers.read",
    keys=("way",),
    words={"way": codes.way_text},
)
DATA_ASKED = EventType(
    "customers.data_asked",
    _("Their data asked for"),
    _("A copy of their data was asked for (%(way)s)"),
    icon="file-download",
    scope="customers.read",
    keys=("way", "reason"),
    words={"way": codes.way_text},
)
DATA_READY = EventType(
    "customers.data_ready",
    _("Their data are ready"),
    _("The copy of their data is ready (%(way)s)"),
    icon="file-zip",
    scope="customers.read",
    on_timeline=False,
    keys=("way", "bytes"),
    words={"way": codes.way_text},
)
RETENTION_SET = EventType(
    "customers.retention_set",
    _("Retention changed"),
    _("%(kind)s: kept for %(months)s months (before: %(before)s)"),
    icon="hourglass",
    on_timeline=False,
    keys=("kind", "before", "months"),
    words={"kind": codes.kind_text},
)
RETENTION_RUN = EventType(
    "customers.retention_run",
    _("Data had their time"),
    _("%(kind)s: %(rows)s rows older than the period (%(what)s)"),
    icon="hourglass-empty",
    on_timeline=False,
    keys=("kind", "rows", "what"),
    figures=("rows",),
    words={"kind": codes.kind_text, "what": codes.done_text},
)
FIELD_CREATED = EventType(
    "customers.field_created",
    _("Field added"),
    _("Field “%(label)s” added"),
    icon="forms",
    scope="customers.read",
    on_timeline=False,
    keys=("label",),
)
FIELD_CHANGED = EventType(
    "customers.field_changed",
    _("Field changed"),
    _("Field “%(label)s” changed: %(changes)s"),
    icon="forms",
    scope="customers.read",
    on_timeline=False,
    keys=("label", "changes"),
)
FIELD_DELETED = EventType(
    "customers.field_deleted",
    _("Field deleted"),
    _("Field “%(label)s” and its values deleted"),
    icon="forms",
    tone="warn",
    scope="customers.read",
    on_timeline=False,
    keys=("label",),
)
ERASURE_ASKED = EventType(
    "customers.erasure_asked",
    _("Erasure asked for"),
    _("Is to be erased on %(due_at)s"),
    icon="eraser",
    tone="warn",
    scope="customers.read",
    keys=("due_at",),
)
ERASURE_CANCELLED = EventType(
    "customers.erasure_cancelled",
    _("Erasure taken back"),
    _("Is not to be erased any more"),
    icon="arrow-back-up",
    scope="customers.read",
)
CUSTOMER_ERASED = EventType(
    "customers.customer_erased",
    _("Customer erased"),
    ngettext_lazy("Erased: %(rows)s row lost its person", "Erased: %(rows)s rows lost their person", "rows"),
    icon="eraser",
    tone="warn",
    scope="customers.read",
    keys=("rows",),
)
FILE_ADDED = EventType(
    "customers.file_added", _("File added"), _("File “%(name)s” added"), icon="paperclip", keys=("name",)
)
FILE_READ = EventType(
    "customers.file_read",
    _("File downloaded"),
    _("File “%(name)s” downloaded"),
    icon="download",
    on_timeline=False,
    keys=("name",),
)
FILE_DELETED = EventType(
    "customers.file_deleted", _("File deleted"), _("File “%(name)s” deleted"), icon="trash", keys=("name",)
)
REGIONS_CHANGED = EventType(
    "customers.regions_changed",
    _("Regions changed"),
    ngettext_lazy("Region “%(region)s” %(change)s", "%(count)s regions of “%(region)s” %(change)s", "count"),
    icon="map-2",
    scope="customers.read",
    on_timeline=False,
    keys=("region", "change", "count"),
    figures=("count",),
    words={"change": region_change_text},
)
CUSTOMERS_CHANGED = EventType(
    "customers.customers_changed",
    _("Many customers changed"),
    _("%(count)s customers changed at once: %(changes)s"),
    icon="edit",
    scope="customers.read",
    on_timeline=False,
    keys=("count", "changes"),
    figures=("count",),
)
CUSTOMERS_CHANGE_UNDONE = EventType(
    "customers.customers_change_undone",
    _("Change of many customers undone"),
    _("%(count)s customers got back what they had: %(changes)s"),
    icon="arrow-back-up",
    scope="customers.read",
    on_timeline=False,
    keys=("count", "changes"),
    figures=("count",),
)
