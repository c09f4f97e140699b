"""What people do with a file: bring it, say what its columns are, check, import, undo."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import IO

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.accounts.models import Merchant, User
from crm.events.actor import current_actor
from crm.events.ringing import ring_task
from crm.lib.errors import Conflict
from crm.lib.private_files import StoredFile

from .files import delete_file, describe_local, store_upload
from .guessing import guess_mapping, guess_preset, profile_table
from .mapping import check_mapping, default_options
from .models import ImportBatch, KeptRow, RefusedRow
from .pipeline import announce
from .readers import STREAM_LIMITS, UPLOAD_LIMITS, Limits, open_table
from .registry import Importer, importer_for, importers

State = ImportBatch.State


def batch_upload(
    *,
    merchant: Merchant,
    kind: str,
    upload: IO[bytes],
    file_name: str,
    user: User | None,
    preset: str = "",
) -> ImportBatch:
    """A new batch with the file stored, its first rows read and its mapping guessed; its kind too, for "".

    Raises UnreadableFile (nothing is kept), and Rejected beyond the upload limits.
    """
    stored = store_upload(upload, merchant.pk)
    try:
        return _create(merchant, kind, stored, file_name, user, UPLOAD_LIMITS, preset)
    except BaseException:
        stored.path.unlink(missing_ok=True)
        raise


def batch_from_path(*, merchant: Merchant, kind: str, path: Path, preset: str = "") -> ImportBatch:
    """A new batch over a file of any size where it lies. Raises UnreadableFile."""
    return _create(merchant, kind, describe_local(path), path.name, None, STREAM_LIMITS, preset)


def _create(
    merchant: Merchant,
    kind: str,
    stored: StoredFile,
    file_name: str,
    user: User | None,
    limits: Limits,
    preset: str = "",
) -> ImportBatch:
    table = open_table(stored.path, limits)
    profile = profile_table(table)
    importer = importer_for(kind) if kind else guess_importer(table.columns, profile.sample)
    batch = ImportBatch(
        merchant=merchant,
        kind=importer.key,
        file_name=_clean_name(file_name),
        file_path=stored.relative,
        file_size=stored.size,
        sha256=stored.sha256,
        format=table.format,
        detected=table.detected,
        columns=table.columns,
        profile=profile.as_json(),
        actor=current_actor(),
        created_by=user,
    )
    choose_preset(batch, importer, merchant, preset)
    if not preset:
        _remember(batch)
    batch.save()
    return batch


def guess_importer(columns: list[str], sample: list[list[str]]) -> Importer:
    """The kind of file that these columns make likely: as the very same columns were imported before, else by
    a known preset, else by what finds its required fields, and then the most fields."""
    kinds = importers()
    earlier = ImportBatch.objects.filter(columns=columns, state__in=[State.RUNNING, State.DONE])
    known = earlier.order_by("-created_at").values_list("kind", flat=True).first()
    if known in {one.key for one in kinds}:
        return importer_for(known)

    def likelihood(importer: Importer) -> tuple[int, bool, int]:
        preset = guess_preset(importer.presets, columns)
        mapped = guess_mapping(importer.fields, columns, sample)
        complete = all(field.key in mapped for field in importer.fields if field.required)
        return len(preset.columns) if preset else 0, complete, len(mapped)

    return max(kinds, key=likelihood)


def _remember(batch: ImportBatch) -> None:
    """A file with the very columns of one that was imported before is read as that one was."""
    same = ImportBatch.objects.filter(
        kind=batch.kind, columns=batch.columns, state__in=[State.RUNNING, State.DONE, State.UNDONE]
    )
    earlier = same.order_by("-created_at").first()
    if earlier is None:
        return
    batch.preset, batch.mapping = earlier.preset, earlier.mapping
    batch.options = {**batch.options, **earlier.options}
    batch.profile["remembered"] = earlier.pk


def _clean_name(name: str) -> str:
    """What a browser called the file: its last part, printable."""
    last = Path(name.replace("\\", "/")).name
    return "".join(letter for letter in last if letter.isprintable())[:200] or _("unnamed")


def choose_preset(batch: ImportBatch, importer: Importer, merchant: Merchant, preset: str = "") -> None:
    """Puts the preset's (or the guessed) mapping and options on the batch, unsaved."""
    presets = {each.key: each for each in importer.presets}
    chosen = presets.get(preset) or guess_preset(importer.presets, batch.columns)
    sample = batch.profile.get("sample", [])
    guessed = guess_mapping(importer.fields, batch.columns, sample)
    if chosen and chosen.columns:
        batch.preset, batch.mapping = chosen.key, chosen.match(batch.columns)
    else:
        batch.preset, batch.mapping = (chosen.key if chosen else ""), guessed
    batch.options = default_options(merchant, batch, importer)


def earlier_batches(batch: ImportBatch) -> list[ImportBatch]:
    """Batches of the very same file that were imported and not undone, newest first."""
    same = ImportBatch.objects.filter(sha256=batch.sha256, state__in=[State.RUNNING, State.DONE])
    return list(same.exclude(pk=batch.pk).order_by("-created_at")[:5])


@transaction.atomic
def batch_map(
    *,
    batch: ImportBatch,
    merchant: Merchant,
    mapping: Mapping[str, str],
    options: Mapping[str, str],
    preset: str | None = None,
) -> ImportBatch:
    """The batch with these choices, to be checked anew. Raises Rejected with a reason per field."""
    batch = _locked(batch)
    if preset is not None:
        batch.preset = preset
    if not batch.can_map:
        raise Conflict(_("The file was imported already; its columns can't be chosen any more."))
    check_mapping(batch, merchant, mapping, options)
    _reset(batch)
    batch.state = State.UPLOADED
    batch.save()
    return batch


@transaction.atomic
def batch_check(*, batch: ImportBatch, ring: bool = True) -> ImportBatch:
    """Starts the dry run. Raises Conflict when the batch is past it."""
    batch = _locked(batch)
    if batch.state not in {State.UPLOADED, State.CHECKED} and not batch.can_map:
        raise Conflict(_("This import can't be checked now."))
    _reset(batch)
    return _start(batch, State.CHECKING, ring=ring)


@transaction.atomic
def batch_run(*, batch: ImportBatch, ring: bool = True) -> ImportBatch:
    """Starts the import; a batch that was not checked is checked on the way."""
    batch = _locked(batch)
    if batch.state not in {State.UPLOADED, State.CHECKED}:
        raise Conflict(_("This import was started already."))
    stage = ""
    if batch.state == State.CHECKED:  # what the dry run sorted is still there: go on where it ended
        stage = importer_for(batch.kind).run_steps(batch)[0].key
    else:
        _reset(batch)
    batch.started_at = timezone.now()
    return _start(batch, State.RUNNING, ring=ring, stage=stage)


@transaction.atomic
def batch_resume(*, batch: ImportBatch, ring: bool = True) -> ImportBatch:
    """Goes on with a batch that an error stopped, where it stood."""
    batch = _locked(batch)
    if not batch.can_resume:
        raise Conflict(_("This import isn't stopped."))
    return _start(batch, State(batch.failed_in), ring=ring, stage=batch.stage, cursor=batch.cursor)


@transaction.atomic
def batch_undo(*, batch: ImportBatch, ring: bool = True) -> ImportBatch:
    """Starts taking back what the batch did, as far as nobody has touched it since."""
    batch = _locked(batch)
    if not batch.can_undo:
        raise Conflict(_("Only a finished import can be undone."))
    KeptRow.objects.filter(batch=batch).delete()
    return _start(batch, State.UNDOING, ring=ring)


@transaction.atomic
def batch_discard(*, batch: ImportBatch) -> None:
    """Removes a batch that imported nothing, with its file."""
    batch = _locked(batch)
    if not batch.can_map:
        raise Conflict(_("Only a file that was not imported can be discarded."))
    importer_for(batch.kind).drop(batch)
    file = ImportBatch(file_path=batch.file_path)
    RefusedRow.objects.filter(batch=batch).delete()
    batch.delete()
    transaction.on_commit(partial(delete_file, file))


def _locked(batch: ImportBatch) -> ImportBatch:
    return ImportBatch.objects.select_for_update().get(pk=batch.pk)


def _reset(batch: ImportBatch) -> None:
    importer_for(batch.kind).drop(batch)
    RefusedRow.objects.filter(batch=batch).delete()
    batch.counts, batch.report, batch.error, batch.failed_in = {}, {}, "", ""


def _start(
    batch: ImportBatch, state: ImportBatch.State, *, ring: bool, stage: str = "", cursor: int = 0
) -> ImportBatch:
    """Without `ring` the caller does the work itself (the command)."""
    batch.state = state
    batch.stage, batch.cursor, batch.progress = stage, cursor, 0
    batch.attempts, batch.error = 0, ""
    batch.runner, batch.claimed_until = "", None
    batch.actor = current_actor() or batch.actor
    batch.save()
    announce(batch)
    if ring:
        call = partial(ring_task, "imports.work", [batch.merchant_id, batch.pk], queue="imports")
        transaction.on_commit(call, robust=True)
    return batch
