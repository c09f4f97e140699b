"""Lists of the floors below as files: the receipt of a handover, the audit log."""

from __future__ import annotations

from django.db.models import QuerySet, TextField, Value
from django.db.models.functions import Cast
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.accounts import auditing
from crm.accounts.handover.models import HandoverRow
from crm.accounts.selectors import actor_names
from crm.events.models import Event
from crm.events.selectors import audit_log
from crm.lib.tenancy import scoped_merchant

from .registry import Ask, Column, Exporter, Extra, columns_of, register

RECEIPT = (
    *(("round", "move_id"), ("kind", "kind"), ("id", "row_id"), ("receiver", "receiver__user__email")),
    *(("state", "state"), ("given_at", "move__created_at")),
)


def _receipt(ask: Ask) -> QuerySet[HandoverRow]:
    """The rows of one round. A transfer concerns the whole shop: who sees a part of it gets none."""
    if not ask.viewer.sees_everything:
        return HandoverRow.objects.none()
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


def _audit(ask: Ask) -> QuerySet[Event]:
    """The log as its page narrows it. It tells of the whole shop: who sees a part of it gets none."""
    if not ask.viewer.sees_everything:
        return Event.objects.annotate(facts=Value("")).none()
    rows = audit_log(auditing.read(ask.parameters, zone=ask.merchant.zone))
    found: QuerySet[Event] = ask.ticked(rows).annotate(facts=Cast("data", TextField()))
    return found


def _who() -> Extra:
    """Names beside the bare "user:7"; nobody who ever worked here is left out."""
    known = actor_names(merchant=scoped_merchant(), actors=None)
    return Extra(
        path="actor",
        columns=[Column("who", "actor")],
        cells=lambda actor, _whole: [known.get(actor, "")],
    )


register(
    Exporter(
        key="audit",
        label=gettext_lazy("Audit log"),
        icon="list-search",
        needs="audit.view",
        scope="events.read",
        columns=(
            Column("id", "pk", "integer"),
            Column("at", "created_at", "instant"),
            Column("actor", "actor"),
            Column("event", "name"),
            Column("customer_id", "customer_id", "integer"),
            Column("subject_type", "subject_type"),
            Column("subject_id", "subject_id", "integer"),
            Column("facts", "facts"),
        ),
        select=_audit,
        words=lambda ask: auditing.in_words(auditing.said(ask.parameters)),
        order=("-pk",),
        extra=_who,
    )
)
