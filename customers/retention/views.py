"""Settings → Retention: how long each kind is kept, what would go, and what went."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from crm.accounts.routes import StaffRequest
from crm.lib.errors import NotFound, Rejected
from crm.lib.retention import KINDS
from customers.codes import done_text
from customers.retention.services import Standing, rule_set, standings, would_go

PERIODS = (1, 3, 6, 12, 18, 24, 36, 48, 60, 84, 120)


@dataclass(frozen=True)
class Row:
    """`counted` and `border`: the dry run that was just asked for, by `chosen`; None for a period without
    end, by which nothing goes."""

    standing: Standing
    done: object
    choices: list[tuple[str, str]]
    chosen: str
    was_tried: bool = False
    counted: int | None = None
    border: datetime | None = None


@require_safe
def retention_list(request: StaffRequest) -> HttpResponse:
    return _page(request)


def _page(request: StaffRequest, key: str = "", chosen: str = "", *, status: int = 200) -> HttpResponse:
    rows = []
    for standing in standings():
        mine = standing.kind.key == key
        counted, border = would_go(key=key, months=int(chosen)) if mine and chosen else (None, None)
        kept = "" if standing.months is None else str(standing.months)
        rows.append(
            Row(
                standing,
                done_text(standing.kind.what),
                _choices(standing, chosen if mine else kept),
                chosen if mine else kept,
                mine,
                counted,
                border,
            )
        )
    return render(request, "customers/retention/retention_list.html", {"rows": rows}, status=status)


def _choices(standing: Standing, chosen: str) -> list[tuple[str, str]]:
    offered = {one for one in PERIODS if one >= standing.kind.minimum_months}
    offered |= {int(chosen)} if chosen else set()
    return [("", _("for ever")), *((str(months), period_text(months)) for months in sorted(offered))]


def period_text(months: int) -> str:
    """Whole years as years."""
    if months % 12 == 0:
        return ngettext("%(n)s year", "%(n)s years", months // 12) % {"n": months // 12}
    return ngettext("%(n)s month", "%(n)s months", months) % {"n": months}


@require_POST
def retention_set(request: StaffRequest, kind: str) -> HttpResponse:
    """Keeps the period; with `try` only counts what would go by it."""
    if kind not in KINDS:
        raise NotFound()
    months = request.POST.get("months", "")
    if months and not (months.isascii() and months.isdigit() and len(months) < 10):
        raise Rejected(_("Choose a period."))
    if "try" in request.POST:
        return _page(request, kind, months)
    rule_set(merchant=request.merchant, key=kind, months=int(months) if months else None)
    messages.success(request, _("Saved. The next night works by it."))
    return redirect("retention_list")
