"""Lists of the floors below as files: the receipt of a handover, the audit log."""

from __future__ import annotations

from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.accounts.handover.models import HandoverRow
from crm.lib.errors import NotFound

from .registry import Ask, Exporter, columns_of, register

RECEIPT = (
    *(("round", "move_id"), ("kind", "kind"), ("id", "row_id"), ("receiver", "receiver__user__email")),
    *(("state", "state"), ("given_at", "move__created_at")),
)


def _receipt(ask: Ask) -> QuerySet[HandoverRow]:
    """The rows of one round. A transfer concerns the whole shop, and so does its file."""
    if not ask.viewer.sees_everything or not ask.viewer.can("team.handover"):
        raise NotFound
    return ask.ticked(HandoverRow.objects.filter(move_id=ask.number("move")))


register(
    Exporter(
        key="handover",
        label=gettext_lazy("Receipt of a handover"),
        icon="arrows-transfer-up",
        needs="team.handover",
        scope="team.read",
        columns=columns_of(HandoverRow, RECEIPT, {}),
        select=_receipt,
        words=lambda ask: [_("Round %(number)s") % {"number": ask.number("move")}],
        order=("kind", "row_id"),
    )
)
