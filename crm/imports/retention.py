"""Imports have their time: refused rows, samples, and what an undo would put back."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from crm.imports.models import Change, ImportBatch, KeptRow, RefusedRow
from crm.lib.retention import PSEUDONYMISE, Kind, add_kind


def _old(border: datetime) -> QuerySet[ImportBatch]:
    """Batches that still hold something of what was in their file."""
    inside = [Exists(model.objects.filter(batch=OuterRef("pk"))) for model in (RefusedRow, Change, KeptRow)]
    holds = ~Q(profile={}) | inside[0] | inside[1] | inside[2]
    old = ImportBatch.objects.filter(created_at__lt=border, file_path="")
    return old.exclude(state__in=ImportBatch.WORKING).filter(holds)


def _empty(border: datetime, limit: int) -> int:
    """A batch of millions of changes is one row of the page but many here: ten batches at a time."""
    ids = list(_old(border).order_by("pk").values_list("pk", flat=True)[: min(limit, 10)])
    for model in (RefusedRow, Change, KeptRow):
        model.objects.filter(batch__in=ids).delete()
    return int(ImportBatch.objects.filter(pk__in=ids).update(profile={}))


add_kind(
    Kind(
        key="imports.rows",
        label=_("What imports remember"),
        text=_(
            "Refused rows, samples, and what an undo puts back: such an import can't be undone any more. What"
            " it brought in stays, and its counts too. Uploaded files go after 30 days anyway."
        ),
        what=PSEUDONYMISE,
        minimum_months=3,
        count=lambda border: _old(border).count(),
        purge=_empty,
    )
)
