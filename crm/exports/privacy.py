"""Files of lists that could hold the person are deleted; a request that names them loses the words."""

from __future__ import annotations

from functools import partial

from django.db import transaction
from django.utils.translation import gettext as _

from crm.lib.privacy import ErasureWaits, Person, add_eraser, harmless, personal
from crm.lib.tenancy import merchant_scope

from . import events
from .models import Export
from .services import announce, end

State = Export.State


def find(person: Person) -> None:
    if Export.objects.filter(state=State.RUNNING).exists():
        raise ErasureWaits(_("An export is being written; the person might stand in it."))


def wipe(person: Person) -> int:
    """Every list is of people or of what people did, and no file is older than a day: all of them go."""
    # A worker passes over locked rows, so that what is queued is written from what is left.
    list(Export.objects.select_for_update().filter(state=State.QUEUED).values_list("pk", flat=True))
    changed = _delete_files([State.READY])
    transaction.on_commit(partial(_delete_latecomers, person.merchant_id))
    return changed + _without_words(person)


def _delete_files(states: list[str]) -> int:
    found = list(Export.objects.select_for_update().filter(state__in=states).order_by("pk"))
    for export in found:
        end(export, State.EXPIRED)
        announce(events.EXPORT_EXPIRED, export)
    return len(found)


def _delete_latecomers(merchant_id: int) -> None:
    """What was asked for and begun while the erasure was not committed yet has read the person."""
    with merchant_scope(merchant_id), transaction.atomic():
        _delete_files([State.RUNNING, State.READY])


def _without_words(person: Person) -> int:
    pattern, changed = person.pattern(), 0
    for export in Export.objects.only("pk", "query", "filters", "reason", "decision", "error").iterator():
        words = (
            f"{export.query}\x1f{export.filters}\x1f{export.reason}\x1f{export.decision}\x1f{export.error}"
        )
        if not pattern.search(words.lower()):
            continue
        mine = Export.objects.filter(pk=export.pk)
        # Without its filter it would be another list: what is not written yet ends here.
        for waiting in mine.filter(state__in=[State.WAITING, *Export.WORKING]).select_for_update():
            end(waiting, State.EXPIRED)
            announce(events.EXPORT_EXPIRED, waiting)
        changed += mine.update(query="", filters=[], reason="…", decision="", error="")
    return changed


add_eraser("exports", find=find, wipe=wipe)
personal("exports.export", "query", "filters", "reason", "decision", "error", "file_path")
harmless(
    "exports.export",
    *("kind", "ids", "language", "sha256", "runner"),
    why="the kind of list, ids of rows, a file's fingerprint, an id of ours",
)
