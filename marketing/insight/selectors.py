"""The reports: RFM grid, cohorts, products, months. The dear ones are kept for a quarter of an hour."""

from __future__ import annotations

import calendar
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django.core.cache import cache
from django.db import connection
from django.db.models import Count
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.translation import get_language, pgettext
from django.utils.translation import gettext as _

from crm.accounts.models import Membership, Merchant
from crm.lib.ui.formats import number_text, percent_text
from crm.lib.ui.parts import Chart, Series
from customers.models import Metrics
from customers.visibility import narrowed
from marketing.insight.bounds import days_since, visible_sql
from marketing.segments.counting import patience
from orders.models import Order, OrderLine, Product

KEEP_SECONDS = 900
# A report may take longer than a keystroke's count, but not hold a web thread.
REPORT_MILLISECONDS = 8_000
COHORT_MONTHS = 12
PRODUCT_DAYS = 90
TOP = 10


def segment_link(name: str, *rules: dict[str, Any]) -> str:
    """The segment builder with these rules filled in: what a figure opens."""
    definition = json.dumps({"match": "all", "rules": list(rules)}, separators=(",", ":"))
    return f"{reverse('segment_create')}?{urlencode({'name': name, 'definition': definition})}"


@dataclass(frozen=True)
class Cell:
    """A figure of a grid, how dark it is (0–8), and the people behind it."""

    text: str
    shade: int | None = None
    href: str = ""
    label: str = ""


@dataclass(frozen=True)
class GridRow:
    head: str
    cells: list[Cell]
    size: str = ""


@dataclass(frozen=True)
class Grid:
    columns: list[str]
    rows: list[GridRow]

    @property
    def has_people(self) -> bool:
        return any(cell.href for row in self.rows for cell in row.cells)


def _shade(value: float, top: float) -> int:
    return round(8 * value / top) if top else 0


def rfm_grid(membership: Membership) -> Grid:
    """Customers whom the member sees by recency (down, 5 is most recent) and frequency (across); one
    query."""
    counts = {
        (recency, frequency): number
        for recency, frequency, number in narrowed(
            Metrics.objects.filter(recency_bin__gt=0), membership, "customer__"
        )
        .order_by()
        .values_list("recency_bin", "frequency_bin")
        .annotate(number=Count("pk"))
    }
    top = max(counts.values(), default=0)
    rows = [
        GridRow(
            str(recency),
            [
                _rfm_cell(recency, frequency, counts.get((recency, frequency), 0), top)
                for frequency in range(1, 6)
            ],
        )
        for recency in range(5, 0, -1)
    ]
    return Grid([str(frequency) for frequency in range(1, 6)], rows)


def _rfm_cell(recency: int, frequency: int, number: int, top: int) -> Cell:
    label = _("Recency %(r)s, frequency %(f)s") % {"r": recency, "f": frequency}
    href = segment_link(
        label,
        {"if": "customers.rfm", "bin": "r", "low": recency, "high": recency},
        {"if": "customers.rfm", "bin": "f", "low": frequency, "high": frequency},
    )
    return Cell(number_text(number), _shade(number, top), href if number else "", label)


# --- cohorts ----------------------------------------------------------------------------------------------

COHORT_SQL = """
    WITH first AS (
        SELECT m.customer_id, date_trunc('month', m.first_order_at AT TIME ZONE %(zone)s) AS month
        FROM {metrics} m
        WHERE m.merchant_id = %(merchant)s::bigint AND m.first_order_at >= %(since)s {mine}
    ), again AS (
        SELECT DISTINCT f.month, f.customer_id,
               (extract(year FROM age(date_trunc('month', o.placed_at AT TIME ZONE %(zone)s), f.month)) * 12
                + extract(month FROM age(date_trunc('month', o.placed_at AT TIME ZONE %(zone)s),
                f.month)))::int AS later
        FROM first f JOIN {orders} o
          ON o.merchant_id = %(merchant)s::bigint AND o.customer_id = f.customer_id
        WHERE o.cancelled_at IS NULL AND o.placed_at >= %(since)s
    )
    SELECT month::date, later, count(*) FROM again GROUP BY 1, 2 ORDER BY 1, 2
"""


def cohorts(merchant: Merchant, membership: Membership) -> Grid:
    """Of those whose first order was in a month, the share who bought in each month after it."""
    found: list[tuple[date, int, int]] = _kept(
        merchant, membership, "cohorts", lambda: _cohort_rows(merchant, membership)
    )
    sizes = {month: number for month, later, number in found if later == 0}
    bought = {(month, later): number for month, later, number in found}
    today = timezone.now().astimezone(merchant.zone).date()
    rows = [
        _cohort_row(month, size, bought, _months_between(month, today))
        for month, size in sorted(sizes.items())
    ]
    return Grid([str(later) for later in range(1, COHORT_MONTHS)], rows)


def _cohort_rows(merchant: Merchant, membership: Membership) -> list[tuple[date, int, int]]:
    today = timezone.now().astimezone(merchant.zone).date()
    first = _add_months(today.replace(day=1), 1 - COHORT_MONTHS)
    since = datetime.combine(first, time.min, tzinfo=merchant.zone)
    with patience(REPORT_MILLISECONDS), connection.cursor() as cursor:
        mine = visible_sql(membership)
        sql = COHORT_SQL.format(
            metrics=Metrics._meta.db_table,
            orders=Order._meta.db_table,
            mine=f"AND m.customer_id IN ({mine})" if mine else "",
        )
        cursor.execute(sql, {"merchant": merchant.pk, "zone": merchant.time_zone, "since": since})
        return list(cursor.fetchall())


def _cohort_row(month: date, size: int, bought: dict[tuple[date, int], int], age: int) -> GridRow:
    name = month_text(month)
    last = month.replace(day=calendar.monthrange(month.year, month.month)[1])
    href = segment_link(
        _("First order in %(month)s") % {"month": name},
        {"if": "orders.first_between", "start": month.isoformat(), "end": last.isoformat()},
    )
    cells = []
    for later in range(1, COHORT_MONTHS):
        if later > age:
            cells.append(Cell(""))
            continue
        share = bought.get((month, later), 0) / size
        label = _("%(month)s, %(later)s months later") % {"month": name, "later": later}
        cells.append(Cell(percent_text(share), _shade(min(share, 0.5), 0.5), href, label))
    return GridRow(name, cells, number_text(size))


def _months_between(first: date, last: date) -> int:
    return (last.year - first.year) * 12 + last.month - first.month


def _add_months(day: date, months: int) -> date:
    whole = day.year * 12 + day.month - 1 + months
    return date(whole // 12, whole % 12 + 1, 1)


def month_text(month: date) -> str:
    return str(formats.date_format(month, pgettext("month and year, Django date format", "M Y")))


# --- products and months ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class TopProduct:
    title: str
    pieces: int
    revenue: Decimal
    href: str


def top_products(merchant: Merchant, membership: Membership) -> list[TopProduct]:
    """What sold most in 90 days, in the shop's currency by each order's frozen rate."""
    rows: list[tuple[int, int, Decimal]] = _kept(
        merchant, membership, "products", lambda: _product_rows(merchant, membership)
    )
    titles = Product.objects.in_bulk([pk for pk, _pieces, _revenue in rows])
    return [
        TopProduct(
            str(titles[pk]),
            pieces,
            revenue,
            segment_link(
                _("Bought %(product)s") % {"product": titles[pk]},
                {
                    "if": "orders.product",
                    "did": "did",
                    "pieces": 1,
                    "values": [str(pk)],
                    "days": PRODUCT_DAYS,
                },
            ),
        )
        for pk, pieces, revenue in rows
        if pk in titles
    ]


def _product_rows(merchant: Merchant, membership: Membership) -> list[tuple[int, int, Decimal]]:
    mine = visible_sql(membership)
    sql = f"""
        SELECT l.product_id, sum(l.quantity), round(sum(l.total * o.rate), 2)
        FROM {Order._meta.db_table} o
        JOIN {OrderLine._meta.db_table} l ON l.merchant_id = o.merchant_id AND l.order_id = o.id
        WHERE o.merchant_id = %s::bigint AND o.placed_at >= %s AND o.cancelled_at IS NULL
          AND o.rate IS NOT NULL AND l.product_id IS NOT NULL
          {f"AND o.customer_id IN ({mine})" if mine else ""}
        GROUP BY 1 ORDER BY 3 DESC LIMIT {TOP}
    """
    since = timezone.now() - timedelta(days=PRODUCT_DAYS)
    with patience(REPORT_MILLISECONDS), connection.cursor() as cursor:
        cursor.execute(sql, [merchant.pk, since])
        return list(cursor.fetchall())


def months(merchant: Merchant, membership: Membership) -> Chart:
    """Revenue and refunds of 24 months, from the daily figures; of what the member sees."""
    today = timezone.now().astimezone(merchant.zone).date()
    first = _add_months(today.replace(day=1), -23)
    rows: dict[date, tuple[Decimal, Decimal]] = {}
    for day, one in days_since(first, merchant=merchant, membership=membership).items():
        revenue, refunded = rows.get(day.replace(day=1), (Decimal(0), Decimal(0)))
        rows[day.replace(day=1)] = (revenue + one.revenue, refunded + one.refunded)
    shown = [_add_months(first, later) for later in range(24)]
    while len(shown) > 6 and shown[0] not in rows:
        shown = shown[1:]
    nothing = (Decimal(0), Decimal(0))
    return Chart(
        id="insight-months",
        label=_("Revenue and refunds by month"),
        labels=[month_text(month) for month in shown],
        series=[
            Series(_("Revenue"), [float(rows.get(month, nothing)[0]) for month in shown]),
            Series(_("Refunds"), [float(rows.get(month, nothing)[1]) for month in shown]),
        ],
        kind="bar",
        format="money",
        currency=merchant.base_currency,
    )


def _kept(merchant: Merchant, membership: Membership, what: str, count: Callable[[], Any]) -> Any:
    """The rows, counted at most once in a quarter of an hour; for who sees a part of the shop apart from the
    others."""
    whose = "" if membership.sees_everything else f":{membership.pk}"
    return cache.get_or_set(f"insight:{what}:{merchant.pk}{whose}:{get_language()}", count, KEEP_SECONDS)
