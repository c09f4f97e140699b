"""The filters, orders and tabs of the order list, in the words of the address."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.lib.ids import row_id
from crm.lib.listing import Choices, Filter, Listing, read
from crm.lib.ui.parts import Tab
from orders.models import Order, Return, SalesChannel

SORTS = (
    ("recent", gettext_lazy("Newest first")),
    ("oldest", gettext_lazy("Oldest first")),
    ("total", gettext_lazy("Largest first")),
)
ORDER = {
    "recent": ("-placed_at", "-pk"),
    "oldest": ("placed_at", "pk"),
    "total": ("-base_total", "-pk"),
}
Rows = QuerySet[Any]


def listing_of(parameters: QueryDict, path: str) -> Listing:
    return read(parameters, path, filters(), SORTS, ("view",))


def filters() -> Sequence[Filter]:
    return (
        Filter("channel", _("Channel"), lambda rows, pk: rows.filter(channel_id=int(pk)), _channels),
        Filter("payment", _("Payment"), _equals("payment"), lambda: Order.Payment.choices),
        Filter("fulfilment", _("Parcel"), _equals("fulfilment"), lambda: Order.Fulfilment.choices),
        Filter("state", _("State"), _in_state, _states, chip=lambda value: dict(_states())[value]),
        Filter("customer", _("Customer"), _of_customer, kind="hidden", chip=_customer_chip),
        Filter(
            "from", _("Placed from"), lambda rows, day: rows.filter(placed_at__gte=_start(day)), kind="date"
        ),
        Filter("to", _("Placed until"), lambda rows, day: rows.filter(placed_at__lt=_end(day)), kind="date"),
    )


def tabs_of(listing: Listing) -> list[Tab]:
    views: list[tuple[str, dict[str, str]]] = [
        (_("All"), {}),
        (_("To ship"), {"payment": "paid", "fulfilment": "open"}),
        (_("Late"), {"state": "late"}),
        (_("Payment pending"), {"payment": "pending"}),
        (_("Open returns"), {"state": "returning"}),
    ]
    blank = dict.fromkeys([*listing.on, *listing.kept], "")
    return [Tab(label, listing.url(**(blank | on)), listing.on == on) for label, on in views]


def _states() -> list[tuple[str, str]]:
    return [
        ("late", _("Late parcel")),
        ("returning", _("Open return")),
        ("guest", _("Guest order")),
        ("cancelled", _("Cancelled")),
        ("norate", _("No exchange rate")),
    ]


def _in_state(rows: Rows, value: str) -> Rows:
    if value == "late":
        late: Rows = rows.late(timezone.localdate())  # type: ignore[attr-defined]
        return late
    if value == "returning":
        return rows.filter(pk__in=Return.objects.filter(state__in=Return.OPEN).values("order_id"))
    narrowings = {
        "guest": Q(customer__isnull=True),
        "cancelled": Q(cancelled_at__isnull=False),
        "norate": Q(rate__isnull=True),
    }
    return rows.filter(narrowings[value])


def _channels() -> Choices:
    return [(str(pk), name) for pk, name in SalesChannel.objects.order_by("name").values_list("pk", "name")]


def _equals(column: str) -> Callable[[Rows, str], Rows]:
    return lambda rows, value: rows.filter(**{column: value})


def _of_customer(rows: Rows, value: str) -> Rows:
    pk = row_id(value)
    return rows.none() if pk is None else rows.filter(customer_id=pk)


def _customer_chip(value: str) -> str:
    return _("Customer #%(id)s") % {"id": value}


def _start(day: str) -> datetime:
    """Midnight in the active time zone."""
    return timezone.make_aware(datetime.fromisoformat(day))


def _end(day: str) -> datetime:
    return timezone.make_aware(datetime.fromisoformat(day) + timedelta(days=1))
