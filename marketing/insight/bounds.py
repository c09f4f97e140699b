"""Days and people of a member who sees a part of the shop. The stored figures are the whole shop's: a part is
counted from its rows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Count, F, Q, Sum
from django.db.models.functions import TruncDate

from crm.accounts.models import Membership, Merchant
from customers.models import Customer
from customers.visibility import narrowed
from marketing.insight.models import Day
from orders.models import Order, Refund


@dataclass(frozen=True)
class DaySum:
    """A day's (or some days') sales; `first` is the revenue of first orders."""

    revenue: Decimal = Decimal(0)
    orders: int = 0
    first: Decimal = Decimal(0)
    refunded: Decimal = Decimal(0)


def midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time.min, tzinfo=zone)


def days_since(since: date, *, merchant: Merchant, membership: Membership) -> dict[date, DaySum]:
    """Each day's sums of what the member sees. One query for the whole shop, two for a part of it."""
    if membership.sees_everything:
        sums = Day.objects.filter(on__gte=since).values_list("on")
        found = sums.annotate(a=Sum("revenue"), b=Sum("orders"), c=Sum("first_revenue"), d=Sum("refunded"))
        return {day: DaySum(*row) for day, *row in found}
    start = midnight(since, merchant.zone)
    sold = Order.objects.visible_to(membership).placed().filter(placed_at__gte=start)
    first = Q(placed_at=F("customer__metrics__first_order_at"))
    rows = (
        sold.annotate(on=TruncDate("placed_at", tzinfo=merchant.zone))
        .order_by()
        .values_list("on")
        .annotate(a=Sum("base_total"), b=Count("pk"), c=Sum("base_total", filter=first))
    )
    back = narrowed(Refund.objects.filter(refunded_at__gte=start), membership, "order__customer__")
    refunds = dict(
        back.annotate(on=TruncDate("refunded_at", tzinfo=merchant.zone))
        .order_by()
        .values_list("on")
        .annotate(a=Sum("base_amount"))
    )
    none = Decimal(0)
    known = {day: (revenue or none, orders, firsts or none) for day, revenue, orders, firsts in rows}
    return {
        day: DaySum(*known.get(day, (none, 0, none)), refunds.get(day) or none) for day in {*known, *refunds}
    }


def orders_by_channel(since: date, *, merchant: Merchant, membership: Membership) -> list[tuple[int, int]]:
    """(channel id, orders) of what the member sees, most first."""
    if membership.sees_everything:
        days = Day.objects.filter(on__gte=since, channel_id__gt=0, orders__gt=0).values_list("channel_id")
        return list(days.annotate(number=Sum("orders")).order_by("-number"))
    seen = Order.objects.visible_to(membership).placed()
    recent = seen.filter(placed_at__gte=midnight(since, merchant.zone)).order_by().values_list("channel_id")
    return list(recent.annotate(number=Count("pk")).order_by("-number"))


def visible_sql(membership: Membership) -> str:
    """A SELECT of the ids of the customers that the member sees, its values quoted by psycopg, for reports
    that are SQL; "" for who sees everything. Percent signs are doubled, as in any statement with
    parameters."""
    if membership.sees_everything:
        return ""
    text, values = Customer.objects.visible_to(membership).order_by().values("pk").query.sql_with_params()
    with connection.cursor() as cursor:
        quoted: bytes = cursor.cursor.mogrify(text, values)
    return quoted.decode().replace("%", "%%")
