"""Page-shaped reads of the log."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Min, Q, QuerySet

from crm.events.models import Delivery, Event
from crm.events.types import REGISTRY


def timeline(*, customer_id: int, names: list[str] | None = None, text: str = "") -> QuerySet[Event]:
    """A customer's story, newest first; keyset on (occurred_at, id)."""
    shown = names or [kind.name for kind in REGISTRY.values() if kind.on_timeline]
    events = Event.objects.filter(customer_id=customer_id, name__in=shown)
    if text:
        events = events.filter(Q(data__icontains=text))
    return events.order_by("-occurred_at", "-id")


def subject_timeline(*, subject_type: str, subject_id: int) -> QuerySet[Event]:
    """Everything that happened to one order, ticket or review, oldest first."""
    return Event.objects.filter(subject_type=subject_type, subject_id=subject_id).order_by(
        "occurred_at", "id"
    )


@dataclass(frozen=True)
class AuditQuery:
    """What of the log is wanted. `actor` is "user:7", "key:3", "customer" or "" for everybody; `name` one
    kind of event; `sort` "seen" (also "exported": who saw or took data), "changed" or ""; `since` and `until`
    bound when it was written. `customer_id` narrows to one person: with `sort` "seen", lists exported since
    they are known are in it too, for they may have held them."""

    actor: str = ""
    name: str = ""
    sort: str = ""
    customer_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    text: str = ""


def audit_log(query: AuditQuery) -> QuerySet[Event]:
    """What people and keys did, newest first."""
    events = Event.objects.exclude(actor="")
    if query.actor == "customer":
        events = events.filter(actor__startswith="customer:")
    elif query.actor:
        events = events.filter(actor=query.actor)
    if query.name:
        events = events.filter(name=query.name)
    if query.sort == "seen":
        events = events.filter(name__in=_audited("seen") + _audited("exported"))
    elif query.sort == "changed":
        events = events.exclude(name__in=_audited("seen") + _audited("exported"))
    if query.customer_id is not None:
        events = events.filter(_about(query.customer_id, with_lists=query.sort == "seen"))
    if query.since:
        events = events.filter(created_at__gte=query.since)
    if query.until:
        events = events.filter(created_at__lt=query.until)
    if query.text:
        events = events.filter(data__icontains=query.text)
    return events.order_by("-id")


def _audited(how: str) -> list[str]:
    return [kind.name for kind in REGISTRY.values() if kind.audit == how]


def _about(customer_id: int, *, with_lists: bool) -> Q:
    theirs = Q(customer_id=customer_id)
    if not with_lists:
        return theirs
    first = Event.objects.filter(customer_id=customer_id).aggregate(at=Min("created_at"))["at"]
    lists = Q(name__in=_audited("exported"), customer_id__isnull=True)
    return theirs | (lists & Q(created_at__gte=first) if first else lists)


def troubled_deliveries() -> QuerySet[Delivery]:
    """What failed or was given up, newest first."""
    troubled = (Delivery.State.FAILED, Delivery.State.DEAD)
    return Delivery.objects.filter(state__in=troubled).select_related("event").order_by("-id")
