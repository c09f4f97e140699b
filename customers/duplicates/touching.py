"""One customer changed: compared at once with those who share a key, nobody else."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from crm.lib.tenancy import scoped_merchant_id
from customers.duplicates.blocking import LARGEST_BLOCK, keys_of
from customers.duplicates.keeping import keys_write, offer_of, offers_write, weights_now
from customers.duplicates.persons import Person
from customers.duplicates.reading import persons
from customers.models import DuplicatePair, MatchKeys


@transaction.atomic
def customers_compare(ids: Iterable[int]) -> int:
    """Writes the keys of these customers and the pairs they are in anew; how many pairs are offered.

    Those who are gone (erased, absorbed) lose their keys and their open pairs. In the merchant's scope;
    about ten queries, however many ids; for a handful of ids: the night's pass does all (scanning.py).
    """
    wanted = sorted(set(ids))
    here = list(persons(wanted))
    gone = set(wanted) - {person.id for person in here}
    MatchKeys.objects.filter(customer_id__in=gone).delete()
    keys_write(here)
    others = _neighbours(here)
    known = {person.id: person for person in persons(sorted(set().union(*others.values())))} | {
        person.id: person for person in here
    }
    weights = weights_now(MatchKeys.objects.count()) if others else None
    offers = {}
    for person in here:
        for other_id in others[person.id]:
            if weights is not None and other_id in known:
                offer = offer_of(weights, person, known[other_id])
                if offer is not None:
                    offers[offer.low, offer.high] = offer
    now = timezone.now()
    offers_write(list(offers.values()), now=now)
    touched = Q(low_id__in=wanted) | Q(high_id__in=wanted)
    DuplicatePair.objects.open().filter(touched, compared_at__lt=now).delete()
    return len(offers)


def _neighbours(people: list[Person]) -> dict[int, set[int]]:
    """Who shares a key with whom; keys that too many share are left out. One query a person."""
    sql = f"""
        SELECT found.ids FROM unnest(%s::bigint[]) AS wanted (key), LATERAL (
            SELECT array_agg(customer_id) AS ids FROM (
                SELECT customer_id FROM {MatchKeys._meta.db_table}
                WHERE merchant_id = %s::bigint AND keys @> ARRAY[wanted.key] LIMIT {LARGEST_BLOCK + 1}
            ) sharing
        ) found
        WHERE cardinality(found.ids) <= {LARGEST_BLOCK}
    """
    found: dict[int, set[int]] = {}
    with connection.cursor() as cursor:
        for person in people:
            cursor.execute(sql, [keys_of(person), scoped_merchant_id()])
            found[person.id] = {one for (ids,) in cursor.fetchall() for one in ids} - {person.id}
    return found
