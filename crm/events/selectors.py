"""Page-shaped reads of the log."""

from django.db.models import Q, QuerySet

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


def audit_log(*, actor: str = "", name: str = "") -> QuerySet[Event]:
    """What people and keys did, newest first."""
    events = Event.objects.exclude(actor="")
    if actor:
        events = events.filter(actor=actor)
    if name:
        events = events.filter(name=name)
    return events.order_by("-id")


def troubled_deliveries() -> QuerySet[Delivery]:
    """What failed or was given up, newest first."""
    troubled = (Delivery.State.FAILED, Delivery.State.DEAD)
    return Delivery.objects.filter(state__in=troubled).select_related("event").order_by("-id")
