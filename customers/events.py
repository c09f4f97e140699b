"""What is announced about customers."""

from django.utils.translation import gettext_lazy as _

from crm.events.types import EventType

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
    _("Changed: %(changes)s"),
    icon="edit",
    scope="customers.read",
    keys=("changes",),
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
)
CONSENT_WITHDRAWN = EventType(
    "customers.consent_withdrawn",
    _("Consent withdrawn"),
    _("No longer wants %(purpose)s by %(channel)s (%(source)s)"),
    icon="circle-x",
    tone="warn",
    scope="customers.read",
    keys=("purpose", "channel", "source"),
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
DATA_GIVEN = EventType(
    "customers.data_given",
    _("Data handed over"),
    _("Downloaded their own data (%(way)s)"),
    icon="file-download",
    scope="customers.read",
    keys=("way",),
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
