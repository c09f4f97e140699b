"""Customers as persons to compare, some at a time: four queries and one for each trace of an upper floor."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from django.db import connection

from crm.lib.tenancy import scoped_merchant_id
from customers.duplicates.persons import Person, Place, digits_of, name_of, place_of
from customers.models import Address, Customer, Identity
from customers.normalising import is_masked
from customers.registries import TRACES

# The newest so many of each; somebody with a hundred addresses is a firm.
MOST_VALUES = 8


def persons(ids: Sequence[int]) -> Iterator[Person]:
    """Those of the ids who are present, in the order of their ids. In the merchant's scope."""
    emails, phones = _identities(ids)
    places = _addresses(ids, phones)
    shared = _traces(ids)
    rows = Customer.objects.present().filter(pk__in=ids).order_by("pk")
    columns = ("pk", "name", "given_name", "family_name", "email", "phone", "birthday_on", "city")
    for pk, name, given, family, email, phone, birthday, city in rows.values_list(*columns):
        emails[pk][email.lower()] = None
        phones[pk][digits_of(phone)] = None
        homes = places.get(pk, ())
        if city and not any(place.city for place in homes):
            homes = (*homes, place_of(city=city))
        yield Person(
            id=pk,
            name=name_of(name, given, family),
            emails=_known(one for one in emails[pk] if not is_masked(one)),
            phones=_known(iter(phones[pk])),
            born=f"{birthday:%Y%m%d}" if birthday else "",
            places=homes,
            shared=frozenset(shared.get(pk, ())),
        )


Values = defaultdict[int, dict[str, None]]


def _known(values: Iterator[str]) -> tuple[str, ...]:
    return tuple(one for one in values if one)[:MOST_VALUES]


def _identities(ids: Sequence[int]) -> tuple[Values, Values]:
    emails: Values = defaultdict(dict)
    phones: Values = defaultdict(dict)
    rows = Identity.objects.filter(customer_id__in=ids, kind__in=(Identity.Kind.EMAIL, Identity.Kind.PHONE))
    for customer_id, kind, value in rows.values_list("customer_id", "kind", "value").order_by("-id"):
        if kind == Identity.Kind.EMAIL:
            emails[customer_id][value] = None
        else:
            phones[customer_id][digits_of(value)] = None
    return emails, phones


def _addresses(ids: Sequence[int], phones: Values) -> dict[int, tuple[Place, ...]]:
    """Places by customer; the phones written on addresses go into `phones`."""
    found: dict[int, tuple[Place, ...]] = {}
    columns = ("customer_id", "line1", "line2", "district", "postal_code", "city", "phone")
    rows = Address.objects.filter(customer_id__in=ids).order_by("-id").values_list(*columns)
    for customer_id, line1, line2, district, postcode, city, phone in rows:
        known = found.get(customer_id, ())
        if len(known) < MOST_VALUES:
            found[customer_id] = (
                *known,
                place_of(lines=(line1, line2, district), postcode=postcode, city=city),
            )
        if phone and not is_masked(phone):
            phones[customer_id][digits_of(phone)] = None
    return found


def _traces(ids: Sequence[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = defaultdict(list)
    parameters: dict[str, Any] = {"merchant_id": scoped_merchant_id(), "ids": list(ids)}
    with connection.cursor() as cursor:
        for code, trace in TRACES.items():
            cursor.execute(trace.sql, parameters)
            for customer_id, key in cursor.fetchall():
                if len(found[customer_id]) < MOST_VALUES:
                    found[customer_id].append(f"{code}:{key}")
    return found
