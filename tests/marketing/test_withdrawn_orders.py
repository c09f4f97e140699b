"""An undone import leaves no points, score, or day of Home behind; told by the events alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.utils import timezone

from crm.accounts.models import Merchant
from crm.events.delivering import deliver
from crm.events.models import Delivery, Event
from crm.imports.models import KeptRow
from crm.lib.tenancy import merchant_scope
from customers.models import Customer, Metrics
from marketing.insight import rollups
from marketing.insight.models import Day
from marketing.loyalty import settling
from marketing.loyalty.models import PointsEntry, Program
from marketing.models import TouchedCustomer
from marketing.segments import refreshing
from orders import metrics
from orders.models import Order, Refund
from tests.factories.customers import make_customer
from tests.factories.loyalty import make_program
from tests.factories.orders import make_order, make_refund
from tests.orders.import_support import csv_of, imported, undone

HEADER = ["Order", "Order date", "Email", "SKU", "Qty", "Unit price", "Payment status"]


def work() -> None:
    """Carries every event that is owed to somebody; nobody may fail."""
    while pending := list(
        Delivery.objects.filter(state="pending").order_by("pk").values_list("pk", flat=True)
    ):
        for pk in pending:
            deliver(pk)
    assert not Delivery.objects.exclude(state="done").exists()


def settle(merchant: Merchant, *people: Customer) -> None:
    settling.settle(merchant=merchant, customer_ids=[one.pk for one in people])


def points_of(customer: Customer) -> int:
    return int(Metrics.objects.get(customer=customer).points)


@pytest.fixture
def li(scoped: Merchant) -> Customer:
    scoped.base_currency = "GBP"
    scoped.save()
    make_program(scoped)
    return make_customer(scoped, "Li", email="li@example.com")


def bring_in(merchant: Merchant) -> object:
    today = timezone.now().strftime("%Y-%m-%d")
    rows = [HEADER, ["S1", f"{today} 00:30", "li@example.com", "T1", "2", "40.00", "paid"]]
    return imported(merchant, csv_of(rows), currency="GBP")


def test_points_of_a_withdrawn_order_are_taken_back_once(scoped: Merchant, li: Customer) -> None:
    batch = bring_in(scoped)
    work()
    settle(scoped, li)
    kept = make_order(scoped, li, lines=[("Pot", 1, "10")])
    settle(scoped, li)
    assert points_of(li) == 90
    undone(scoped, batch)
    assert not Order.objects.filter(number="S1").exists()
    withdrawn = Event.objects.get(name="orders.order_withdrawn")
    work()
    assert points_of(li) == 10
    [counter] = PointsEntry.objects.filter(kind="reverse")
    assert (counter.points, counter.order_id) == (-80, withdrawn.subject_id)
    assert Event.objects.filter(name="loyalty.points_taken", customer_id=li.pk).count() == 1
    # Told again, and all at once: nothing more is taken.
    Delivery.objects.filter(event=withdrawn, handler="loyalty.settle").update(state="pending")
    work()
    settling.recalculate_merchant(merchant=scoped, program=Program.objects.get())
    assert points_of(li) == 10
    assert PointsEntry.objects.count() == 3
    assert PointsEntry.objects.filter(order_id=kept.pk).count() == 1


def test_the_import_and_its_undo_settle_everybody_in_the_background(
    scoped: Merchant, li: Customer, rung: Callable
) -> None:
    batch = bring_in(scoped)
    assert ("loyalty.recalculate_merchant", [scoped.pk], False) in rung(work)
    undone(scoped, batch)
    assert ("loyalty.recalculate_merchant", [scoped.pk], False) in rung(work)


def test_a_withdrawn_refund_gives_its_points_back(scoped: Merchant, li: Customer) -> None:
    order = make_order(scoped, li, lines=[("Pot", 1, "100")])
    refund = make_refund(order, "30")
    Refund.objects.filter(pk=refund.pk).update(order=None)
    settle(scoped, li)
    assert points_of(li) == 70
    Refund.objects.filter(pk=refund.pk).delete()
    settle(scoped, li)
    settle(scoped, li)
    assert points_of(li) == 100
    assert list(PointsEntry.objects.order_by("pk").values_list("points", flat=True)) == [100, -30, 30]


def test_expired_points_are_not_taken_twice(scoped: Merchant, li: Customer) -> None:
    order = make_order(scoped, li, lines=[("Pot", 1, "100")])
    settle(scoped, li)
    PointsEntry.objects.update(expires_at=timezone.now() - timedelta(days=1))
    settle(scoped, li)
    assert points_of(li) == 0
    order.lines.all().delete()
    Order.objects.filter(pk=order.pk).delete()
    settle(scoped, li)
    assert points_of(li) == 0


def test_score_and_days_are_as_before(scoped: Merchant, li: Customer) -> None:
    make_order(scoped, li, lines=[("Pot", 1, "10")])
    metrics.refresh(merchant_id=scoped.pk)
    TouchedCustomer.objects.create(merchant=scoped, customer_id=li.pk)
    refreshing.touched_reevaluate(merchant=scoped)
    before = Metrics.objects.values_list("score", "frequency_bin", "net").get(customer=li)
    rollups.recount_all(merchant=scoped)
    days = sum(Day.objects.values_list("revenue", flat=True))

    batch = bring_in(scoped)
    follow_up(scoped)
    assert sum(Day.objects.values_list("revenue", flat=True)) == days + Decimal(80)
    TouchedCustomer.objects.create(merchant=scoped, customer_id=li.pk)
    refreshing.touched_reevaluate(merchant=scoped)
    assert Metrics.objects.get(customer=li).score > before[0]

    undone(scoped, batch)
    follow_up(scoped)
    assert sum(Day.objects.values_list("revenue", flat=True)) == days
    assert Metrics.objects.values_list("score", "frequency_bin", "net").get(customer=li) == before


def test_days_before_everything_that_is_left_are_empty_again(scoped: Merchant, li: Customer) -> None:
    rows = [HEADER, ["S1", "2024-03-01 09:00", "new@example.com", "T1", "2", "40.00", "paid"]]
    batch = imported(scoped, csv_of(rows))
    follow_up(scoped)
    assert sum(Day.objects.values_list("revenue", flat=True)) == Decimal(80)
    undone(scoped, batch)
    follow_up(scoped)
    assert sum(Day.objects.values_list("revenue", flat=True)) == 0
    assert not Day.objects.filter(on__year=2024).exists()


def follow_up(merchant: Merchant) -> None:
    """The events, and what their handlers rang for, once its time has come."""
    work()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE marketing_touchedcustomer SET due_at = now() - interval '1 second'")
    refreshing.touched_sweep()
    rollups.sweep()


def test_nobody_fails_over_a_customer_who_is_gone_too(scoped: Merchant) -> None:
    make_program(scoped)
    rows = [HEADER, ["S1", "2024-03-01 09:00", "new@example.com", "T1", "2", "40.00", "paid"]]
    undone(scoped, imported(scoped, csv_of(rows)))
    assert not Customer.objects.exists()
    assert not KeptRow.objects.exists()
    follow_up(scoped)
    with merchant_scope(scoped):
        assert not PointsEntry.objects.exists()
