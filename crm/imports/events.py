"""What is announced about imports."""

from django.utils.translation import gettext_lazy as _

from crm.events.types import EventType

BATCH_IMPORTED = EventType(
    "imports.batch_imported",
    _("File imported"),
    _("Imported %(file)s, %(rows)s rows"),
    icon="file-import",
    tone="good",
    scope="imports.read",
    on_timeline=False,
    keys=("file", "rows"),
    figures=("rows",),
)
BATCH_UNDONE = EventType(
    "imports.batch_undone",
    _("Import undone"),
    _("Undid the import of %(file)s"),
    icon="arrow-back-up",
    tone="warn",
    scope="imports.read",
    on_timeline=False,
    keys=("file", "rows"),
    figures=("rows",),
)
