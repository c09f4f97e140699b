"""Doing a batch's work: chunk by chunk, each committed with its place, by one worker at a time.

Whatever dies, the next worker goes on after the last committed chunk. A worker that was merely slow finds
that its claim is gone and stops before it writes.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import timedelta
from functools import partial

import structlog
from django.db import OperationalError, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override
from psycopg2 import errorcodes

from crm.accounts.models import Merchant
from crm.events.actor import acting
from crm.events.emitting import emit
from crm.events.types import EventType
from crm.lib import live
from crm.lib.errors import CrmError
from crm.lib.tenancy import merchant_scope

from . import events
from .models import ImportBatch
from .registry import Importer, Step, importer_for
from .staging import FileStaging, is_intact, table_name

log = structlog.get_logger()
State = ImportBatch.State

# A chunk takes seconds; a worker that was not heard of for this long is dead or cut off.
LEASE_SECONDS = 120
# Claims without a finished chunk between them: what kills its worker every time must not do so for ever.
MAX_ATTEMPTS = 5
# Two imports that write the same new products can lock each other out; the loser does its chunk again.
CHUNK_TRIES = 5
RETRYABLE = {errorcodes.DEADLOCK_DETECTED, errorcodes.SERIALIZATION_FAILURE, errorcodes.LOCK_NOT_AVAILABLE}

Watcher = Callable[[ImportBatch], None]


def work_on(*, merchant_id: int, batch_id: int, watcher: Watcher | None = None) -> bool:
    """Does all that the batch's state asks for. False when another worker holds it or nothing is to be done.

    `watcher` hears of each committed chunk. An unexpected error leaves the batch as failed, to be resumed,
    and is raised; a lost database connection leaves it to the sweeper.
    """
    merchant = Merchant.objects.get(pk=merchant_id)
    with ExitStack() as stack:
        stack.enter_context(merchant_scope(merchant))
        stack.enter_context(override(merchant.locale))
        worker = _Worker(merchant, batch_id, watcher)
        if not worker.claim():
            return False
        stack.enter_context(acting(worker.actor))
        worker.run()
    return True


class _Worker:
    def __init__(self, merchant: Merchant, batch_id: int, watcher: Watcher | None) -> None:
        self.merchant = merchant
        self.batch_id = batch_id
        self.watcher = watcher
        self.token = str(uuid.uuid4())
        self.actor = ""
        self._plans: dict[str, list[Step]] = {}

    def claim(self) -> bool:
        """Takes the batch if it is to be worked on and free."""
        now = timezone.now()
        free = Q(claimed_until__isnull=True) | Q(claimed_until__lt=now)
        with transaction.atomic():
            batch = (
                ImportBatch.objects.select_for_update(skip_locked=True).filter(free, pk=self.batch_id).first()
            )
            if batch is None or not batch.is_working:
                return False
            batch.attempts += 1
            batch.runner = self.token
            batch.claimed_until = now + timedelta(seconds=LEASE_SECONDS)
            if batch.attempts > MAX_ATTEMPTS:
                text = _("It stopped %(n)s times at the same place. The last stage was “%(stage)s”.")
                fail(batch, text % {"n": MAX_ATTEMPTS, "stage": batch.stage})
                batch.save()
                return False
            self._recover_staging(batch)
            batch.save()
        self.actor = batch.actor
        return True

    def _recover_staging(self, batch: ImportBatch) -> None:
        """After a crash of the database the working tables are empty: everything is read again from the
        file."""
        nothing_read = batch.stage in {"", "read"} and batch.cursor == 0
        if batch.state == State.UNDOING or nothing_read:
            return
        if not is_intact(table_name(batch)):
            batch.stage, batch.cursor = "", 0

    def run(self) -> None:
        try:
            while self._chunk():
                pass
        except OperationalError:
            raise  # the database went away: the claim runs out and the sweeper finds the batch
        except CrmError as error:
            self._give_up(str(error.message))
        except Exception as error:
            self._give_up(_("Unexpected: %(error)s") % {"error": f"{type(error).__name__}: {error}"[:500]})
            raise

    def _chunk(self) -> bool:
        for attempt in range(CHUNK_TRIES):
            try:
                with transaction.atomic():
                    more, batch = self._one_chunk()
                break
            except OperationalError as error:
                code = getattr(error.__cause__, "pgcode", None)
                if code not in RETRYABLE or attempt == CHUNK_TRIES - 1:
                    raise
                log.info("import chunk is tried again", batch=self.batch_id, pgcode=code)
        if batch is not None and self.watcher:
            self.watcher(batch)
        return more

    def _one_chunk(self) -> tuple[bool, ImportBatch | None]:
        batch = ImportBatch.objects.select_for_update().get(pk=self.batch_id)
        if batch.runner != self.token or not batch.is_working:
            return False, None
        steps = self._plan(batch)
        keys = [step.key for step in steps]
        index = keys.index(batch.stage) if batch.stage in keys else 0
        step = steps[index]
        cursor = step.run(batch, batch.cursor)
        if cursor is not None:
            batch.stage, batch.cursor = step.key, cursor
        elif index + 1 < len(steps):
            batch.stage, batch.cursor = steps[index + 1].key, 0
        else:
            _finish(batch, importer_for(batch.kind), self.merchant)
        if batch.is_working:
            batch.progress = _progress(batch, steps)
            batch.claimed_until = timezone.now() + timedelta(seconds=LEASE_SECONDS)
        batch.attempts = 0
        batch.save()
        announce(batch)
        return batch.is_working, batch

    def _plan(self, batch: ImportBatch) -> list[Step]:
        """The same objects for the whole run: the reading step holds an open file."""
        if batch.state not in self._plans:
            self._plans[batch.state] = plan(batch)
        return self._plans[batch.state]

    def _give_up(self, message: str) -> None:
        with transaction.atomic():
            batch = ImportBatch.objects.select_for_update().get(pk=self.batch_id)
            if batch.runner == self.token and batch.is_working:
                fail(batch, message)
                batch.save()
                announce(batch)
        if self.watcher:
            self.watcher(batch)


def plan(batch: ImportBatch) -> list[Step]:
    """What the batch's state asks for, first to last."""
    importer = importer_for(batch.kind)
    if batch.state == State.UNDOING:
        return list(importer.undo_steps(batch))
    reading = FileStaging(importer.fields, importer.key_field)
    steps = [
        Step(
            key="read",
            label=gettext_lazy("Reading the file"),
            weight=30,
            size=lambda batch: max(int(batch.cursor / max(batch.counts.get("position", 0), 0.0001)), 1),
            run=reading.run,
        ),
        *importer.check_steps(batch),
    ]
    if batch.state == State.RUNNING:
        steps += importer.run_steps(batch)
    return steps


def stage_label(batch: ImportBatch) -> str:
    """What is being done, for the progress bar."""
    if not batch.is_working:
        return str(batch.get_state_display())
    steps = {step.key: step.label for step in plan(batch)}
    return str(steps.get(batch.stage, next(iter(steps.values()), "")))


def _progress(batch: ImportBatch, steps: Sequence[Step]) -> int:
    done, total = 0.0, 0
    passed = True
    for step in steps:
        total += step.weight
        if step.key == batch.stage:
            passed = False
            done += step.weight * min(batch.cursor / max(step.size(batch), 1), 1.0)
        elif passed:
            done += step.weight
    return min(int(1000 * done / max(total, 1)), 999)


def _finish(batch: ImportBatch, importer: Importer, merchant: Merchant) -> None:
    """The last chunk is done: reconcile, tidy up, say so."""
    if batch.state == State.CHECKING:
        batch.state = State.CHECKED
        batch.checked_at = timezone.now()
    elif batch.state == State.RUNNING:
        importer.finish(batch)
        importer.drop(batch)
        batch.state = State.DONE
        batch.finished_at = timezone.now()
        _say(events.BATCH_IMPORTED, batch, merchant)
    else:
        batch.state = State.UNDONE
        batch.undone_at = timezone.now()
        _say(events.BATCH_UNDONE, batch, merchant)
    batch.stage, batch.cursor, batch.progress = "", 0, 1000
    batch.runner, batch.claimed_until = "", None


def _say(kind: EventType, batch: ImportBatch, merchant: Merchant) -> None:
    data = {"file": batch.file_name, "rows": batch.counts.get("lines", 0)}
    emit(kind, merchant=merchant, subject=batch, data=data)


def fail(batch: ImportBatch, message: str) -> None:
    batch.failed_in = batch.state
    batch.state = State.FAILED
    batch.error = message
    batch.runner, batch.claimed_until = "", None


def announce(batch: ImportBatch) -> None:
    """Nudges open pages once the chunk is committed."""
    topics = ["imports", f"imports.importbatch:{batch.pk}"]
    transaction.on_commit(partial(live.publish, batch.merchant_id, topics), robust=True)
