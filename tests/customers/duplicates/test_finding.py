"""Customers of a shop, and who of them is offered as one person."""

from __future__ import annotations

from datetime import date

import pytest

from crm.accounts.models import Merchant
from customers.duplicates.scanning import duplicates_find
from customers.duplicates.touching import customers_compare
from customers.models import Customer, DuplicatePair, MatchKeys, MatchWeights
from tests.factories.customers import make_address, make_customer, make_identity
from tests.factories.orders import make_order

pytestmark = pytest.mark.django_db


def people(merchant: Merchant, count: int = 30) -> None:
    """A shop that has enough strangers to tell what agreement is worth."""
    given = ["Ada", "Bruno", "Chloe", "Dmitri", "Elif", "Femi", "Greta", "Hiro", "Ines", "Jamal"]
    family = ["Okafor", "Petrov", "Quiroga", "Rossi", "Svensson"]
    for at in range(count):
        make_customer(
            merchant,
            f"{given[at % 10]} {family[at % 5]}{at // 10}x",
            email=f"somebody{at * 7919}@shop{at}.example.org",
            birthday_on=date(1960 + at, 1 + at % 12, 1 + at % 28),
        )


def offered() -> dict[tuple[int, int], str]:
    return {(one.low_id, one.high_id): one.band for one in DuplicatePair.objects.open()}


def pair(one: Customer, other: Customer) -> tuple[int, int]:
    return (min(one.pk, other.pk), max(one.pk, other.pk))


TWINS = [
    (
        "typing error, same birthday",
        {"name": "Margaret Whitfield", "birthday_on": date(1971, 3, 4), "city": "Leeds"},
        {"name": "Margret Whitfield", "birthday_on": date(1971, 3, 4), "city": "Leeds"},
    ),
    (
        "Gmail's dots and plus",
        {"name": "Robert Marsh", "email": "robert.marsh@gmail.com"},
        {"name": "Bob Marsh", "email": "robertmarsh+tea@gmail.com"},
    ),
    (
        "Chinese letters and pinyin in Western order",
        {"name": "李晓梅", "email": "lixiaomei88@163.com"},
        {"name": "Xiaomei Li", "email": "lixiaomei88@qq.com"},
    ),
    (
        "traditional letters",
        {"name": "張偉明", "birthday_on": date(1988, 8, 8), "city": "上海"},
        {"name": "张伟明", "birthday_on": date(1988, 8, 8), "city": "上海"},
    ),
]


@pytest.mark.parametrize("case, one, other", TWINS, ids=[row[0] for row in TWINS])
def test_a_changed_customer_is_compared_at_once(scoped: Merchant, case: str, one: dict, other: dict) -> None:
    people(scoped)
    first, second = make_customer(scoped, **one), make_customer(scoped, **other)
    customers_compare([first.pk])
    assert offered() == {}
    customers_compare([second.pk])
    assert set(offered()) == {pair(first, second)}


@pytest.mark.parametrize("case, one, other", TWINS, ids=[row[0] for row in TWINS])
def test_the_night_finds_the_same(scoped: Merchant, case: str, one: dict, other: dict) -> None:
    people(scoped)
    first, second = make_customer(scoped, **one), make_customer(scoped, **other)
    scan = duplicates_find()
    assert set(offered()) == {pair(first, second)}
    assert scan.customers == 32 and scan.offered == 1
    assert MatchWeights.objects.get().customers == 32


def household(merchant: Merchant, other_name: str, **fields: object) -> tuple[Customer, Customer]:
    pair_made = (
        make_customer(merchant, "Thomas Bergmann", birthday_on=date(1980, 5, 6)),
        make_customer(merchant, other_name, **fields),
    )
    for one in pair_made:
        make_address(one, line1="Lindenweg 14", postal_code="20099", city="Hamburg", phone="+494012345678")
    return pair_made


def test_a_couple_at_one_address_with_one_phone_is_not_offered(scoped: Merchant) -> None:
    people(scoped)
    household(scoped, "Ulrike Bergmann", birthday_on=date(1982, 7, 1))
    duplicates_find()
    assert offered() == {}


def test_father_and_son_of_one_name_are_never_certain(scoped: Merchant) -> None:
    people(scoped)
    father, son = household(scoped, "Thomas Bergmann", birthday_on=date(2004, 2, 9))
    duplicates_find()
    assert offered().get(pair(father, son), "likely") == "likely"


def test_a_shared_phone_alone_offers_nobody(scoped: Merchant) -> None:
    people(scoped)
    make_customer(scoped, "Anna Kowalska", phone="+48601234567")
    other = make_customer(scoped, "Piotr Zielinski")
    make_address(other, line1="Prosta 1", phone="+48601234567")
    duplicates_find()
    assert offered() == {}


def test_orders_that_went_to_one_place_speak_for_one_person(scoped: Merchant) -> None:
    people(scoped)
    first = make_customer(scoped, "Sofia Almeida", email="sofia.a@one.example")
    second = make_customer(scoped, "Sofia Almeida", email="orders@two.example")
    place = {"line1": "Rua Augusta 20", "postal_code": "1100", "city": "Lisboa"}
    for one in (first, second):
        make_order(scoped, customer=one, shipping_address=place)
    duplicates_find()
    found = DuplicatePair.objects.get()
    assert (found.low_id, found.high_id) == pair(first, second)
    assert {"field": "orders", "level": "same"}.items() <= {
        key: value for line in found.evidence if line["field"] == "orders" for key, value in line.items()
    }.items()


def test_the_gone_lose_their_keys_and_pairs(scoped: Merchant) -> None:
    people(scoped)
    first = make_customer(scoped, "Robert Marsh", email="robert.marsh@gmail.com")
    second = make_customer(scoped, "Bob Marsh", email="robertmarsh@gmail.com")
    duplicates_find()
    assert set(offered()) == {pair(first, second)}
    Customer.objects.filter(pk=second.pk).update(erased_at="2026-01-01T00:00:00Z")
    customers_compare([second.pk])
    assert offered() == {} and not MatchKeys.objects.filter(customer=second).exists()


def test_a_pair_that_no_longer_agrees_goes(scoped: Merchant) -> None:
    people(scoped)
    first = make_customer(scoped, "Robert Marsh", email="robert.marsh@gmail.com")
    make_customer(scoped, "Bob Marsh", email="robertmarsh@gmail.com")
    duplicates_find()
    assert offered()
    Customer.objects.filter(pk=first.pk).update(name="Zoltan Kiss", email="z@kiss.example")
    first.identities.all().delete()
    duplicates_find()
    assert offered() == {}


def test_refused_stays_refused_until_strong_evidence_comes(scoped: Merchant) -> None:
    people(scoped)
    first = make_customer(
        scoped, "Robert Marsh", email="robert.marsh@gmail.com", birthday_on=date(1970, 1, 2)
    )
    second = make_customer(scoped, "Bob Marsh", email="robertmarsh@gmail.com")
    duplicates_find()
    found = DuplicatePair.objects.get()
    found.state = DuplicatePair.State.REFUSED
    found.save()
    duplicates_find()
    customers_compare([first.pk, second.pk])
    assert offered() == {}
    Customer.objects.filter(pk=second.pk).update(birthday_on=date(1970, 1, 2))
    customers_compare([second.pk])
    assert offered() == {pair(first, second): "certain"}


def test_a_rival_is_never_compared(scoped: Merchant, rival: Merchant) -> None:
    from crm.lib.tenancy import merchant_scope

    first = make_customer(scoped, "Robert Marsh", email="robert.marsh@gmail.com")
    with merchant_scope(rival):
        make_customer(rival, "Robert Marsh", email="robertmarsh@gmail.com")
        duplicates_find()
    customers_compare([first.pk])
    duplicates_find()
    assert offered() == {}


def test_no_value_of_a_person_stands_in_what_is_kept(scoped: Merchant) -> None:
    people(scoped)
    make_customer(scoped, "Robert Marsh", email="robert.marsh@gmail.com")
    other = make_customer(scoped, "Bob Marsh", email="robertmarsh@gmail.com")
    make_identity(other, kind="phone", value="+441632960001")
    duplicates_find()
    kept = str(list(DuplicatePair.objects.values())) + str(list(MatchKeys.objects.values()))
    assert "marsh" not in kept.lower() and "960001" not in kept
