"""Taking a round back."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.accounts.handover.models import HandoverMove, HandoverRow
from crm.accounts.handover.moving import move_work, one_at_a_time, ring_if_large
from crm.accounts.models import Membership
from crm.events.actor import current_actor
from crm.lib.errors import Conflict, Rejected

State, RowState = HandoverMove.State, HandoverRow.State


def undo_refusal(move: HandoverMove) -> Rejected | Conflict | None:
    """Why the round can't be taken back; None when it can."""
    if move.is_working:
        return Conflict(_("A part of this is just being handed over. Wait for its end."), code="busy")
    if not move.rows.filter(state=RowState.GIVEN).exists():
        text = _("This was taken back already.") if move.undone_at else _("Nothing was given.")
        return Conflict(text, code="undone")
    if move.undo_until < timezone.now():
        return Conflict(_("30 days are over: this can't be taken back any more."), code="too_late")
    member = Membership.objects.select_related("user").get(pk=move.handover.member_id)
    if not member.is_active:
        text = _("%(name)s doesn't work here. Bring them back first, then take this back.")
        return Rejected(text % {"name": member.user}, code="not_back")
    return None


def handover_undo(*, move: HandoverMove) -> HandoverMove:
    """Begins to give back to the one who came back what nobody passed on or finished since.

    Up to 500 rows are back when this returns. Raises Rejected with the reason when the member doesn't work
    here, Conflict when the round runs, is undone already, or is older than 30 days.
    """
    with transaction.atomic():
        locked = (
            HandoverMove.objects.select_for_update(of=("self",)).select_related("handover").get(pk=move.pk)
        )
        if refusal := undo_refusal(locked):
            raise refusal
        locked.state, locked.worked_at, locked.actor = State.UNDOING, timezone.now(), current_actor()
        with one_at_a_time():
            locked.save(update_fields=["state", "worked_at", "actor"])
        is_rung = ring_if_large(locked, locked.given)
    if not is_rung:
        move_work(move=locked)
    move.refresh_from_db()
    return move
