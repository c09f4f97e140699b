"""A transfer begins when somebody leaves, and ends when nothing is theirs or when they come back."""

from __future__ import annotations

from django.db import transaction
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from crm.accounts import events
from crm.accounts.handover.models import Handover
from crm.accounts.handover.selectors import held_by, holds_any, in_words, open_handovers
from crm.accounts.models import Membership
from crm.accounts.notices import notice_add
from crm.accounts.permissions import Role
from crm.events.emitting import emit
from crm.lib.errors import Rejected
from crm.lib.tenancy import all_merchants, merchant_scope


@transaction.atomic
def handover_open(*, membership: Membership) -> Handover | None:
    """The open transfer of somebody who left, the same one when there is one; None when they hold nothing.

    Owners find it among their notices. The caller is in the shop's scope. Raises Rejected for somebody who
    works here: their things are theirs.
    """
    if membership.is_active:
        raise Rejected(_("This person works here. Deactivate them first."), code="still_here")
    known = Handover.objects.filter(member=membership, state=Handover.State.OPEN).first()
    if known is not None:
        return known
    counts = held_by([membership.pk]).get(membership.pk, {})
    if not counts:
        return None
    handover: Handover
    handover, is_new = Handover.objects.get_or_create(
        merchant_id=membership.merchant_id, member=membership, state=Handover.State.OPEN
    )
    if is_new:
        data = {"email": membership.user.email, "held": counts, "count": sum(counts.values())}
        emit(events.HANDOVER_OPENED, merchant=membership.merchant_id, subject=handover, data=data)
        _tell_owners(handover, counts)
    return handover


def _tell_owners(handover: Handover, counts: dict[str, int]) -> None:
    owners = Membership.objects.select_related("user", "merchant").filter(
        merchant=handover.merchant_id, role=Role.OWNER, is_active=True
    )
    for owner in owners:
        with translation.override(owner.user.language or owner.merchant.locale):
            notice_add(
                member=owner,
                kind="handover",
                title=_("%(name)s left. Hand over what they held.") % {"name": handover.member.user},
                line=in_words(counts),
                href=reverse("handover_record", args=[handover.pk]),
                dedupe_key=f"handover:{handover.pk}:{owner.pk}",
            )


def handover_close(*, handover_id: int, member: Membership) -> bool:
    """Whether an open transfer is done now, since nothing is theirs any more. In a transaction, in the shop's
    scope."""
    if holds_any(member):
        return False
    rows = Handover.objects.select_for_update(of=("self",))
    handover = rows.filter(pk=handover_id, state=Handover.State.OPEN).first()
    if handover is None:
        return False
    handover.state, handover.closed_at = Handover.State.DONE, timezone.now()
    handover.save(update_fields=["state", "closed_at"])
    return True


def sweep_empty() -> int:
    """Closes transfers whose last row somebody gave away by another road than a round; how many."""
    with all_merchants(reason="beat looks for work of every merchant"):
        found = list(open_handovers().select_related("member", "merchant"))
    closed = 0
    for handover in found:
        with merchant_scope(handover.merchant), transaction.atomic():
            closed += handover_close(handover_id=handover.pk, member=handover.member)
    return closed


def handover_end(*, membership: Membership) -> None:
    """They came back: what they still hold is theirs again. The caller holds the membership's lock."""
    rows = Handover.objects.select_for_update(of=("self",)).filter(
        member=membership, state=Handover.State.OPEN
    )
    for handover in rows:
        handover.state, handover.closed_at = Handover.State.RETURNED, timezone.now()
        handover.save(update_fields=["state", "closed_at"])
