"""The generated shop: sound, the same each time, and as good when several processes make it."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from crm.accounts.models import Merchant
from crm.demo import parallel, people, sales
from crm.demo.shop import Size, shop_make
from crm.events.models import Event
from crm.lib.tenancy import merchant_scope
from customers.models import Customer
from orders.models import Order, OrderLine, Payment

SIZE = Size(customers=60, orders=240)


def make(slug: str, size: Size = SIZE) -> Merchant:
    return shop_make(slug=slug, size=size, say=lambda words: None)


def dangling() -> list[str]:
    """The foreign keys, whoever checks them, that point at nothing."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT conname, conrelid::regclass::text, confrelid::regclass::text,
                   ARRAY(SELECT attname FROM unnest(conkey) WITH ORDINALITY AS k (number, at)
                         JOIN pg_attribute ON attrelid = conrelid AND attnum = k.number ORDER BY at),
                   ARRAY(SELECT attname FROM unnest(confkey) WITH ORDINALITY AS k (number, at)
                         JOIN pg_attribute ON attrelid = confrelid AND attnum = k.number ORDER BY at)
            FROM pg_constraint WHERE contype = 'f' AND connamespace = 'public'::regnamespace
            """
        )
        keys = cursor.fetchall()
        broken = []
        for name, table, target, here, there in keys:
            same = " AND ".join(f"t.{other} = r.{one}" for one, other in zip(here, there, strict=True))
            given = " AND ".join(f"r.{one} IS NOT NULL" for one in here)
            cursor.execute(
                f"SELECT EXISTS (SELECT FROM {table} r WHERE {given}"
                f" AND NOT EXISTS (SELECT FROM {target} t WHERE {same}))"
            )
            if cursor.fetchone()[0]:
                broken.append(name)
    assert len(keys) > 50
    return broken


def story(merchant: Merchant) -> list[tuple[object, ...]]:
    """What stands in the shop, without its keys."""
    with merchant_scope(merchant):
        who = Customer.objects.order_by("id").values_list("name", "email", "phone", "city", "tags")
        orders = Order.objects.order_by("id").values_list(
            "number", "total", "currency", "payment", "customer__name"
        )
        lines = OrderLine.objects.order_by("id").values_list("sku", "quantity", "total")
        return [*who, *orders, *lines]


def assert_dated_in_the_past(merchant: Merchant) -> None:
    """The first customers of the list are buyers, and points were earned when their order was paid."""
    with merchant_scope(merchant):
        newest = Customer.objects.order_by("-created_at").values_list("source", flat=True)[:5]
        assert not set(newest) & {"checkout", "import"}
        days = {
            at.date()
            for at in Event.objects.filter(name="loyalty.points_earned").values_list("occurred_at", flat=True)
        }
    assert len(days) > 10


@pytest.mark.django_db(transaction=True)
def test_one_process_or_several_make_the_same_sound_shop(monkeypatch: pytest.MonkeyPatch) -> None:
    # given one shop made at once; its size alone says what stands in it
    alone = make("alone")
    assert dangling() == []
    assert story(alone) == story(make("again"))
    assert_dated_in_the_past(alone)
    # when another of the same size is made in chunks
    monkeypatch.setattr(people, "CHUNK", 25)
    monkeypatch.setattr(sales, "CHUNK", 60)
    shared = make("shared")
    # then it is as sound, as large, and its people are the same
    assert dangling() == []
    ours, theirs = story(shared), story(alone)
    assert len(ours) > SIZE.customers + 2 * SIZE.orders
    # (their tags can differ: who is merged with whom in the stories depends on who bought what)
    assert [one[:4] for one in ours[: SIZE.customers]] == [one[:4] for one in theirs[: SIZE.customers]]
    with merchant_scope(shared):
        assert Order.objects.count() == SIZE.orders
        assert Payment.objects.exists()
        event = Event.objects.filter(name="orders.order_placed").order_by("id").first()
        assert event is not None
        order = Order.objects.get(pk=event.data["order_id"])
        assert (event.data["number"], event.data["total"]) == (order.number, f"{order.total:.2f}")


@pytest.mark.django_db(transaction=True)
def test_a_chunk_that_fails_is_told() -> None:
    with pytest.raises(ZeroDivisionError):
        list(parallel.side_by_side(lambda number: 1 // number, [1, 0, 1]))


@pytest.mark.django_db(transaction=True)
def test_unchecked_ends_with_its_transaction() -> None:
    def role() -> str:
        with connection.cursor() as cursor:
            cursor.execute("SHOW session_replication_role")
            return str(cursor.fetchone()[0])

    assert role() == "origin"
    with transaction.atomic(), parallel.unchecked():
        assert role() in {"replica", "origin"}  # as far as this database's user may
        transaction.set_rollback(True)
    assert role() == "origin"


def test_a_taken_name_or_a_wrong_size_is_a_clear_error(merchant: Merchant) -> None:
    with pytest.raises(CommandError, match="at least one customer"):
        call_command("demo", customers=0)
    with pytest.raises(CommandError):
        call_command("demo", customers=5, orders=5, merchant=merchant.slug, bare=True)
