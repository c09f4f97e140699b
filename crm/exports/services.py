"""What people do with an export: ask for it, agree to it, refuse it, take it back, fetch it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from django.db import transaction
from django.db.models import Q, QuerySet, Sum
from django.db.models.functions import Greatest
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from crm.accounts.events import DATA_EXPORTED
from crm.accounts.models import ApiKey, Membership, Merchant
from crm.accounts.permissions import TABLE
from crm.events.emitting import emit
from crm.events.ringing import ring_task
from crm.events.types import EventType
from crm.lib import live
from crm.lib.errors import Conflict, Forbidden, NotFound, Rejected, TooMany
from crm.lib.exporting import XLSX_MAX_ROWS

from . import events, mailing
from .files import delete_file
from .models import Export, ExportQuerySet
from .registry import Ask, Exporter, exporter_for

State = Export.State

# More rows than this leave the house only with a second person's word. What one person takes within a day
# counts together, so that a large list can't go in small pieces.
ALONE_ROWS = 5_000
WINDOW = timedelta(hours=24)
LINK_HOURS = 24
# Files and work that one person can heap up at a time.
MOST_OPEN = 10
MOST_TICKED = 1_000
LONGEST_QUERY = 2_000
SHORTEST_REASON = 5
# Whoever was an approver lately still counts: nobody becomes the only one by putting the others out.
LATELY = timedelta(days=30)


# --- asking -------------------------------------------------------------------------------------------------


def ask_of(export: Export) -> Ask:
    """The request again, with the requester as they are now."""
    return Ask(export.merchant, export.requested_by, export.query, tuple(export.ids))


def check_may_ask(exporter: Exporter, *, membership: Membership | None, key: ApiKey | None) -> None:
    """Raises Forbidden for a member without both permissions, and for a key without both scopes."""
    if membership is not None:
        if not (membership.can("customers.export") and membership.can(exporter.needs)):
            raise Forbidden()
    elif key is None or exporter.scope not in key.scopes:
        text = _("This key lacks the scope %(scope)s.") % {"scope": exporter.scope}
        raise Forbidden(text, code="missing_scope")


@transaction.atomic
def export_ask(
    *,
    merchant: Merchant,
    kind: str,
    reason: str,
    format: str,
    query: str = "",
    ids: Sequence[int] = (),
    membership: Membership | None = None,
    key: ApiKey | None = None,
) -> Export:
    """The new export: queued, or waiting for a second person when it, with what the same asker took within 24
    hours, has more than 5,000 rows. Locks the asker's row, so that two at once are counted one after another.

    Raises Forbidden without the permissions (scopes), Rejected for an unknown kind or format, an empty list,
    no reason, or more rows than a sheet holds, TooMany with ten unfinished ones.
    """
    exporter = exporter_for(kind)
    check_may_ask(exporter, membership=membership, key=key)
    check_extent(query, ids)
    ask = Ask(merchant, membership, query, tuple(ids))
    reason = _reason(reason)
    if format not in {value for value, _label in exporter.formats()}:
        text = _("This list can't become such a file.")
        raise Rejected(text, code="bad_format", fields={"format": [text]})
    count = exporter.select(ask).count()
    _check_size(count, format)
    _lock(membership, key)
    theirs = _of(membership, key)
    if theirs.filter(Q(state__in=[State.WAITING, *Export.WORKING])).count() >= MOST_OPEN:
        raise TooMany(_("Ten of your exports are not finished. Wait for them, or withdraw one."))
    allowed = _allowed(merchant, membership, theirs)
    export = Export.objects.create(
        merchant=merchant,
        kind=kind,
        query=ask.query,
        ids=list(ask.ids),
        filters=exporter.words(ask),
        reason=reason,
        format=format,
        state=State.QUEUED if allowed is None or count <= allowed else State.WAITING,
        requested_by=membership,
        api_key=key,
        rows_asked=count,
        allowed_rows=allowed,
        is_whole=membership.can("customers.pii") if membership else True,
        language=get_language() or "",
    )
    announce(events.EXPORT_ASKED, export, reason=reason, filters=export.query, format=format)
    _set_going(export)
    return export


def check_extent(query: str, ids: Sequence[int]) -> None:
    """Raises Rejected for more than a request can keep: cut short, either would be another list."""
    if len(ids) > MOST_TICKED:
        text = _("Tick at most %(n)s rows, or none to export the whole list.") % {"n": MOST_TICKED}
        raise Rejected(text, code="too_many_ids", fields={"ids": [text]})
    if len(query) > LONGEST_QUERY:
        text = _("The list's address is too long; use fewer words.")
        raise Rejected(text, code="long_query", fields={"query": [text]})


def _reason(text: str) -> str:
    reason = " ".join(text.split())
    if len(reason) < SHORTEST_REASON:
        words = _("Say in a few words what the file is for.")
        raise Rejected(words, code="no_reason", fields={"reason": [words]})
    return reason[:300]


def _check_size(count: int, format: str) -> None:
    if not count:
        raise Rejected(_("The list is empty: there is nothing to export."), code="empty")
    if format == "xlsx" and count > XLSX_MAX_ROWS:
        words = _("These are more rows than a sheet holds. Take CSV.")
        raise Rejected(words, code="too_many_rows", fields={"format": [words]})


def _lock(membership: Membership | None, key: ApiKey | None) -> None:
    """Also refuses who lost access a moment ago."""
    if not _hold(membership, key):
        raise Forbidden()


def _hold(membership: Membership | None, key: ApiKey | None) -> bool:
    """Locks the person, then the key that they made, in the order in which leaving does; whether the asker
    still has access."""
    people = Membership.objects.select_for_update()
    if membership is not None:
        return people.filter(pk=membership.pk, is_active=True).first() is not None
    if key is None:
        return False
    people.filter(merchant=key.merchant_id, user=key.created_by_id).first()
    return ApiKey.objects.select_for_update().usable().filter(pk=key.pk).first() is not None


def _of(membership: Membership | None, key: ApiKey | None) -> ExportQuerySet:
    """What the person took, by hand or by any key that they made: ten keys are not ten people."""
    person = membership.user_id if membership else key and key.created_by_id
    if person is None:
        return Export.objects.filter(api_key=key)
    return Export.objects.filter(Q(requested_by__user=person) | Q(api_key__created_by=person))


def approvers(merchant: Merchant) -> QuerySet[Membership]:
    """Who may give the second word: by role, and only who sees the whole shop."""
    roles = [role.value for role in TABLE["exports.approve"][1]]
    return Membership.objects.filter(
        merchant=merchant, role__in=roles, visibility=Membership.Visibility.ALL, region=""
    ).select_related("user")


def allowed_alone(merchant: Merchant, membership: Membership) -> int | None:
    """How many rows the member may still take within these 24 hours without a second person; None for any."""
    return _allowed(merchant, membership, _of(membership, None))


def allowed_still(export: Export) -> int | None:
    """How many rows this export may have by now without a second person, beside the asker's others; None for
    any. Locks the asker's row, as asking does: of two that end at once, the second counts the first."""
    member, key = export.requested_by, export.api_key
    _hold(member, key)
    return _allowed(export.merchant, member, _of(member, key).exclude(pk=export.pk))


def _allowed(merchant: Merchant, membership: Membership | None, theirs: ExportQuerySet) -> int | None:
    """Rows that this asker may still take alone. None in a shop with nobody else who could agree: there a
    second person doesn't exist, and a merchant is not locked out of their own data."""
    if membership is not None and membership.can("exports.approve"):
        others = approvers(merchant).exclude(pk=membership.pk)
        if not others.filter(Q(is_active=True) | Q(deactivated_at__gte=timezone.now() - LATELY)).exists():
            return None
    lately = theirs.alive().filter(created_at__gte=timezone.now() - WINDOW, decided_at__isnull=True)
    # A list may have grown between the asking and the writing.
    taken = lately.exclude(state=State.WAITING).aggregate(n=Sum(Greatest("rows_asked", "rows")))["n"] or 0
    gone = theirs.filter(
        state=State.EXPIRED, created_at__gte=timezone.now() - WINDOW, decided_at__isnull=True
    )
    taken += gone.aggregate(n=Sum("rows"))["n"] or 0
    return max(ALONE_ROWS - int(taken), 0)


# --- deciding -----------------------------------------------------------------------------------------------


def check_may_decide(export: Export, membership: Membership) -> None:
    """Raises Forbidden for the requester, for whoever made the requesting key, and for who doesn't see the
    whole shop."""
    if not membership.can("exports.approve"):
        raise Forbidden()
    if not membership.sees_everything:
        raise Forbidden(_("Only who sees the whole shop can agree to an export."))
    key = export.api_key
    if export.requested_by_id == membership.pk or (key and key.created_by_id == membership.user_id):
        raise Forbidden(_("Somebody else must agree to your own export."), code="own_export")


def may_decide(export: Export, membership: Membership) -> bool:
    try:
        check_may_decide(export, membership)
    except Forbidden:
        return False
    return export.is_waiting


@transaction.atomic
def export_approve(*, export: Export, membership: Membership) -> Export:
    """Queued to be written. Raises Forbidden as `check_may_decide`, Conflict when it waits no more."""
    locked = _waiting(export)
    check_may_decide(locked, membership)
    _lock(membership, None)
    locked.state, locked.allowed_rows = State.QUEUED, None
    locked.approver, locked.decided_at = membership, timezone.now()
    locked.save(update_fields=["state", "allowed_rows", "approver", "decided_at"])
    announce(events.EXPORT_APPROVED, locked)
    mailing.tell_requester(locked)
    _set_going(locked)
    return locked


@transaction.atomic
def export_refuse(*, export: Export, membership: Membership, why: str) -> Export:
    """The end of it. Raises as `export_approve`."""
    locked = _waiting(export)
    check_may_decide(locked, membership)
    _lock(membership, None)
    locked.state, locked.decision = State.REFUSED, " ".join(why.split())[:300]
    locked.approver, locked.decided_at = membership, timezone.now()
    locked.save(update_fields=["state", "decision", "approver", "decided_at"])
    announce(events.EXPORT_REFUSED, locked, reason=locked.decision or "–")
    mailing.tell_requester(locked)
    return locked


def _waiting(export: Export) -> Export:
    locked = (
        Export.objects.select_for_update(of=("self",)).select_related("merchant", "api_key").get(pk=export.pk)
    )
    if not locked.is_waiting:
        raise Conflict(_("This was decided already."), code="decided")
    return locked


@transaction.atomic
def export_withdraw(*, export: Export) -> Export:
    """Whatever it was, it ends here: nothing is written any more, and the file is deleted. Raises Conflict
    when it is over already."""
    locked = Export.objects.select_for_update(of=("self",)).select_related("merchant").get(pk=export.pk)
    if locked.state not in [State.WAITING, *Export.WORKING, State.READY]:
        raise Conflict(_("This export is over already."), code="over")
    end(locked, State.EXPIRED)
    announce(events.EXPORT_WITHDRAWN, locked)
    return locked


def end(export: Export, state: str) -> None:
    """Takes the file away after the commit and puts the state down; a writer at work notices within 2,000
    rows."""
    path = export.file_path
    export.state, export.file_path, export.runner, export.claimed_until = state, "", "", None
    export.finished_at = export.finished_at or timezone.now()
    export.save(update_fields=["state", "file_path", "runner", "claimed_until", "finished_at"])
    if path:
        transaction.on_commit(partial(delete_file, path))


# --- fetching -----------------------------------------------------------------------------------------------


@transaction.atomic
def export_fetch(
    *, export: Export, membership: Membership | None = None, key: ApiKey | None = None
) -> Export:
    """The export whose file may be sent now; that it was taken stands in the audit log when this returns.

    Only for the requester and for who agreed to it, as long as they hold the permissions and, who agreed, see
    the whole shop; and for a key's own. Raises NotFound for anybody else, Forbidden for who may no longer see
    such data, Conflict without a file.
    """
    locked = (
        Export.objects.select_for_update(of=("self",)).select_related("merchant", "api_key").get(pk=export.pk)
    )
    member_ids = {locked.requested_by_id, locked.approver_id} - {None}
    if membership is not None and membership.pk not in member_ids:
        raise NotFound()
    if membership is not None and membership.pk == locked.approver_id:
        check_may_decide(locked, membership)
    if membership is None and (key is None or key.pk != locked.api_key_id):
        raise NotFound()
    check_may_ask(exporter_for(locked.kind), membership=membership, key=key)
    if membership is not None and locked.is_whole and not membership.can("customers.pii"):
        raise Forbidden()
    if not locked.is_ready:
        raise no_file()
    locked.downloads += 1
    locked.save(update_fields=["downloads"])
    announce(DATA_EXPORTED, locked, format=locked.format, filters=locked.query[:500])
    return locked


def no_file() -> Conflict:
    return Conflict(_("There is no file to download. It is deleted after 24 hours."), code="no_file")


# --- behind them --------------------------------------------------------------------------------------------


def announce(kind: EventType, export: Export, **facts: str) -> None:
    """Into the audit log, and open pages are told."""
    rows = export.rows if export.finished_at and export.rows else export.rows_asked
    emit(
        kind,
        merchant=export.merchant_id,
        subject=export,
        data={"what": export.kind, "rows": rows, **facts},
    )
    nudge(export)


def nudge(export: Export) -> None:
    topics = ["exports", f"exports.export:{export.pk}"]
    transaction.on_commit(partial(live.publish, export.merchant_id, topics), robust=True)


def _set_going(export: Export) -> None:
    if export.is_waiting:
        mailing.tell_approvers(export, approvers(export.merchant))
        return
    ring = partial(ring_task, "exports.write", [export.merchant_id, export.pk], queue="imports")
    transaction.on_commit(ring, robust=True)
