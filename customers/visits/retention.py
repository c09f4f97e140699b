"""How long nameless visits wait for somebody."""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from crm.lib.retention import DELETE, Kind, add_kind, delete_first
from customers.models import Visit


def _waiting(border: datetime) -> QuerySet[Visit]:
    return Visit.objects.filter(at__lt=border)


def _forget(border: datetime, limit: int) -> int:
    return delete_first(_waiting(border).order_by("at", "pk"), limit)


add_kind(
    Kind(
        key="customers.visits",
        label=_("Visits of people who were never recognised"),
        text=_("Deleted. Visits of people who signed in stand in their timelines and stay."),
        what=DELETE,
        minimum_months=1,
        default_months=3,
        count=lambda border: _waiting(border).count(),
        purge=_forget,
    )
)
