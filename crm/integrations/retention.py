"""Mails that had to arrive have their time: to whom and about what. Their words go after 30 days anyway."""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from crm.integrations.models import OutboundMail
from crm.lib.retention import DELETE, Kind, add_kind


def _old(border: datetime) -> QuerySet[OutboundMail]:
    return OutboundMail.objects.filter(created_at__lt=border).exclude(state=OutboundMail.State.QUEUED)


def _delete(border: datetime, limit: int) -> int:
    ids = list(_old(border).order_by("pk").values_list("pk", flat=True)[:limit])
    return int(OutboundMail.objects.filter(pk__in=ids).delete()[1].get(OutboundMail._meta.label, 0))


add_kind(
    Kind(
        key="integrations.mails",
        label=_("List of mails sent"),
        text=_(
            "Codes, receipts and answers under Mail sent: to whom, about what, when. Tickets keep the"
            " answers."
        ),
        what=DELETE,
        minimum_months=3,
        count=lambda border: _old(border).count(),
        purge=_delete,
    )
)
