"""Notices have their time: what a member was told to look at."""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from crm.accounts.models import Notice
from crm.lib.retention import DELETE, Kind, add_kind


def _old(border: datetime) -> QuerySet[Notice]:
    return Notice.objects.filter(created_at__lt=border)


def _delete(border: datetime, limit: int) -> int:
    ids = list(_old(border).order_by("pk").values_list("pk", flat=True)[:limit])
    return int(Notice.objects.filter(pk__in=ids).delete()[0])


add_kind(
    Kind(
        key="accounts.notices",
        label=_("Notices to colleagues"),
        text=_("Reminders and mentions under the bell, read or not. What they told of stays."),
        what=DELETE,
        minimum_months=1,
        count=lambda border: _old(border).count(),
        purge=_delete,
    )
)
