"""Page-shaped reads of exports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from crm.accounts.models import Membership
from crm.events.selectors import subject_timeline
from crm.lib.errors import NotFound
from crm.lib.keyset import Page, keyset_page
from crm.lib.ui.parts import TimelineEntry

from . import services
from .models import Export
from .registry import Ask, Exporter, label_of

TONES = {
    Export.State.WAITING: "warn",
    Export.State.QUEUED: "info",
    Export.State.RUNNING: "info",
    Export.State.READY: "good",
    Export.State.REFUSED: "bad",
    Export.State.FAILED: "bad",
}
ICONS = {
    Export.State.WAITING: "clock",
    Export.State.QUEUED: "clock",
    Export.State.RUNNING: "loader",
    Export.State.EXPIRED: "clock-off",
}
RELATED = ("merchant", "requested_by__user", "approver__user", "api_key")


@dataclass(frozen=True)
class Row:
    """An export as lists show it."""

    export: Export
    label: str
    tone: str
    icon: str
    may_decide: bool


def row_of(export: Export, membership: Membership) -> Row:
    state = Export.State(export.state)
    return Row(
        export,
        label_of(export.kind),
        TONES.get(state, ""),
        ICONS.get(state, ""),
        services.may_decide(export, membership),
    )


def oversees(membership: Membership) -> bool:
    """Whether the member sees other people's exports."""
    return membership.can("exports.approve") and membership.sees_everything


def visible(membership: Membership) -> QuerySet[Export]:
    rows: QuerySet[Export] = Export.objects.select_related(*RELATED)
    if oversees(membership):
        return rows
    return rows.filter(requested_by=membership)


def export_for(*, membership: Membership, export_id: int) -> Export:
    """The export if the member asked for it or oversees all, else NotFound. One query."""
    found = visible(membership).filter(pk=export_id).first()
    if found is None:
        raise NotFound()
    return found


def export_list(*, membership: Membership, everybodys: bool, after: str) -> Page[Export]:
    rows = visible(membership) if everybodys else visible(membership).filter(requested_by=membership)
    return keyset_page(rows, order=("-created_at", "-id"), after=after)


def waiting_for(membership: Membership) -> list[Export]:
    """What this member may agree to, oldest first; others' requests only."""
    if not oversees(membership):
        return []
    rows = visible(membership).waiting().exclude(requested_by=membership)  # type: ignore[attr-defined]
    return [one for one in rows.order_by("created_at", "id")[:50] if services.may_decide(one, membership)]


@dataclass(frozen=True)
class Outlook:
    """What asking for this would mean. `alone` is how many rows may go without a second person, None for
    any."""

    exporter: Exporter
    count: int
    words: list[str]
    alone: int | None
    approvers: list[str]

    @property
    def needs_approval(self) -> bool:
        return self.alone is not None and self.count > self.alone


def outlook(*, ask: Ask, exporter: Exporter, membership: Membership) -> Outlook:
    others = services.approvers(ask.merchant).filter(is_active=True).exclude(pk=membership.pk)
    return Outlook(
        exporter,
        exporter.select(ask).count(),
        exporter.words(ask),
        services.allowed_alone(ask.merchant, membership),
        [str(one.user) for one in others.order_by("user__name", "pk")],
    )


def story(export: Export, names: Any) -> list[TimelineEntry]:
    """What was done to it, by whom. `names` gives a name for the actors of the events."""
    events = list(subject_timeline(subject_type="exports.export", subject_id=export.pk)[:200])
    known = names(merchant=export.merchant, actors={event.actor for event in events})
    return [
        TimelineEntry(
            at=event.occurred_at,
            title=event.sentence,
            icon=event.type.icon if event.type else "point",
            tone=event.type.tone if event.type else "",
            actor=known.get(event.actor, ""),
        )
        for event in reversed(events)
    ]
