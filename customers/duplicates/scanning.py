"""The night's pass: every customer of a shop against those who share a key, in constant memory.

1. Customers are read by 5,000: their keys are written where they changed; what is compared goes to a scratch
   file.
2. PostgreSQL joins the keys; the pairs of ids go to a second one.
3. The weights are estimated from the pairs of a sample of customers, and from pairs drawn at random.
4. The pairs are compared in the order of the files; what is worth a look is written by 500, each a
   transaction of its own, so that nobody who decides at the same time waits.

A million customers take some hundred MB of scratch files and 16 MB of memory (their places in the file).
"""

from __future__ import annotations

import marshal
import tempfile
import time
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, field
from functools import lru_cache
from itertools import islice
from random import Random
from typing import IO, Any

from django.db import connection, transaction
from django.utils import timezone

from crm.lib.tenancy import scoped_merchant_id
from customers.duplicates.blocking import LARGEST_BLOCK
from customers.duplicates.comparing import compare
from customers.duplicates.keeping import keys_write, offer_of, offers_write
from customers.duplicates.persons import Name, Person, Place
from customers.duplicates.reading import persons
from customers.duplicates.weighing import Pattern, Weights, estimate, frequent_names, prior_weights
from customers.models import Customer, DuplicatePair, MatchKeys, MatchWeights

CHUNK = 5_000
WRITTEN_AT_ONCE = 500
# Enough for shares of a thousandth; more only costs time.
MOST_SAMPLED, STRANGERS = 30_000, 20_000
# PostgreSQL's own default is too small for the join of the keys.
WORK_MEMORY = "64MB"


@dataclass(frozen=True)
class Scan:
    """What a pass did. `seconds` is wall time."""

    customers: int
    pairs: int
    offered: int
    seconds: float


@dataclass
class _Shelf:
    """Persons in a scratch file, found by id."""

    file: IO[bytes]
    ids: array[int] = field(default_factory=lambda: array("q"))
    starts: array[int] = field(default_factory=lambda: array("q", [0]))

    def __post_init__(self) -> None:
        self.get = lru_cache(maxsize=2_000)(self._get)

    def put(self, people: list[Person]) -> None:
        """In ascending order of ids."""
        for person in people:
            packed = marshal.dumps(_packed(person))
            self.file.write(packed)
            self.ids.append(person.id)
            self.starts.append(self.starts[-1] + len(packed))

    def _get(self, customer_id: int) -> Person | None:
        """None for somebody who came or went since."""
        at = bisect_left(self.ids, customer_id)
        return self.at(at) if at < len(self.ids) and self.ids[at] == customer_id else None

    def at(self, at: int) -> Person:
        self.file.seek(self.starts[at])
        return _unpacked(marshal.loads(self.file.read(self.starts[at + 1] - self.starts[at])))


def _packed(person: Person) -> tuple[Any, ...]:
    places = tuple((one.line, tuple(one.numbers), one.postcode, one.city) for one in person.places)
    return (
        *(person.id, astuple(person.name), person.emails, person.phones, person.born, places),
        tuple(person.shared),
    )


def _unpacked(packed: tuple[Any, ...]) -> Person:
    pk, name, emails, phones, born, places, shared = packed
    homes = tuple(Place(line, frozenset(numbers), code, city) for line, numbers, code, city in places)
    return Person(pk, Name(*name), emails, phones, born, homes, frozenset(shared))


def duplicates_find() -> Scan:
    """Compares everybody of the scope's merchant. Open pairs that no longer hold go; decided ones stay."""
    started, now = time.monotonic(), timezone.now()
    with tempfile.TemporaryFile() as store, tempfile.TemporaryFile("w+") as paired:
        shelf = _Shelf(store)
        _fill(shelf)
        count = _pairs_to(paired)
        weights = _estimated(shelf, paired, count)
        offered = _compare_all(shelf, paired, weights)
    DuplicatePair.objects.open().filter(compared_at__lt=now).delete()
    scan = Scan(len(shelf.ids), count, offered, time.monotonic() - started)
    MatchWeights.objects.update_or_create(
        merchant_id=scoped_merchant_id(),
        defaults={
            "weights": weights.as_json(),
            "customers": scan.customers,
            "pairs": scan.pairs,
            "seconds": scan.seconds,
            "estimated_at": now,
        },
    )
    return scan


def _fill(shelf: _Shelf) -> None:
    last = 0
    while ids := list(
        Customer.objects.present().filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:CHUNK]
    ):
        people = list(persons(ids))
        with transaction.atomic():
            keys_write(people)
        shelf.put(people)
        last = ids[-1]
    absent = MatchKeys.objects.exclude(customer_id__in=Customer.objects.present().values("pk"))
    absent.delete()


def _pairs_to(target: IO[str]) -> int:
    """Each pair that shares a key of few people once, the lower id first, in their order; how many."""
    sql = f"""
        COPY (
            WITH blocks AS (
                SELECT array_agg(customer_id) AS ids
                FROM (SELECT customer_id, unnest(keys) AS key FROM {MatchKeys._meta.db_table}
                      WHERE merchant_id = {scoped_merchant_id():d}) every
                GROUP BY key HAVING count(*) BETWEEN 2 AND {LARGEST_BLOCK}
            )
            SELECT DISTINCT low, high FROM blocks, unnest(ids) low, unnest(ids) high
            WHERE low < high ORDER BY low, high
        ) TO STDOUT
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT set_config('work_mem', %s, true)", [WORK_MEMORY])
        cursor.cursor.copy_expert(sql, target)
        return int(cursor.rowcount)


def _pairs_in(source: IO[str], shelf: _Shelf, every: int = 1) -> Iterator[tuple[Person, Person]]:
    """Every pair of the file, or every n-th."""
    source.seek(0)
    for line in islice(source, 0, None, every):
        low, high = line.split("\t")
        one, other = shelf.get(int(low)), shelf.get(int(high))
        if one is not None and other is not None:
            yield one, other


def _estimated(shelf: _Shelf, paired: IO[str], count: int) -> Weights:
    """The weights of this shop, from every n-th pair, so that true pairs keep their share."""
    total = len(shelf.ids)
    every = max(1, -(-count // MOST_SAMPLED))
    named = range(0, total, max(1, total // MOST_SAMPLED))
    start = prior_weights(total, frequent_names(shelf.at(at) for at in named))
    return estimate(
        _patterns(start, _pairs_in(paired, shelf, every)),
        _patterns(start, _strangers(shelf)),
        pairs=total * (total - 1) / 2 / every,
        start=start,
    )


def _patterns(weights: Weights, pairs: Iterable[tuple[Person, Person]]) -> Counter[Pattern]:
    return Counter(weights.pattern(compare(one, other), one) for one, other in pairs)


def _strangers(shelf: _Shelf) -> Iterator[tuple[Person, Person]]:
    total = len(shelf.ids)
    rng = Random(total)
    for _round in range(min(STRANGERS, total * (total - 1) // 2)):
        one, other = rng.sample(range(total), 2)
        yield shelf.at(one), shelf.at(other)


def _compare_all(shelf: _Shelf, paired: IO[str], weights: Weights) -> int:
    offered, waiting = 0, []
    for one, other in _pairs_in(paired, shelf):
        offer = offer_of(weights, one, other)
        if offer is None:
            continue
        waiting.append(offer)
        if len(waiting) >= WRITTEN_AT_ONCE:
            offered += _written(waiting)
            waiting = []
    return offered + _written(waiting)


def _written(offers: list[Any]) -> int:
    with transaction.atomic():
        return offers_write(offers, now=timezone.now())
