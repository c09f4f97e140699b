"""Files that brought the person in: the upload goes, its samples and refused rows lose them."""

from __future__ import annotations

import re
from functools import partial

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.imports.files import delete_file, is_upload, path_of
from crm.imports.models import Change, ImportBatch, KeptRow, RefusedRow
from crm.imports.readers import RowBatch, UnreadableFile, open_table
from crm.imports.registry import importer_for
from crm.lib.errors import Rejected
from crm.lib.privacy import ErasureWaits, Person, add_eraser, harmless, personal

CHUNK = 1_000
State = ImportBatch.State


def find(person: Person) -> None:
    if ImportBatch.objects.working().exclude(file_path__startswith="/").exists():
        raise ErasureWaits(_("An import is running; it might bring the person in again."))


def wipe(person: Person) -> int:
    pattern = person.pattern()
    return _files(person, pattern) + _refused(pattern) + _changes(person) + _kept(person, pattern)


def _files(person: Person, pattern: re.Pattern[str]) -> int:
    """Uploads that name the person are deleted, with the samples and the working tables made from them."""
    changed = 0
    for batch in ImportBatch.objects.select_related("merchant").order_by("pk").iterator():
        described = f"{batch.file_name} {batch.profile} {batch.report} {batch.error} {batch.detected}"
        named = bool(pattern.search(described.lower()))
        if not named and not (is_upload(batch) and _file_names(batch, pattern)):
            continue
        changed += 1
        if batch.state in (State.CHECKED, State.UPLOADED, State.FAILED):
            importer_for(batch.kind).drop(batch)
        if is_upload(batch):
            transaction.on_commit(partial(delete_file, ImportBatch(file_path=batch.file_path)))
        values = {"file_path": "", "file_deleted_at": timezone.now(), "profile": {}}
        if named:
            values |= {"report": {}, "error": "", "detected": {}, "file_name": _("file of an erased person")}
        ImportBatch.objects.filter(pk=batch.pk).update(**values)
    return changed


def _file_names(batch: ImportBatch, pattern: re.Pattern[str]) -> bool:
    try:
        path = path_of(batch)
    except Rejected:
        return False  # gone already
    try:
        return any(_batch_names(rows, pattern) for rows in open_table(path).batches())
    except UnreadableFile:
        return True  # what nobody can look through is not kept


def _batch_names(rows: RowBatch, pattern: re.Pattern[str]) -> bool:
    """Column by column: the person's words stand in one cell each."""
    return any(
        pattern.search("\x1f".join(str(cell) for cell in column if cell is not None).lower())
        for column in [*rows.cells, *(broken.raw for broken in rows.broken)]
    )


def _refused(pattern: re.Pattern[str]) -> int:
    rows = RefusedRow.objects.exclude(raw=[], message="").only("pk", "raw", "message")
    named = [
        row.pk
        for row in rows.iterator(chunk_size=CHUNK)
        if pattern.search("\x1f".join([*row.raw, row.message]).lower())
    ]
    return RefusedRow.objects.filter(pk__in=named).update(raw=[], message=_("This person was erased."))


def _changes(person: Person) -> int:
    """What stood there before the import; the undo leaves an erased row alone, for it was changed since."""
    changed = 0
    for label in person.rows:
        mine = Change.objects.filter(model=label, object_id__in=person.ids(label), before__isnull=False)
        changed += mine.exclude(before={}).update(before={})
    return changed


def _kept(person: Person, pattern: re.Pattern[str]) -> int:
    named = {row.pk for row in KeptRow.objects.iterator() if pattern.search(row.label.lower())}
    for label in person.rows:
        mine = KeptRow.objects.filter(model=label, object_id__in=person.ids(label))
        named |= set(mine.values_list("pk", flat=True))
    return KeptRow.objects.filter(pk__in=named).update(label="—")


add_eraser("imports", find=find, wipe=wipe)
personal("imports.importbatch", "file_name", "file_path", "detected", "profile", "error", "report")
harmless(
    "imports.importbatch",
    *("kind", "preset", "sha256", "format", "columns", "mapping", "options", "failed_in", "stage"),
    *("counts", "runner", "actor"),
    why="names of columns and of our own stages, numbers",
)
personal("imports.refusedrow", "raw", "message")
harmless("imports.refusedrow", "column", "code", why="the name of a column, the code of a fault")
personal("imports.change", "before")
personal("imports.keptrow", "label")
harmless("imports.change", "model", why="the kind of row")
harmless("imports.keptrow", "model", "reason", why="the kind of row, a sentence of ours")
