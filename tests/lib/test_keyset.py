"""Pages by key: complete, in order, stable while rows come and go, and refused when tampered with."""

from datetime import timedelta

import pytest
from django.utils import timezone

from crm.lib.errors import Rejected
from crm.lib.keyset import count_of, keyset_page
from customers.models import Customer
from tests.factories.customers import make_customer

pytestmark = pytest.mark.usefixtures("scoped")
RECENT = ("-created_at", "-pk")


def walk(queryset, order, size):
    """All rows page by page."""
    found, after = [], ""
    while True:
        page = keyset_page(queryset, order=order, after=after, size=size)
        found += page.rows
        after = page.after
        if not after:
            return found


@pytest.fixture
def people(merchant):
    """Seven, two of them of one instant; some never bought, two bought for the same sum."""
    now = timezone.now()
    ages, sums = [5, 4, 4, 3, 2, 1, 0], [0, 10, 10, None, 25, None, 3]
    return [
        make_customer(
            merchant,
            created_at=now - timedelta(days=age),
            net=amount or 0,
            last_order_at=now - timedelta(days=amount) if amount is not None else None,
        )
        for age, amount in zip(ages, sums, strict=True)
    ]


@pytest.mark.parametrize(
    "order",
    [
        RECENT,
        ("created_at", "pk"),
        ("-metrics__net", "-pk"),
        ("-metrics__last_order_at", "-pk"),
        ("-metrics__net", "-metrics__pk"),
        ("-metrics__last_order_at", "-metrics__pk"),
        ("metrics__last_order_at", "metrics__pk"),
        ("company__name", "pk"),
        ("name", "-pk"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("size", [1, 2, 3, 7, 50])
def test_the_pages_together_are_every_row_once(people, order, size):
    found = walk(Customer.objects.select_related("metrics"), order, size)

    assert sorted(row.pk for row in found) == sorted(row.pk for row in people)
    assert [row.pk for row in found] == [
        row.pk for row in walk(Customer.objects.select_related("metrics"), order, 50)
    ]


@pytest.mark.parametrize(
    "order", [("-metrics__last_order_at", "-metrics__pk"), ("metrics__last_order_at", "pk")]
)
def test_nulls_come_last(people, order):
    found = walk(Customer.objects.select_related("metrics"), order, 2)

    assert [row.metrics.last_order_at is None for row in found] == [False] * 5 + [True] * 2


def test_a_row_that_appears_meanwhile_is_neither_shown_twice_nor_pushes_one_out(people, merchant):
    first = keyset_page(Customer.objects.all(), order=RECENT, size=3)
    make_customer(merchant)
    second = keyset_page(Customer.objects.all(), order=RECENT, after=first.after, size=50)

    assert {row.pk for row in [*first.rows, *second.rows]} == {row.pk for row in people}


@pytest.mark.parametrize("cursor", ["x", "W10", "WzEsMl0", "eyJhIjoxfQ", "é"], ids=repr)
def test_a_cursor_that_was_not_made_here_is_refused(cursor):
    with pytest.raises(Rejected):
        keyset_page(Customer.objects.all(), order=RECENT, after=cursor)


def test_counts_are_exact_up_to_the_cap_and_say_so(people):
    assert (
        count_of(Customer.objects.all(), cap=7).number,
        count_of(Customer.objects.all(), cap=7).exact,
    ) == (7, True)
    beyond = count_of(Customer.objects.all(), cap=3)
    assert beyond.number >= 3
    assert not beyond.exact
