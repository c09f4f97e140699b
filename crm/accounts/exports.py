"""Exports of staff lists: written into the audit log before the first byte leaves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db import transaction
from django.http import HttpResponseBase
from django.utils import timezone
from django.utils.functional import Promise

from crm.accounts import events
from crm.accounts.models import Merchant
from crm.events.emitting import emit
from crm.lib.exporting import Row, export_response


def export(
    *,
    merchant: Merchant,
    what: str,
    columns: Sequence[str | Promise],
    rows: Iterable[Row],
    count: int,
    format: str,
    filters: str = "",
) -> HttpResponseBase:
    """The download of `<what>-<local date>.<format>`. The audit event commits first: `what`, how many rows,
    and the list's filters as they stood in the address."""
    day = timezone.localtime(timezone=merchant.zone).strftime("%Y-%m-%d")
    with transaction.atomic():
        emit(
            events.DATA_EXPORTED,
            merchant=merchant,
            data={"what": what, "rows": count, "format": format, "filters": filters[:500]},
        )
    return export_response(name=f"{what}-{day}", columns=columns, rows=rows, format=format)
