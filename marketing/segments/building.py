"""A build as something that staff see and stop: asked for, under way, stopped, failed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.accounts.models import Membership
from crm.events.actor import acting, current_actor
from crm.events.emitting import emit
from crm.events.ringing import ring_task
from crm.events.types import Text
from crm.lib import live
from crm.lib.errors import Conflict, CrmError
from marketing.models import Segment
from marketing.segments import events
from marketing.segments.compiling import compile_segment, scope_of
from marketing.segments.definition import BadDefinition

# A build has the whole statement to itself; the bound keeps a runaway from holding a worker for hours.
BUILD_SECONDS = 600
# A build that began longer ago lost its worker; the next round builds the segment again.
LOST_SECONDS = BUILD_SECONDS + 60
# How long after a build that found the segment held it is tried again.
AGAIN_SECONDS = 5

RULE, TOO_LONG, UNEXPECTED = "rule", "too_long", "unexpected"
TROUBLES: dict[str, Text] = {
    RULE: gettext_lazy("The rule can't be read any more. Open it and save it again."),
    TOO_LONG: gettext_lazy("Counting took longer than ten minutes and was given up. Make the rule narrower."),
    UNEXPECTED: gettext_lazy(
        "Counting failed for a reason inside Guanxi, which stands in the server's log. It is tried again by"
        " itself; the people are those of the last count."
    ),
}


def trouble_text(segment: Segment) -> str:
    """Why the last build failed, in the reader's language; "" when it went well."""
    if segment.trouble == RULE:
        try:
            compile_segment(segment, scope_of(segment))
        except BadDefinition:
            return str(TROUBLES[RULE])
        except CrmError as refusal:  # a circle of segments, say
            return str(refusal.message)
    return str(TROUBLES.get(segment.trouble, TROUBLES[UNEXPECTED])) if segment.trouble else ""


# --- what a page says of it ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class BuildState:
    """`code`: "idle", "waiting", "counting" or "stopping"; `words` for staff; `seconds` since it began."""

    code: str
    words: str = ""
    seconds: int = 0

    @property
    def is_busy(self) -> bool:
        return self.code != "idle"

    @property
    def may_stop(self) -> bool:
        return self.code in ("waiting", "counting")


def build_state(segment: Segment) -> BuildState:
    """What is going on with the segment's build, from its row alone."""
    started = segment.build_started_at
    now = timezone.now()
    is_running = started is not None and started > now - timedelta(seconds=LOST_SECONDS)
    if not is_running and segment.asked == segment.answered:
        return BuildState("idle")
    if segment.cancel_asked_at is not None:
        return BuildState("stopping", _("Counting is being stopped."))
    if not is_running or started is None:
        return BuildState("waiting", _("Waits to be counted."))
    seconds = max(0, round((now - started).total_seconds()))
    so_far = _("Finding the people, %(seconds)s s so far.") % {"seconds": seconds}
    if segment.build_seconds is not None and segment.build_seconds >= 1:
        last = _("Last time it took %(seconds)s s.") % {"seconds": round(segment.build_seconds)}
        return BuildState("counting", f"{so_far} {last}", seconds)
    return BuildState("counting", so_far, seconds)


# --- asking and stopping ------------------------------------------------------------------------------------


@transaction.atomic
def build_ask(*, segment: Segment) -> None:
    """Has the segment built soon. Asked in the middle of a build, it is built once more after it."""
    Segment.objects.filter(pk=segment.pk).update(asked=F("asked") + 1, cancel_asked_at=None, cancel_actor="")
    segment.refresh_from_db(fields=["asked", "cancel_asked_at", "cancel_actor"])
    transaction.on_commit(partial(ring_build, segment.merchant_id, segment.pk), robust=True)


def ring_build(merchant_id: int, segment_id: int, *, after_seconds: float | None = None) -> None:
    ring_task(
        "marketing.build_segment", [merchant_id, segment_id], queue="insight", after_seconds=after_seconds
    )


def build_cancel(*, segment: Segment, actor: Membership | None = None) -> None:
    """Stops the build that waits or is under way: its statement is cancelled in the database within a moment,
    and the list stays as it was. `marketing.segment_build_cancelled` follows when it has stopped.

    Raises Conflict when nothing is being built.
    """
    with transaction.atomic():
        locked = Segment.objects.select_for_update(of=("self",)).get(pk=segment.pk)
        if not build_state(locked).may_stop:
            raise Conflict(_("This segment isn't being counted."), code="not_building")
        who = current_actor() or (f"user:{actor.user_id}" if actor else "")
        Segment.objects.filter(pk=segment.pk).update(cancel_asked_at=timezone.now(), cancel_actor=who)
        transaction.on_commit(partial(ring_build, segment.merchant_id, segment.pk), robust=True)
    if locked.build_pid is not None:
        _cancel_statement(locked.pk, locked.build_pid)


def _cancel_statement(segment_id: int, pid: int) -> None:
    """Cancels what that session does, only while it holds the lock of this segment's build: a session that
    has gone on to other work is left alone."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT pg_cancel_backend(l.pid) FROM pg_locks l
               WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted AND l.pid = %s
                 AND l.pid <> pg_backend_pid()
                 AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
                 AND (l.classid::bigint << 32 | l.objid::bigint) = hashtextextended(%s, 0)""",
            [pid, lock_name(segment_id)],
        )


def lock_name(segment_id: int) -> str:
    """What a build holds until its transaction ends (crm/lib/locking.py)."""
    return f"segment:{segment_id}"


# --- the build's own bookkeeping ----------------------------------------------------------------------------


def rule_digest(segment: Segment) -> str:
    """Names the rule: another digest is another rule."""
    text = json.dumps([segment.kind, segment.definition], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def begin(segment: Segment) -> None:
    """Shows that this session builds it from now on. Commits for itself, so that others see it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    Segment.objects.filter(pk=segment.pk).update(build_started_at=timezone.now(), build_pid=pid)
    tell(segment)


def is_cancelled(segment: Segment) -> bool:
    """Whether somebody asked for it to stop, as committed by now."""
    return bool(Segment.objects.filter(pk=segment.pk, cancel_asked_at__isnull=False).exists())


@transaction.atomic
def stopped(segment: Segment) -> None:
    """Notes that the build stopped because somebody asked for it; nothing is owed any more."""
    row = Segment.objects.select_for_update(of=("self",)).get(pk=segment.pk)
    Segment.objects.filter(pk=segment.pk).update(
        answered=row.asked, build_started_at=None, build_pid=None, cancel_asked_at=None, cancel_actor=""
    )
    with acting(row.cancel_actor):
        data = {"segment": row.name, "segment_id": row.pk}
        emit(events.SEGMENT_BUILD_CANCELLED, merchant=row.merchant_id, subject=row, data=data)


@transaction.atomic
def failed(segment: Segment, trouble: str, *, answered: int) -> None:
    """Notes why it failed; announced once, not at each round that fails for the same reason."""
    row = Segment.objects.select_for_update(of=("self",)).get(pk=segment.pk)
    Segment.objects.filter(pk=segment.pk).update(
        trouble=trouble, answered=answered, build_started_at=None, build_pid=None
    )
    if row.trouble != trouble:
        data = {"segment": row.name, "segment_id": row.pk, "trouble": trouble}
        emit(events.SEGMENT_BUILD_FAILED, merchant=row.merchant_id, subject=row, data=data)


def tell(segment: Segment) -> None:
    """Open pages of the segment read it again."""
    live.publish(segment.merchant_id, [f"marketing.segment:{segment.pk}"])
