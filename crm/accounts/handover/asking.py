"""Asking for a round: what is refused, and how it begins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from django.db import transaction
from django.utils.translation import gettext as _

from crm.accounts.handover.models import Handover, HandoverMove
from crm.accounts.handover.moving import locked_members, move_work, one_at_a_time, ring_if_large
from crm.accounts.handover.registry import HOLDINGS
from crm.accounts.models import Membership
from crm.events.actor import current_actor
from crm.lib.errors import Conflict, Rejected, Text

How = HandoverMove.How
# Rows chosen by hand; more is a rule's business.
MOST_IDS = 1_000
# The outbox is for single mails; to tell more people is a campaign's business.
MOST_LETTERS = 2_000


@dataclass(frozen=True)
class Ask:
    """What is to go to whom: see HandoverMove. `ids` are rows chosen by hand, None for everything of the
    kinds; `letter` is (subject, text)."""

    how: str
    kinds: Sequence[str]
    people: Sequence[int] = ()
    rest: int | None = None
    ids: Mapping[str, Sequence[int]] | None = None
    letter: tuple[str, str] | None = None


def handover_assign(*, handover: Handover, ask: Ask, by: Membership | None) -> HandoverMove:
    """The round, begun; up to 500 rows are with their new people when this returns, for more a worker is
    rung.

    Raises Rejected with the field when nobody fits or nothing is asked, Conflict when the transfer is closed
    or a round is at work.
    """
    with transaction.atomic():
        leaver = locked_members(handover.merchant_id, [handover.member_id])[handover.member_id]
        locked = Handover.objects.select_for_update(of=("self",)).get(pk=handover.pk)
        if not locked.is_open or leaver.is_active:
            raise Conflict(_("This transfer is closed."), code="closed")
        _check(leaver, ask)
        total = _total(leaver, ask)
        if not total:
            raise Rejected(_("There is nothing to hand over."), code="nothing")
        move = _begun(locked, ask, by, total)
        is_rung = ring_if_large(move, total)
    if not is_rung:
        move_work(move=move)
    move.refresh_from_db()
    return move


def _begun(handover: Handover, ask: Ask, by: Membership | None, total: int) -> HandoverMove:
    subject, text = ask.letter or ("", "")
    with one_at_a_time():
        move: HandoverMove = HandoverMove.objects.create(
            merchant_id=handover.merchant_id,
            handover=handover,
            by=by,
            actor=current_actor(),
            how=ask.how,
            kinds=list(dict.fromkeys(ask.kinds)),
            ids=None if ask.ids is None else {kind: sorted(set(ids)) for kind, ids in ask.ids.items()},
            people=list(ask.people),
            rest=ask.rest,
            total=total,
            tell=ask.letter is not None,
            tell_subject=subject[:200],
            tell_text=text,
        )
    return move


def _check(leaver: Membership, ask: Ask) -> None:
    if ask.how not in How.values:
        raise _fault("how", _("Choose how to share it out."))
    by_hand = ask.ids or {}
    unknown = [kind for kind in [*ask.kinds, *by_hand] if kind not in HOLDINGS]
    if unknown or not ask.kinds:
        raise _fault("kinds", _("Choose what to hand over."))
    if sum(len(ids) for ids in by_hand.values()) > MOST_IDS:
        raise _fault("ids", _("At most %(most)s at once.") % {"most": f"{MOST_IDS:,}"})
    chosen = [*ask.people, *([ask.rest] if ask.rest else [])]
    people = _who_may_get(leaver, chosen)
    if len(people) != len(set(chosen)):
        raise _fault("people", _("Choose people who work here."))
    if ask.how == How.PERSON and len(ask.people) != 1:
        raise _fault("people", _("Choose one person."))
    if ask.how == How.EVEN and not ask.people:
        raise _fault("people", _("Choose between whom to share it out."))
    for kind in ask.kinds:
        needs = HOLDINGS[kind].needs
        if people and not any(one.can(needs) for one in people.values()):
            text = _("None of these people may have what stands under “%(what)s”.")
            raise _fault("people", text % {"what": HOLDINGS[kind].label})
    if ask.letter is not None:
        _check_letter(leaver, ask)


def _check_letter(leaver: Membership, ask: Ask) -> None:
    assert ask.letter is not None
    subject, text = ask.letter
    if not subject.strip() or not text.strip():
        raise _fault("tell_text", _("Write what customers shall read, or don't tell them."))
    telling = [kind for kind in ask.kinds if HOLDINGS[kind].tell]
    if _total(leaver, replace(ask, kinds=telling)) > MOST_LETTERS:
        text = _("More than %(most)s customers would get a mail. Send them a campaign instead.")
        raise _fault("tell", text % {"most": f"{MOST_LETTERS:,}"})


def _fault(name: str, message: Text) -> Rejected:
    return Rejected(message, code="bad_handover", fields={name: [message]})


def _total(leaver: Membership, ask: Ask) -> int:
    held = {kind: HOLDINGS[kind].of(leaver) for kind in ask.kinds}
    if ask.ids is not None:
        held = {kind: rows.filter(pk__in=ask.ids.get(kind, ())) for kind, rows in held.items()}
    return sum(rows.count() for rows in held.values())


def _who_may_get(leaver: Membership, ids: Sequence[int]) -> dict[int, Membership]:
    rows = Membership.objects.filter(merchant=leaver.merchant_id, is_active=True, pk__in=list(ids))
    return {one.pk: one for one in rows.exclude(pk=leaver.pk)}
