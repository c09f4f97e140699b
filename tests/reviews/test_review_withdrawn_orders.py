"""Undoing an import never takes away an order that a review or an invitation rests on.

So "verified purchase" can't outlive its order: the database computes it from the order line, keeps the line
while a review points at it, and the undo says why the order stays.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from crm.accounts.models import Merchant
from crm.events.delivering import deliver
from crm.events.emitting import emit
from crm.events.models import Delivery, Event
from crm.imports.models import ImportBatch, KeptRow
from crm.integrations.models.outbox import OutboundMail
from customers.consent import consent_record
from customers.models import Customer
from orders.events import ORDER_DELIVERED
from orders.models import Order, OrderLine
from reviews import services
from reviews.inviting import sweep
from reviews.models import Review, ReviewRequest
from tests.factories.customers import make_customer
from tests.orders.import_support import csv_of, imported, undone

pytestmark = pytest.mark.django_db
HEADER = ["Order", "Order date", "Email", "SKU", "Qty", "Unit price", "Payment status"]


@pytest.fixture
def li(scoped: Merchant) -> Customer:
    li = make_customer(scoped, "Li", email="li@example.com")
    consent_record(
        merchant=scoped, customer=li, channel="email", purpose="reviews", granted=True, source="checkout"
    )
    return li


@pytest.fixture
def batch(scoped: Merchant, li: Customer) -> ImportBatch:
    """Two orders of Li's: S1 and S2."""
    rows = [[name, "2026-03-01 09:00", "li@example.com", "T1", "1", "40.00", "paid"] for name in ("S1", "S2")]
    return imported(scoped, csv_of([HEADER, *rows]))


def work() -> None:
    for pk in Delivery.objects.filter(state="pending").order_by("pk").values_list("pk", flat=True):
        assert deliver(pk)


def left() -> list[str]:
    return list(Order.objects.order_by("number").values_list("number", flat=True))


def withdrawn() -> list[str]:
    found = Event.objects.filter(name="orders.order_withdrawn").order_by("pk")
    return [event.data["number"] for event in found]


def test_a_reviewed_order_stays_and_so_does_its_verified_purchase(
    scoped: Merchant, li: Customer, batch: ImportBatch
) -> None:
    line = OrderLine.objects.select_related("product", "order").get(order__number="S1")
    review = services.review_submit(
        merchant=scoped, product=line.product, order_line=line, customer=li, rating=5
    )
    undone(scoped, batch)
    work()
    assert (left(), withdrawn()) == (["S1"], ["S2"])
    assert "depends on it" in KeptRow.objects.get(model="orders.order").reason
    review.refresh_from_db()
    assert (review.order_line_id, review.verified_purchase) == (line.pk, True)


def test_the_database_itself_keeps_a_reviewed_line(
    scoped: Merchant, li: Customer, batch: ImportBatch
) -> None:
    line = OrderLine.objects.select_related("product", "order").get(order__number="S1")
    services.review_submit(merchant=scoped, product=line.product, order_line=line, customer=li, rating=5)
    at_once = "SET CONSTRAINTS ALL IMMEDIATE; DELETE FROM orders_orderline WHERE id = %s"
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(at_once, [line.pk])
    assert Review.objects.get().verified_purchase is True


def test_an_invited_order_stays_the_other_is_never_asked_about(
    scoped: Merchant, li: Customer, batch: ImportBatch
) -> None:
    due = timezone.now() - timedelta(hours=1)
    ReviewRequest.objects.create(
        merchant=scoped, order=Order.objects.get(number="S1"), customer=li, due_at=due
    )
    undone(scoped, batch)
    work()
    assert (left(), withdrawn()) == (["S1"], ["S2"])
    sweep()
    assert [mail.subject for mail in OutboundMail.objects.all()] == ["How was your order S1?"]


def test_news_of_a_withdrawn_order_plans_no_invitation(
    scoped: Merchant, li: Customer, batch: ImportBatch
) -> None:
    """The delivery was announced before the undo and is handled after it."""
    order = Order.objects.get(number="S1")
    emit(ORDER_DELIVERED, merchant=scoped, customer=li, subject=order, data={"number": "S1"})
    undone(scoped, batch)
    work()
    assert not Order.objects.exists()
    assert not ReviewRequest.objects.exists()
