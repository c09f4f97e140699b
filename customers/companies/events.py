"""What is announced about companies and those who speak for them."""

from django.utils.translation import gettext_lazy as _

from crm.events.types import EventType

COMPANY_CREATED = EventType(
    "customers.company_created",
    _("Company created"),
    _("Company %(company)s created"),
    icon="building",
    scope="companies.read",
    keys=("company", "source"),
)
COMPANY_CHANGED = EventType(
    "customers.company_changed",
    _("Company changed"),
    _("%(company)s changed: %(changes)s"),
    icon="edit",
    scope="companies.read",
    keys=("company", "changes"),
)
COMPANY_ARCHIVED = EventType(
    "customers.company_archived",
    _("Company archived"),
    _("%(company)s archived"),
    icon="archive",
    scope="companies.read",
    keys=("company",),
)
COMPANY_RESTORED = EventType(
    "customers.company_restored",
    _("Company restored"),
    _("%(company)s is back from the archive"),
    icon="archive-off",
    scope="companies.read",
    keys=("company",),
)
COMPANY_DELETED = EventType(
    "customers.company_deleted",
    _("Company deleted"),
    _("%(company)s deleted"),
    icon="trash",
    tone="warn",
    scope="companies.read",
    keys=("company",),
)
COMPANY_MERGED = EventType(
    "customers.company_merged",
    _("Companies merged"),
    _("%(other)s merged into %(company)s"),
    icon="arrow-merge",
    scope="companies.read",
    keys=("company", "other"),
)
CONTACT_ADDED = EventType(
    "customers.contact_added",
    _("Contact added"),
    _("Speaks for %(company)s"),
    icon="user-plus",
    scope="companies.read",
    keys=("company", "roles"),
)
CONTACT_CHANGED = EventType(
    "customers.contact_changed",
    _("Contact changed"),
    _("Contact of %(company)s changed: %(changes)s"),
    icon="user-edit",
    scope="companies.read",
    keys=("company", "roles", "changes"),
)
CONTACT_REMOVED = EventType(
    "customers.contact_removed",
    _("Contact removed"),
    _("No longer speaks for %(company)s"),
    icon="user-minus",
    scope="companies.read",
    keys=("company",),
)
