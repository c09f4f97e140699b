"""Indexes rest while a big shop is loaded, and never stay asleep."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import pytest
from django.db import connection, transaction

from crm.demo import resting, words
from crm.demo.order_rows import ORDER
from crm.demo.shop import Size, shop_make
from orders.models import Order, Shipment

pytestmark = pytest.mark.django_db(transaction=True)
BIG = [Order, Shipment]


@pytest.fixture(autouse=True)
def _all_awake_again() -> Iterator[None]:
    yield
    resting.wake_all()


def kept(name: str) -> bool:
    """Whether the planner may read that index."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indisvalid AND indisready FROM pg_index WHERE indexrelid = %s::regclass", [name]
        )
        return bool(cursor.fetchone()[0])


def test_what_serves_reading_rests_and_what_enforces_a_rule_does_not() -> None:
    with resting.resting(BIG, rows=resting.WORTH_ROWS):
        assert not kept("orders_order_recent") and not kept("orders_shipment_tracking")
        assert kept("orders_order_external")
        assert "orders_order_recent" in resting.asleep()
    assert resting.asleep() == []
    assert kept("orders_order_recent")


def test_few_rows_let_nothing_rest() -> None:
    with resting.resting(BIG, rows=resting.WORTH_ROWS - 1):
        assert resting.asleep() == []


def test_a_fault_inside_wakes_them() -> None:
    with pytest.raises(ZeroDivisionError), resting.resting(BIG, rows=resting.WORTH_ROWS):
        raise ZeroDivisionError
    assert kept("orders_order_recent")


def test_after_a_kill_the_next_start_builds_them() -> None:
    # given a run that died while they rested
    resting._lay_down(BIG)
    asleep = resting.asleep()
    assert len(asleep) > 5
    # when somebody starts again
    assert resting.wake_all() == len(asleep)
    # then
    assert resting.asleep() == []


def test_a_shop_loaded_with_resting_indexes_is_found_by_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resting, "WORTH_ROWS", 1)
    shop = shop_make(slug="rested", size=Size(40, 90, with_stories=False), say=lambda said: None)
    assert resting.asleep() == []
    newest = "SELECT id FROM orders_order WHERE merchant_id = %s ORDER BY placed_at DESC, id DESC"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {newest}", [shop.pk])
        assert "orders_order_recent" in " ".join(row[0] for row in cursor.fetchall())
        cursor.execute(newest, [shop.pk])
        assert cursor.rowcount == 90


def test_our_own_words_need_no_escaping() -> None:
    """crm/demo/order_rows.py writes them into COPY's text and into JSON as they are."""
    said = chain.from_iterable(
        (*row,) if isinstance(row, tuple) else (row,)
        for rows in (
            words.SURNAMES, words.GIVEN, words.FIRST_NAMES, words.LAST_NAMES, words.CN_CITIES,
            words.WEST_CITIES, words.CARRIERS, words.PRODUCTS, words.CHANNELS,
        )
        for row in rows
    )  # fmt: skip
    wrong = [word for word in map(str, said) if set(word) & set('\t\n\r\\"')]
    assert wrong == []
    assert len(ORDER) == len(set(ORDER))
