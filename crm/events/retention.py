"""The log has its time: who saw, exported and changed what. The timelines of customers are not of it."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Exists, OuterRef, QuerySet
from django.utils.translation import gettext_lazy as _

from crm.events.models import Delivery, Event
from crm.events.types import REGISTRY
from crm.lib.retention import DELETE, Kind, add_kind


def _old(border: datetime) -> QuerySet[Event]:
    """Facts that no timeline shows and that nobody has to react to any more. Those with a key stay: the key
    keeps the same fact from being announced again."""
    names = [kind.name for kind in REGISTRY.values() if not kind.on_timeline]
    open_still = Delivery.objects.filter(event=OuterRef("pk")).exclude(state=Delivery.State.DONE)
    old = Event.objects.filter(name__in=names, created_at__lt=border, dedupe_key__isnull=True)
    return old.filter(~Exists(open_still))


def _delete(border: datetime, limit: int) -> int:
    ids = list(_old(border).order_by("pk").values_list("pk", flat=True)[:limit])
    Delivery.objects.filter(event__in=ids).delete()
    return int(Event.objects.filter(pk__in=ids).delete()[1].get(Event._meta.label, 0))


add_kind(
    Kind(
        key="events.log",
        label=_("Log of accesses and changes of settings"),
        text=_(
            "Who saw or exported what and changed which setting. The timelines of customers, orders and"
            " tickets stay. Many laws ask for a year."
        ),
        what=DELETE,
        minimum_months=12,
        count=lambda border: _old(border).count(),
        purge=_delete,
    )
)
