"""Customers of a demo shop, by COPY, chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from itertools import accumulate
from random import Random
from typing import Any

from django.db import transaction

from crm.accounts.models import Membership, Merchant
from crm.demo import words
from crm.demo.parallel import chunks_of, side_by_side, unchecked
from crm.demo.resting import resting
from crm.demo.stories.record import attributes_of
from crm.lib.copying import copy_rows, reserve_ids
from customers.models import Consent, Customer, Identity, Metrics, SearchDocument
from customers.searching import search_rebuild

CHUNK = 20_000
BIG = [Customer, Identity, Metrics, Consent]
CHINESE_SHARE = 0.6
CUSTOMER = (
    *("id", "merchant_id", "name", "email", "phone", "city", "region", "country", "language", "grade"),
    *("tags", "attributes", "owner_id", "birthday_on", "source", "created_at"),
)
IDENTITY = ("merchant_id", "customer_id", "kind", "value", "source", "created_at")
CONSENT = (
    *("merchant_id", "customer_id", "channel", "purpose", "granted", "source", "wording_version"),
    "recorded_at",
)
_GIVEN = list(words.GIVEN)
_CN_WEIGHTS = list(accumulate(row[2] for row in words.CN_CITIES))
_WEST_WEIGHTS = list(accumulate(row[3] for row in words.WEST_CITIES))


@dataclass(frozen=True, slots=True)
class Person:
    """What orders need to know of a customer."""

    id: int
    number: int
    name: str
    email: str
    phone: str
    is_chinese: bool
    city: str
    region: str
    country: str
    language: str
    created_at: datetime


class Crowd:
    """The shop's people: any one can be made again from its number, so none must be remembered."""

    def __init__(self, seed: str, first_id: int, count: int, now: datetime) -> None:
        self.seed, self.first_id, self.count, self.now = seed, first_id, count, now

    def person(self, number: int) -> Person:
        rng = Random(f"{self.seed}:{number}")
        is_chinese = rng.random() < CHINESE_SHARE
        make = _chinese if is_chinese else _western
        name, local, city, region, country, language = make(rng)
        email = f"{local}{number}@{rng.choice(words.DOMAINS)}" if rng.random() < 0.93 else ""
        phone = f"+861{rng.choice('3578')}{number % 10**9:09d}" if is_chinese or not email else ""
        age = timedelta(days=540 * (1 - rng.random() ** 1.4), seconds=rng.randrange(86_400))
        return Person(
            id=self.first_id + number,
            number=number,
            name=name,
            email=email,
            phone=phone,
            is_chinese=is_chinese,
            city=city,
            region=region,
            country=country,
            language=language,
            created_at=self.now - age,
        )

    def between(self, start: int, stop: int) -> list[Person]:
        return [self.person(number) for number in range(start, stop)]


def _chinese(rng: Random) -> tuple[str, str, str, str, str, str]:
    at = min(int(rng.expovariate(0.08)), len(words.SURNAMES) - 1)
    given = rng.choice(_GIVEN)
    city, region, _weight = rng.choices(words.CN_CITIES, cum_weights=_CN_WEIGHTS)[0]
    local = f"{words.SURNAME_PINYIN[at]}.{words.GIVEN[given]}"
    language = "zh-hans" if rng.random() < 0.95 else "zh-hant"
    return words.SURNAMES[at] + given, local, city, region, "CN", language


def _western(rng: Random) -> tuple[str, str, str, str, str, str]:
    first, last = rng.choice(words.FIRST_NAMES), rng.choice(words.LAST_NAMES)
    city, region, country, _weight = rng.choices(words.WEST_CITIES, cum_weights=_WEST_WEIGHTS)[0]
    return f"{first} {last}", _local_part(first, last), city, region, country, "en"


@cache
def _local_part(first: str, last: str) -> str:
    return "".join(letter for letter in f"{first}.{last}".lower() if letter.isascii() and letter not in "’ ")


def people_write(
    *, merchant: Merchant, count: int, seed: str, now: datetime, owners: list[Membership]
) -> Crowd:
    """Customers with identities, consent and empty metrics, each chunk in its own transaction."""
    with transaction.atomic():
        crowd = Crowd(seed, reserve_ids(Customer, count), count, now)

    def write(chunk: tuple[int, int]) -> int:
        people = crowd.between(*chunk)
        with unchecked():
            _copy(merchant, people, seed, now, owners)
        return len(people)

    with resting(BIG, rows=count):
        assert sum(side_by_side(write, chunks_of(count, CHUNK))) == count
    return crowd


def documents_write(*, merchant: Merchant, crowd: Crowd) -> None:
    """What the search box looks at, for everybody in the crowd; each chunk in its own transaction."""

    def write(chunk: tuple[int, int]) -> int:
        start, stop = chunk
        search_rebuild(range(crowd.first_id + start, crowd.first_id + stop))
        return stop - start

    with resting([SearchDocument], rows=crowd.count):
        assert sum(side_by_side(write, chunks_of(crowd.count, CHUNK))) == crowd.count


def _copy(
    merchant: Merchant, people: Sequence[Person], seed: str, now: datetime, owners: list[Membership]
) -> None:
    copy_rows(Customer, CUSTOMER, (_customer_row(merchant, person, seed, owners) for person in people))
    identities = (
        (merchant.pk, person.id, kind, value, "demo", person.created_at)
        for person in people
        for kind, value in (("email", person.email), ("phone", person.phone))
        if value
    )
    copy_rows(Identity, IDENTITY, identities)
    copy_rows(Metrics, ("merchant_id", "customer_id"), ((merchant.pk, person.id) for person in people))
    copy_rows(Consent, CONSENT, (row for person in people for row in _consents(merchant, person, seed, now)))


def _customer_row(merchant: Merchant, person: Person, seed: str, owners: list[Membership]) -> tuple[Any, ...]:
    rng = Random(f"{seed}:facts:{person.number}")
    birthday = None
    if rng.random() < 0.4:
        birthday = date(rng.randint(1955, 2005), rng.randint(1, 12), rng.randint(1, 28))
    return (
        person.id,
        merchant.pk,
        person.name,
        person.email,
        person.phone,
        person.city,
        person.region,
        person.country,
        person.language,
        grade := rng.choice(words.GRADES),
        rng.sample(words.TAGS, rng.choice((0, 0, 0, 1, 1, 2))),
        attributes_of(rng, grade=grade, since=person.created_at.date()),
        rng.choice(owners).pk if owners and rng.random() < 0.3 else None,
        birthday,
        "demo",
        person.created_at,
    )


def _consents(merchant: Merchant, person: Person, seed: str, now: datetime) -> Iterator[tuple[Any, ...]]:
    """Most who have an address allowed mail, some took it back, some were never asked."""
    rng = Random(f"{seed}:consent:{person.number}")
    ways = [("email", bool(person.email), 0.72), ("sms", bool(person.phone), 0.45)]
    ways.append(("wechat", person.is_chinese, 0.5))
    for channel, is_reachable, share in ways:
        if not is_reachable or rng.random() > share:
            continue
        yield (merchant.pk, person.id, channel, "marketing", True, "checkout", "2025-01", person.created_at)
        if channel == "email":
            yield (merchant.pk, person.id, channel, "reviews", True, "checkout", "2025-01", person.created_at)
        if rng.random() < 0.06:
            later = min(now, person.created_at + timedelta(days=rng.randint(1, 30)))
            yield (merchant.pk, person.id, channel, "marketing", False, "unsubscribe", "", later)
