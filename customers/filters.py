"""The filters, orders and tabs of the customer list, in the words of the address."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from crm.accounts.models import Membership, Team
from crm.lib.ids import row_id
from crm.lib.listing import Choices, Filter, Listing, read
from crm.lib.once import once
from crm.lib.tenancy import scoped_merchant_id
from crm.lib.ui.parts import Tab
from crm.lib.ui.places import country_name
from customers.fields.filters import field_filters
from customers.fields.selectors import definitions_seen
from customers.models import Consent, ConsentRequest, Customer, Region
from customers.models.consent import Channel, Purpose
from customers.regions.selectors import path_names, within

SORTS = (
    ("recent", gettext_lazy("Newest first")),
    ("last_order", gettext_lazy("Bought last")),
    ("net", gettext_lazy("Most spent")),
    ("name", gettext_lazy("By name")),
)
ORDER = {
    "recent": ("-created_at", "-pk"),
    "last_order": ("-metrics__last_order_at", "-metrics__pk"),
    "net": ("-metrics__net", "-metrics__pk"),
    "name": ("name", "pk"),
}
# Tags and countries in use change slowly and are read from the whole table.
FACET_SECONDS = 300
MOST_FACETS = 200
NOWHERE = "none"
FACETS = ("tags", "countries", "grades")
# The columns shown and the saved view stand in the address beside the filters.
KEPT = ("columns", "view")

Rows = QuerySet[Any]


def listing_of(parameters: QueryDict, path: str, membership: Membership) -> Listing:
    return read(parameters, path, filters_for(membership), SORTS, KEPT)


def filters_for(membership: Membership) -> list[Filter]:
    return [
        Filter("stage", _("Stage"), _equals("stage"), lambda: Customer.Stage.choices),
        Filter("kind", _("Kind"), _equals("kind"), lambda: Customer.Kind.choices),
        Filter(
            "tag",
            _("Tag"),
            lambda rows, tag: rows.filter(tags__contains=[tag]),
            lambda: _pairs(tags_in_use()),
            rare=str,
        ),
        Filter(
            "owner",
            pgettext("who looks after a customer", "Owner"),
            lambda rows, value: _owned(rows, value, membership),
            lambda: _owners(),
        ),
        Filter("team", _("Team"), lambda rows, pk: rows.filter(team_id=int(pk)), _teams),
        Filter(
            "grade",
            _("Grade"),
            _equals("grade"),
            lambda: _pairs(facet("grades", "nullif(grade, '')")),
            rare=str,
        ),
        Filter("country", _("Country"), _equals("country"), lambda: _countries()),
        Filter("place", _("Region on the map"), _placed, _places, rare=_place_name),
        Filter(
            "region",
            _("Province or region"),
            lambda rows, words: rows.filter(region__icontains=words),
            kind="text",
        ),
        Filter("language", _("Language"), _equals("language"), lambda: list(settings.LANGUAGES)),
        Filter("consent", _("E-mail marketing"), _consenting, _consent_choices),
        Filter("bought", _("Bought"), _bought, _bought_choices, chip=_bought_chip),
        Filter("ticket", _("Tickets"), _ticketed, lambda: [("open", _("Open ticket"))], chip=_ticket_chip),
        Filter(
            "since",
            _("Customer since"),
            lambda rows, day: rows.filter(created_at__gte=_midnight(day)),
            kind="date",
        ),
        *field_filters(definitions_seen(membership)),
    ]


def tabs_of(listing: Listing) -> list[Tab]:
    """The views that most shops want; each is an address like any other."""
    views: list[tuple[str, dict[str, str]]] = [
        (_("All"), {}),
        (_("Mine"), {"owner": "me"}),
        (_("Repeat customers"), {"stage": "repeat"}),
        (_("Not seen for 90 days"), {"bought": "not90"}),
        (_("Open ticket"), {"ticket": "open"}),
    ]
    blank = dict.fromkeys([*listing.on, *listing.kept], "")
    return [Tab(label, listing.url(**(blank | on)), listing.on == on) for label, on in views]


def _placed(rows: Rows, pk: str) -> Rows:
    if pk == NOWHERE:
        return rows.filter(located_in__isnull=True)
    return rows.filter(located_in__in=within(Region.objects.filter(pk=int(pk))).values("pk"))


# --- choices ------------------------------------------------------------------------------------------------


def _places() -> list[tuple[str, str]]:
    """Countries and what lies directly in them; whoever asks for a district comes by Settings → Regions."""
    rows = list(Region.objects.filter(level__lte=1).order_by("path"))
    names = path_names(rows)
    found = sorted(((str(row.pk), names[row.pk]) for row in rows), key=lambda pair: pair[1])
    return [*found, (NOWHERE, _("Nowhere on the map"))] if found else []


def _place_name(value: str) -> str | None:
    pk = row_id(value)
    row = Region.objects.filter(pk=pk).first() if pk is not None else None
    return path_names([row])[row.pk] if row else None


def tags_in_use() -> list[str]:
    """Alphabetical, at most 200, up to five minutes old."""
    return facet("tags", "unnest(tags)")


def _countries() -> list[tuple[str, str]]:
    return [(code, country_name(code)) for code in countries_in_use()]


def countries_in_use() -> list[str]:
    return facet("countries", "nullif(country, '')")


def facet(name: str, expression: str) -> list[str]:
    merchant_id = scoped_merchant_id()
    key = f"customers:{merchant_id}:{name}"
    known = cache.get(key)
    if known is not None:
        return list(known)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT DISTINCT {expression} AS one FROM {Customer._meta.db_table}"
            " WHERE merchant_id = %s ORDER BY one LIMIT %s",
            [merchant_id, MOST_FACETS],
        )
        found = [row[0] for row in cursor.fetchall() if row[0]]
    cache.set(key, found, FACET_SECONDS)
    return found


def forget_facets(merchant_id: int) -> None:
    """After somebody used a new tag or country, so that the filter offers it at once."""
    cache.delete_many([f"customers:{merchant_id}:{name}" for name in FACETS])


def _pairs(values: list[str]) -> Choices:
    return [(value, value) for value in values]


def _owners() -> Choices:
    return [("me", _("Me")), ("none", _("Nobody")), *((str(one.pk), str(one.user)) for one in members())]


def _teams() -> Choices:
    return [(str(pk), name) for pk, name in Team.objects.order_by("name").values_list("pk", "name")]


def members() -> list[Membership]:
    """Who works here, by name. Memberships are not scoped, so the merchant is named."""
    shop = scoped_merchant_id()
    working = Membership.objects.filter(merchant_id=shop, is_active=True).select_related("user")
    return list(once(("members", shop), lambda: list(working.order_by("user__name", "user__email"))))


def _consent_choices() -> Choices:
    return [
        ("granted", _("Allowed")),
        ("waiting", _("Not confirmed yet")),
        ("withdrawn", _("Withdrawn")),
        ("never", _("Never asked")),
    ]


def _bought_choices() -> Choices:
    return [
        *((str(days), _("in the last %(days)s days") % {"days": days}) for days in (30, 90, 365)),
        *((f"not{days}", _("not for %(days)s days") % {"days": days}) for days in (90, 180, 365)),
        ("never", _("never")),
    ]


def _bought_chip(value: str) -> str:
    if value == "never":
        return _("Never bought")
    days = value.removeprefix("not")
    if value.startswith("not"):
        return _("Nothing bought for %(days)s days") % {"days": days}
    return _("Bought in the last %(days)s days") % {"days": days}


def _ticket_chip(_value: str) -> str:
    return _("Has an open ticket")


# --- narrowing ----------------------------------------------------------------------------------------------


def _equals(column: str) -> Callable[[Rows, str], Rows]:
    return lambda rows, value: rows.filter(**{column: value})


def _owned(rows: Rows, value: str, membership: Membership) -> Rows:
    if value == "none":
        return rows.filter(owner__isnull=True)
    return rows.filter(owner_id=membership.pk if value == "me" else int(value))


def _consenting(rows: Rows, value: str) -> Rows:
    ledger = Consent.objects.filter(channel=Channel.EMAIL, purpose=Purpose.MARKETING)
    if value == "waiting":
        waiting = ConsentRequest.objects.filter(
            channel=Channel.EMAIL,
            purpose=Purpose.MARKETING,
            confirmed_at=None,
            cancelled_at=None,
            expires_at__gt=timezone.now(),
        )
        return rows.filter(pk__in=waiting.values("customer_id"))
    if value == "never":
        return rows.filter(~Exists(ledger.filter(holds=True, customer_id=OuterRef("pk"))))
    answered = ledger.filter(holds=True, granted=value == "granted")
    return rows.filter(pk__in=answered.values("customer_id"))


def _bought(rows: Rows, value: str) -> Rows:
    if value == "never":
        return rows.filter(metrics__orders_count=0)
    border = timezone.now() - timedelta(days=int(value.removeprefix("not")))
    if value.startswith("not"):
        return rows.filter(metrics__last_order_at__lt=border)
    return rows.filter(metrics__last_order_at__gte=border)


def _ticketed(rows: Rows, _value: str) -> Rows:
    return rows.filter(metrics__open_tickets__gt=0)


def _midnight(day: str) -> Any:
    """The start of the day in the active time zone."""
    return timezone.make_aware(datetime.fromisoformat(day))
