"""Reads of the tree: a level with its customers, where a word leads, what is nowhere yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection
from django.db.models import Count, Q, QuerySet

from crm.accounts.models import Membership
from crm.lib.tenancy import scoped_merchant_id
from customers.models import Customer, Region
from customers.regions.naming import place_key

SHOWN = 500
FOUND = 30


@dataclass(frozen=True)
class Branch:
    """A region with how many lie in it and how many customers stand anywhere in it."""

    region: Region
    inner: int
    customers: int


@dataclass(frozen=True)
class Spelling:
    """Words that name no region of the tree, and how many customers have them."""

    country: str
    region: str
    city: str
    customers: int


def within(regions: QuerySet[Region] | Sequence[Region]) -> QuerySet[Region]:
    """The regions and all that lies in them."""
    paths = Q(pk__in=[])
    for one in regions:
        paths |= Q(path__startswith=one.path)
    rows: QuerySet[Region] = Region.objects.filter(paths)
    return rows


def ids_of(path: str) -> list[int]:
    """The ids in a path, from the root."""
    return [int(one) for one in path.strip("/").split("/")]


def line_of(region: Region) -> list[Region]:
    """From the root to the region."""
    return list(Region.objects.filter(pk__in=ids_of(region.path)).order_by("level"))


def path_names(regions: Sequence[Region]) -> dict[int, str]:
    """id → "China › Guangdong › Shenzhen"; one query."""
    ids = {pk for region in regions for pk in ids_of(region.path)}
    names = dict(Region.objects.filter(pk__in=ids).values_list("pk", "name"))
    return {
        region.pk: " › ".join(names[pk] for pk in ids_of(region.path) if pk in names) for region in regions
    }


def branches(parent: Region | None, membership: Membership) -> list[Branch]:
    """What lies directly in `parent` (None: the roots), by code and name, with the customers whom the member
    sees; at most 500."""
    rows = list(Region.objects.filter(parent=parent).order_by("code", "name")[:SHOWN])
    level = rows[0].level if rows else 0
    inner: dict[int, int] = {}
    people: dict[int, int] = {}
    below = Region.objects.filter(path__startswith=parent.path) if parent else Region.objects.all()
    tops = {}
    for pk, path in below.filter(level__gte=level).values_list("pk", "path"):
        tops[pk] = ids_of(path)[level]
        if tops[pk] != pk:
            inner[tops[pk]] = inner.get(tops[pk], 0) + 1
    seen = Customer.objects.present().visible_to(membership).filter(located_in__isnull=False)
    for pk, count in seen.order_by().values_list("located_in").annotate(n=Count("*")):
        if pk in tops:
            people[tops[pk]] = people.get(tops[pk], 0) + count
    return [Branch(row, inner.get(row.pk, 0), people.get(row.pk, 0)) for row in rows]


def found_by(text: str) -> list[Region]:
    """Regions of this very spelling, the outer first; at most 30."""
    key = place_key(text)
    return list(Region.objects.filter(keys__contains=[key]).order_by("level", "pk")[:FOUND]) if key else []


def search(text: str) -> list[Region]:
    """Regions with these letters in a spelling, exact ones and outer ones first; at most 30."""
    key = place_key(text)
    rows = Region.objects.order_by("level", "code", "name")
    if not key:
        return list(rows.filter(level__lte=1)[:FOUND])
    exact = found_by(text)
    others = rows.filter(Q(name__icontains=text) | Q(keys__contains=[key])).exclude(
        pk__in=[one.pk for one in exact]
    )
    return [*exact, *others[: FOUND - len(exact)]]


def unplaced() -> list[Spelling]:
    """The most frequent provinces and cities that the tree doesn't know, at most 20. Reads every customer."""
    sql = """
        SELECT c.country, c.region, c.city, count(*) FROM customers_customer c
        LEFT JOIN customers_region r ON r.merchant_id = c.merchant_id AND r.id = c.located_in_id
        WHERE c.merchant_id = %s AND c.erased_at IS NULL AND c.merged_into_id IS NULL
          AND (r.id IS NULL AND (c.region <> '' OR c.city <> '') OR r.level = 0 AND c.region <> '')
        GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2, 3 LIMIT 20
    """
    with connection.cursor() as cursor:
        cursor.execute(sql, [scoped_merchant_id()])
        return [Spelling(*row) for row in cursor.fetchall()]
