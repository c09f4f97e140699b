"""Handing over and taking back: some hundred rows a transaction, in the order of their ids.

Locks are taken in this order everywhere: the round, memberships by id, rows by id.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from crm.accounts import events
from crm.accounts.handover.models import HandoverMove, HandoverRow
from crm.accounts.handover.opening import handover_close
from crm.accounts.handover.registry import HOLDINGS, Given, Holding, Letter, Transfer
from crm.accounts.handover.selectors import in_words, loads_of
from crm.accounts.handover.sharing import share
from crm.accounts.models import Membership, Merchant
from crm.accounts.notices import notice_add
from crm.accounts.why import by_handover
from crm.events.actor import acting
from crm.events.emitting import emit
from crm.events.ringing import ring_task
from crm.lib import live
from crm.lib.errors import Conflict
from crm.lib.tenancy import all_merchants, merchant_scope

State, How, RowState = HandoverMove.State, HandoverMove.How, HandoverRow.State
CHUNK = 500
# A round that nobody worked on for so long lost its worker.
LOST_SECONDS = 60


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Around what sets a round to work. Raises Conflict when another one of the same transfer works."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        if "one_works" not in str(error):
            raise
        text = _("A part of this is just being handed over. Wait for its end.")
        raise Conflict(text, code="busy") from error


def locked_members(merchant_id: int, ids: Iterable[int]) -> dict[int, Membership]:
    """Those members, in a state that no deactivation changes before the commit. (A foreign key to them can
    still be written: NO KEY.)"""
    rows = Membership.objects.select_for_update(of=("self",), no_key=True).select_related("user", "merchant")
    return {one.pk: one for one in rows.filter(merchant=merchant_id, pk__in=list(ids)).order_by("pk")}


def ring_if_large(move: HandoverMove, rows: int) -> bool:
    """Whether a worker is rung after the commit, since it is more than one chunk."""
    is_large = rows > CHUNK
    if is_large:
        ring = partial(ring_task, "accounts.handover_work", [move.merchant_id, move.pk])
        transaction.on_commit(ring, robust=True)
    return is_large


def work_on(*, merchant_id: int, move_id: int) -> None:
    """The worker's door: everything that is left of the round."""
    with merchant_scope(Merchant.objects.get(pk=merchant_id)):
        move = HandoverMove.objects.filter(pk=move_id).first()
        if move is not None:
            move_work(move=move)


def move_work(*, move: HandoverMove) -> None:
    """Chunk after chunk until the end. Two workers take turns at the round's lock; none does a chunk
    twice."""
    with acting(move.actor or "system"):
        while move_chunk(move):
            live.publish(move.merchant_id, ["handover"])
    live.publish(move.merchant_id, ["handover"])


@transaction.atomic
def move_chunk(move: HandoverMove) -> bool:
    """One chunk, its receipt, events and place together; False when nothing is left."""
    locked = HandoverMove.objects.select_for_update(of=("self",)).select_related("handover").get(pk=move.pk)
    if not locked.is_working:
        return False
    giving = locked.state == State.RUNNING
    leaver_id = locked.handover.member_id
    members = locked_members(locked.merchant_id, [leaver_id, *(_who_may_get(locked) if giving else ())])
    leaver = members[leaver_id]
    more = _give_chunk(locked, leaver, members) if giving else _return_chunk(locked, leaver)
    locked.worked_at = timezone.now()
    if not more:
        _finish(locked, leaver)
    locked.save()
    return more


def _who_may_get(move: HandoverMove) -> list[int]:
    """Whom the rule can give something; nobody else waits for a chunk's end to leave or be changed."""
    chosen = [*move.people, *([move.rest] if move.rest else [])]
    if move.people:
        return chosen
    fitting = {How.REGION: ~Q(region=""), How.TEAM: Q(team__isnull=False)}[How(move.how)]
    rows = Membership.objects.filter(fitting, merchant=move.merchant_id, is_active=True)
    return [*rows.values_list("pk", flat=True), *chosen]


def _give_chunk(move: HandoverMove, leaver: Membership, members: Mapping[int, Membership]) -> bool:
    if leaver.is_active or move.place >= len(move.kinds):
        return False  # came back in the middle: what they still have is theirs
    holding = HOLDINGS[move.kinds[move.place]]
    rows = holding.of(leaver).filter(pk__gt=move.cursor)
    if move.ids is not None:
        rows = rows.filter(pk__in=move.ids.get(holding.key, ()))
    ids = list(rows.order_by("pk").values_list("pk", flat=True)[:CHUNK])
    if not ids:
        move.place, move.cursor = move.place + 1, 0
        return move.place < len(move.kinds)
    shares = _shares(move, holding, leaver, members, ids)
    given = [Given(row, shares[row.pk]) for row in _locked_rows(holding, ids, leaver) if row.pk in shares]
    _write(move, holding, leaver, given)
    HandoverRow.objects.bulk_create(
        HandoverRow(
            merchant_id=move.merchant_id,
            move=move,
            kind=holding.key,
            row_id=one.row.pk,
            receiver=one.receiver,
        )
        for one in given
    )
    counts = move.receipt.setdefault(holding.key, {})
    for one in given:
        counts[str(one.receiver.pk)] = counts.get(str(one.receiver.pk), 0) + 1
    move.cursor, move.seen, move.given = ids[-1], move.seen + len(ids), move.given + len(given)
    return True


def _shares(
    move: HandoverMove,
    holding: Holding,
    leaver: Membership,
    members: Mapping[int, Membership],
    ids: Sequence[int],
) -> dict[int, Membership]:
    may = [one for one in members.values() if one.is_active and one != leaver and one.can(holding.needs)]
    people = [one for one in may if one.pk in move.people] if move.people else may
    if holding.key not in move.loads:
        move.loads[holding.key] = {str(pk): n for pk, n in loads_of(holding, [one.pk for one in may]).items()}
    shares = share(
        how=move.how,
        holding=holding,
        ids=ids,
        people=people,
        leaver=leaver,
        loads=move.loads[holding.key],
    )
    rest = next((one for one in may if one.pk == move.rest), None)
    return dict.fromkeys(ids, rest) | shares if rest else shares


def _locked_rows(holding: Holding, ids: Sequence[int], leaver: Membership) -> list[Any]:
    """Those that are still the leaver's: somebody may have given one away since it was looked for."""
    return list(holding.of(leaver).select_for_update(of=("self",)).filter(pk__in=ids).order_by("pk"))


def _write(move: HandoverMove, holding: Holding, leaver: Membership, given: Sequence[Given]) -> None:
    if not given:
        return
    name = str(leaver.user)
    why = by_handover(name)
    holding.write(given, Transfer(move.merchant_id, why, large=move.total > CHUNK))
    if move.tell and holding.tell and move.state == State.RUNNING:
        letter = Letter(move.tell_subject, move.tell_text, former=name, key=f"handover:{move.pk}")
        move.told += holding.tell(given, letter)


def _finish(move: HandoverMove, leaver: Membership) -> None:
    now = timezone.now()
    data: dict[str, Any] = {"email": leaver.user.email, "how": move.how}
    if move.state == State.RUNNING:
        move.state, move.finished_at = State.DONE, now
        data |= {"count": move.given, "receipt": move.receipt}
        emit(events.HANDOVER_GIVEN, merchant=move.merchant_id, subject=move.handover, data=data)
        _tell_receivers(move, leaver)
        handover_close(handover_id=move.handover_id, member=leaver)
        return
    undone = not move.rows.filter(state=RowState.GIVEN).exists()
    move.state = State.UNDONE if undone else State.DONE
    move.undone_at = now
    data |= {"count": move.returned, "stayed": move.stayed}
    emit(events.HANDOVER_UNDONE, merchant=move.merchant_id, subject=move.handover, data=data)


def _tell_receivers(move: HandoverMove, leaver: Membership) -> None:
    """Whoever left since has a transfer of their own for it."""
    got = {int(pk) for counts in move.receipt.values() for pk in counts} - {move.by_id}
    rows = Membership.objects.select_related("user", "merchant").filter(pk__in=got, is_active=True)
    for member in rows.order_by("pk"):
        pk = str(member.pk)
        counts = {kind: given[pk] for kind, given in move.receipt.items() if pk in given}
        with translation.override(member.user.language or member.merchant.locale):
            notice_add(
                member=member,
                kind="handover",
                title=_("%(name)s left; this is yours now.") % {"name": leaver.user},
                line=in_words(counts),
                href=HOLDINGS[next(kind for kind in move.kinds if kind in counts)].mine(member),
                dedupe_key=f"handover-move:{move.pk}:{pk}",
            )


def _return_chunk(move: HandoverMove, leaver: Membership) -> bool:
    """False ends it: nothing is left, or they left again; then the rest can be taken back another time."""
    if not leaver.is_active:
        return False
    first = move.rows.filter(state=RowState.GIVEN).order_by("kind", "row_id").first()
    if first is None:
        return False
    given = list(move.rows.filter(state=RowState.GIVEN, kind=first.kind).order_by("row_id")[:CHUNK])
    holding = HOLDINGS[first.kind]
    rows = holding.held().select_for_update(of=("self",)).filter(pk__in=[one.row_id for one in given])
    there = {row.pk: row for row in rows.order_by("pk")}
    back = [one for one in given if _still_with(holding, there.get(one.row_id), one.receiver_id)]
    _write(move, holding, leaver, [Given(there[one.row_id], leaver) for one in back])
    kept = {one.pk for one in given} - {one.pk for one in back}
    HandoverRow.objects.filter(pk__in=[one.pk for one in back]).update(state=RowState.BACK)
    HandoverRow.objects.filter(pk__in=kept).update(state=RowState.STAYED)
    move.returned, move.stayed = move.returned + len(back), move.stayed + len(kept)
    return True


def _still_with(holding: Holding, row: Any, receiver_id: int) -> bool:
    return row is not None and holding.holder_of(row) == receiver_id


def sweep() -> int:
    """Rings for rounds that lost their worker."""
    with all_merchants(reason="beat looks for work of every merchant"):
        lost = HandoverMove.objects.filter(
            state__in=HandoverMove.WORKING, worked_at__lt=timezone.now() - timedelta(seconds=LOST_SECONDS)
        )
        found = list(lost.values_list("merchant_id", "pk"))
    for merchant_id, move_id in found:
        ring_task("accounts.handover_work", [merchant_id, move_id])
    return len(found)
