"""Writing an export's file: one worker at a time, in constant memory, stopped as soon as nobody may have it.

A file is written from its beginning by whoever claims the export; what a dead worker left is deleted.
"""

from __future__ import annotations

import uuid
from contextlib import ExitStack
from datetime import timedelta

import structlog
from django.db import OperationalError, transaction
from django.db.models import Q
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from crm.accounts.models import Merchant
from crm.events.actor import acting
from crm.lib.errors import CrmError
from crm.lib.tenancy import merchant_scope

from . import events, mailing
from .files import delete_file, digest_of, fresh_path, full_path
from .models import Export
from .registry import exporter_for
from .services import LINK_HOURS, allowed_still, announce, approvers, ask_of, end, nudge
from .writing import write

log = structlog.get_logger()
State = Export.State

# 2,000 rows take well under a second; a worker that was not heard of for this long is dead or cut off.
LEASE_SECONDS = 120
# Claims that ended in nothing: what kills its worker every time must not do so for ever.
MAX_ATTEMPTS = 3


class Stopped(Exception):
    """The export was taken from this worker, or from everybody."""


class TooManyAlone(Exception):
    """The list has grown beyond what may leave without a second person."""


def work_on(*, merchant_id: int, export_id: int) -> bool:
    """Writes the file. False when another worker holds it, or it is not to be written (any more).

    An unexpected error leaves it as failed and is raised; a lost database connection leaves it to the
    sweeper.
    """
    merchant = Merchant.objects.get(pk=merchant_id)
    with ExitStack() as stack:
        stack.enter_context(merchant_scope(merchant))
        stack.enter_context(timezone.override(merchant.zone))
        token = str(uuid.uuid4())
        export = _claim(export_id, token)
        if export is None:
            return False
        stack.enter_context(translation.override(export.language or merchant.locale))
        stack.enter_context(acting(_actor(export)))
        return _run(export, token)


def _actor(export: Export) -> str:
    if export.requested_by is not None:
        return f"user:{export.requested_by.user_id}"
    return f"key:{export.api_key_id}"


def _claim(export_id: int, token: str) -> Export | None:
    now = timezone.now()
    free = Q(claimed_until__isnull=True) | Q(claimed_until__lt=now)
    with transaction.atomic():
        rows = Export.objects.select_for_update(skip_locked=True, of=("self",))
        related = ("merchant", "api_key", "requested_by__user", "requested_by__team")
        export: Export | None = rows.working().filter(free, pk=export_id).select_related(*related).first()
        if export is None:
            return None
        if not Export.objects.wanted().filter(pk=export.pk).exists():
            end(export, State.EXPIRED)
            announce(events.EXPORT_WITHDRAWN, export)
            return None
        export.attempts += 1
        if export.attempts > MAX_ATTEMPTS:
            _fail(export, _("It stopped %(n)s times.") % {"n": MAX_ATTEMPTS})
            return None
        left_behind, export.file_path = export.file_path, fresh_path(export.merchant_id)
        export.state, export.rows, export.runner = State.RUNNING, 0, token
        export.claimed_until = now + timedelta(seconds=LEASE_SECONDS)
        export.save()
        nudge(export)
    if left_behind:
        delete_file(left_behind)
    return export


def _run(export: Export, token: str) -> bool:
    path = export.file_path
    try:
        return _written(export, token)
    except OperationalError:
        raise  # the database went away: the claim runs out and the sweeper finds the export
    except Stopped:
        delete_file(path)
        return False
    except CrmError as error:
        _give_up(export, token, str(error.message))
        return False
    except Exception as error:
        _give_up(export, token, _("Unexpected: %(error)s") % {"error": type(error).__name__})
        raise


def _written(export: Export, token: str) -> bool:
    """False when a second person is asked instead."""
    exporter = exporter_for(export.kind)
    whole = export.is_whole and (export.requested_by is None or export.requested_by.can("customers.pii"))
    found = exporter.select(ask_of(export))
    columns, rows = exporter.written(found, format=export.format, whole=whole)
    try:
        written = write(
            path=full_path(export.file_path),
            format=export.format,
            columns=columns,
            rows=rows,
            after=lambda count: _still_wanted(export, token, count),
        )
        _finish(export, token, written, whole)
    except TooManyAlone:
        _ask_second_person(export, token)
        return False
    return True


def _still_wanted(export: Export, token: str, count: int) -> None:
    """Says how far it has come. Raises Stopped when the claim or the requester's right is gone."""
    if export.allowed_rows is not None and count > export.allowed_rows:
        raise TooManyAlone
    held = Export.objects.wanted().filter(pk=export.pk, runner=token, state=State.RUNNING)
    until = timezone.now() + timedelta(seconds=LEASE_SECONDS)
    with transaction.atomic():
        if not Export.objects.filter(pk__in=held.values("pk")).update(rows=count, claimed_until=until):
            raise Stopped
        nudge(export)


def _held(export: Export, token: str) -> Export:
    """The locked row, in a transaction. Raises Stopped when it isn't this worker's any more."""
    found = Export.objects.select_for_update(of=("self",)).select_related("merchant", "api_key")
    locked = found.filter(pk=export.pk, runner=token, state=State.RUNNING).first()
    if locked is None or not Export.objects.wanted().filter(pk=export.pk).exists():
        raise Stopped
    return locked


def _finish(export: Export, token: str, written: int, whole: bool) -> None:
    """Raises TooManyAlone when others that the same asker had written meanwhile use up the day."""
    size, digest = digest_of(export.file_path)
    with transaction.atomic():
        allowed = allowed_still(export)
        locked = _held(export, token)
        if locked.allowed_rows is not None and allowed is not None and written > allowed:
            raise TooManyAlone
        now = timezone.now()
        locked.state, locked.rows, locked.is_whole = State.READY, written, whole
        locked.file_size, locked.sha256 = size, digest
        locked.finished_at, locked.expires_at = now, now + timedelta(hours=LINK_HOURS)
        locked.runner, locked.claimed_until = "", None
        locked.save()
        announce(events.EXPORT_READY, locked)


def _ask_second_person(export: Export, token: str) -> None:
    """The list has grown since it was asked for: back to waiting, with the number of now."""
    exporter = exporter_for(export.kind)
    count = exporter.select(ask_of(export)).count()
    path = export.file_path
    with transaction.atomic():
        locked = _held(export, token)
        locked.state, locked.rows, locked.rows_asked = State.WAITING, 0, count
        locked.file_path, locked.runner, locked.claimed_until = "", "", None
        locked.save()
        announce(
            events.EXPORT_ASKED, locked, reason=locked.reason, filters=locked.query, format=locked.format
        )
        mailing.tell_approvers(locked, approvers(locked.merchant))
    delete_file(path)


def _give_up(export: Export, token: str, message: str) -> None:
    with transaction.atomic():
        locked = Export.objects.select_for_update(of=("self",)).filter(pk=export.pk, runner=token).first()
        if locked is not None:
            _fail(locked, message)
    log.warning("export failed", export=export.pk, error=message)


def _fail(export: Export, message: str) -> None:
    export.error = message
    export.save(update_fields=["error", "attempts"])
    end(export, State.FAILED)
    announce(events.EXPORT_FAILED, export)
