"""Random lives of three records: whatever is merged, undone, ordered, refunded and said, nothing is lost,
nothing doubled, and nobody becomes easier to write to."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from itertools import count
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from customers.consent import consent_now, consent_record
from customers.merging.registry import REGISTRY, table_of
from customers.merging.services import customers_merge, merge_undo
from customers.models import Customer, MergeRecord, Metrics, Note
from customers.notes import note_add
from customers.searching import search_rebuild
from marketing.loyalty.merging import refresh_balance
from marketing.loyalty.models import PointsEntry
from marketing.loyalty.services import points_correct
from orders.models import Order, Refund
from tests.customers.merging.support import dump, new_order, refund
from tests.factories.accounts import make_member
from tests.factories.customers import make_customer

PEOPLE = 3
EXAMPLES = 15
_names = count(1)

person = st.integers(0, PEOPLE - 1)
merge = st.tuples(st.just("merge"), person, person)
undo = st.tuples(st.just("undo"), st.integers(0, 5), st.just(0))
event = st.one_of(
    st.tuples(st.just("order"), person, st.just(0)),
    st.tuples(st.just("refund"), st.integers(0, 9), st.just(0)),
    st.tuples(st.just("consent"), person, st.integers(0, 1)),
    st.tuples(st.just("note"), person, st.just(0)),
    st.tuples(st.just("points"), person, st.integers(1, 50)),
)
lives = st.lists(st.one_of(merge, undo, event), min_size=4, max_size=14)
before_lives = st.lists(event, max_size=6)


class _Over(Exception):
    """Ends an example; what it wrote is taken back."""


class Life:
    """Three records with an address each, and what was done to them."""

    def __init__(self, shop: Any, author: Any) -> None:
        self.shop, self.author = shop, author
        self.people = [
            make_customer(shop, f"P{number}", email=f"p{next(_names)}@example.com")
            for number in range(PEOPLE)
        ]
        self.addresses = [one.email for one in self.people]
        self.granted_by: set[int] = set()
        search_rebuild([one.pk for one in self.people])

    def now(self, number: int) -> Customer:
        one = Customer.objects.select_related("merged_into", "merchant").get(pk=self.people[number].pk)
        return one.merged_into or one

    def do(self, step: tuple[str, int, int]) -> None:
        getattr(self, f"do_{step[0]}")(step[1], step[2])

    def do_order(self, number: int, _rest: int) -> None:
        new_order(self.shop, email=self.addresses[number])

    def do_refund(self, number: int, _rest: int) -> None:
        orders = list(Order.objects.order_by("pk"))
        if orders:
            refund(self.shop, orders[number % len(orders)], "1")

    def do_consent(self, number: int, granted: int) -> None:
        consent_record(
            merchant=self.shop,
            customer=self.now(number),
            channel="email",
            granted=bool(granted),
            source="form",
        )

    def do_note(self, number: int, _rest: int) -> None:
        note_add(customer=self.now(number), author=self.author, text="x")

    def do_points(self, number: int, points: int) -> None:
        points_correct(
            merchant=self.shop, customer=self.now(number), points=points, reason="x", key=f"k{next(_names)}"
        )

    def do_merge(self, number: int, other: int) -> None:
        survivor, absorbed = self.now(number), self.now(other)
        if survivor.pk == absorbed.pk:
            return
        sides = [consent_now(customer=one, channel="email") for one in (survivor, absorbed)]
        customers_merge(survivor=survivor, absorbed=absorbed)
        held = consent_now(customer=survivor, channel="email")
        if False in sides:
            assert held is False, f"{sides} became {held}"
        if held is True:
            assert True in sides, "nobody had allowed it"
            survivor.refresh_from_db()
            if None in sides:
                granting = (survivor, absorbed)[sides.index(True)]
                assert survivor.email in (granting.email, absorbed.email), "an address that nobody allowed"

    def do_undo(self, number: int, _rest: int) -> None:
        records = list(MergeRecord.objects.filter(state="active").order_by("pk"))
        if not records:
            return
        record = records[number % len(records)]
        held = consent_now(customer=record.survivor.merged_into or record.survivor, channel="email")
        merge_undo(record=record)
        absorbed = consent_now(customer=record.absorbed, channel="email")
        assert absorbed is not True or held is True, f"{held} became {absorbed}"

    # --- what always holds ---

    def totals(self) -> dict[str, Any]:
        """Rows of each kind, and the sums that people see, over all three."""
        ids = [one.pk for one in self.people]
        rows: Counter[str] = Counter()
        with connection.cursor() as cursor:
            for model, column in REGISTRY.rows:
                if model.split(".")[1] in ("Order", "OrderLine", "Refund", "Note", "PointsEntry", "Identity"):
                    cursor.execute(
                        f"SELECT count(*) FROM {table_of(model)} WHERE {column} = ANY(%s::bigint[])", [ids]
                    )
                    rows[model] = cursor.fetchone()[0]
        figures = Metrics.objects.filter(pk__in=ids).values_list("orders_count", "net", "points")
        counted = [sum((row[column] for row in figures), Decimal(0)) for column in range(3)]
        return {"rows": dict(rows), "counted": counted}

    def check(self) -> None:
        found = self.totals()
        orders = Order.objects.count()
        assert found["rows"]["orders.Order"] == orders
        assert found["rows"]["orders.OrderLine"] == orders
        assert found["rows"]["orders.Refund"] == Refund.objects.count()
        assert found["rows"]["customers.Note"] == Note.objects.count()
        net = sum((one.total - one.refunded for one in Order.objects.all()), Decimal(0))
        points = sum(PointsEntry.objects.values_list("points", flat=True))
        assert found["counted"] == [orders, net, points]
        for one in Customer.objects.filter(merged_into__isnull=False):
            assert Metrics.objects.get(pk=one.pk).orders_count == 0, "an absorbed one has nothing"
        for one in Order.objects.select_related("customer"):
            owner = next(number for number, address in enumerate(self.addresses) if address == one.email)
            assert one.customer_id == self.now(owner).pk, "an order is with whom its address names"


@pytest.fixture
def author(scoped):
    return make_member(scoped, "agent")


def live(scoped: Any, author: Any, story: Any) -> None:
    """Runs one example in a transaction of its own."""
    try:
        with transaction.atomic():
            story(Life(scoped, author))
            raise _Over
    except _Over:
        pass


bounded = settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.django_db
@bounded
@given(steps=lives)
def test_nothing_is_lost_or_doubled(scoped, author, steps):
    def story(life: Life) -> None:
        for step in steps:
            life.do(step)
            life.check()

    live(scoped, author, story)


@pytest.mark.django_db
@bounded
@given(before=before_lives, merges=st.lists(merge, min_size=1, max_size=3), order=st.permutations([0, 1, 2]))
def test_when_nothing_happened_since_everything_is_as_before(scoped, author, before, merges, order):
    """Any merges, undone in any order."""

    def story(life: Life) -> None:
        for step in before:
            life.do(step)
        refresh_balance(scoped.pk, [one.pk for one in life.people])
        was = [dump(one) for one in life.people]
        for step in merges:
            life.do(step)
        records = list(MergeRecord.objects.order_by("pk"))
        for place in order:
            if place < len(records):
                merge_undo(record=records[place])
        assert [dump(one) for one in life.people] == was

    live(scoped, author, story)
