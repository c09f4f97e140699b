"""A review's life: written, moderated, answered; and what nobody can do to it."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction

from crm.accounts.models import Merchant
from crm.events.delivering import deliver
from crm.events.models import Delivery, Event
from crm.lib.errors import Conflict, Rejected
from customers.models import Customer, Metrics
from orders.models import Order, Product
from reviews import ledger, services
from reviews.models import LedgerEntry, Review
from tests.factories.customers import make_customer

pytestmark = pytest.mark.django_db


def write(merchant: Merchant, delivered: Order, rating: int = 5, **fields: object) -> Review:
    line = delivered.lines.get()
    return services.review_submit(
        merchant=merchant,
        product=line.product,
        order_line=line,
        customer=delivered.customer,
        rating=rating,
        title="好茶",
        body="清香",
        **fields,
    )


def test_an_order_line_makes_a_verified_purchase(scoped: Merchant, delivered: Order) -> None:
    review = write(scoped, delivered)
    review.refresh_from_db()
    assert review.verified_purchase is True
    assert review.state == Review.State.PENDING
    assert review.author_name == "李*"


def test_without_an_order_line_it_is_not_verified(scoped: Merchant, product: Product) -> None:
    review = services.review_submit(merchant=scoped, product=product, rating=4, author_name="Anna")
    review.refresh_from_db()
    assert review.verified_purchase is False


def test_verified_purchase_cannot_be_set(scoped: Merchant, product: Product) -> None:
    review = services.review_submit(merchant=scoped, product=product, rating=4)
    with (
        pytest.raises(DatabaseError, match="can only be updated to DEFAULT"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("UPDATE reviews_review SET verified_purchase = true WHERE id = %s", [review.pk])
    review.refresh_from_db()
    assert review.verified_purchase is False


def test_a_purchase_is_reviewed_once(scoped: Merchant, delivered: Order) -> None:
    write(scoped, delivered)
    with pytest.raises(Conflict):
        write(scoped, delivered, rating=1)
    assert Review.objects.count() == 1
    assert LedgerEntry.objects.count() == 1


@pytest.mark.parametrize(
    ("case", "change"),
    [("somebody else's", "customer"), ("another product", "product"), ("cancelled", "cancelled")],
)
def test_only_ones_own_kept_purchase_is_verified(
    scoped: Merchant, delivered: Order, buyer: Customer, case: str, change: str
) -> None:
    from django.utils import timezone

    from tests.factories.orders import make_product

    line = delivered.lines.select_related("order").get()
    product, customer = line.product, buyer
    if change == "customer":
        customer = make_customer(scoped, name="Eve", email="eve@example.com")
    elif change == "product":
        product = make_product(scoped, "Other")
    else:
        line.order.cancelled_at = timezone.now()
    with pytest.raises(Rejected):
        services.review_submit(merchant=scoped, product=product, order_line=line, customer=customer, rating=5)
    assert not Review.objects.exists()


@pytest.mark.parametrize("rating", [0, 6, -1])
def test_stars_are_one_to_five(scoped: Merchant, product: Product, rating: int) -> None:
    with pytest.raises(Rejected):
        services.review_submit(merchant=scoped, product=product, rating=rating)
    assert not Review.objects.exists()


def test_a_low_rating_is_no_reason_to_withhold(scoped: Merchant, delivered: Order) -> None:
    review = write(scoped, delivered, rating=1)
    for reason in ("", "low_rating", "bad"):
        with pytest.raises(Rejected):
            services.review_withhold(review=review, reason=reason)
    review.refresh_from_db()
    assert review.state == Review.State.PENDING


def test_publishing_twice_is_one_step(scoped: Merchant, delivered: Order) -> None:
    review = write(scoped, delivered)
    services.review_publish(review=review)
    services.review_publish(review=review)
    assert [entry.action for entry in ledger_entries()] == ["submitted", "published"]
    assert Event.objects.filter(name="reviews.review_published").count() == 1


def test_an_edit_waits_for_moderation_again(scoped: Merchant, delivered: Order) -> None:
    review = services.review_publish(review=write(scoped, delivered))
    services.review_edit(review=review, rating=2, title="", body="Changed my mind")
    review.refresh_from_db()
    assert (review.state, review.rating) == (Review.State.PENDING, 2)
    assert ledger.verify().is_intact


def test_metrics_follow(scoped: Merchant, delivered: Order) -> None:
    write(scoped, delivered, rating=2)
    for delivery in Delivery.objects.filter(handler="reviews.metrics"):
        assert deliver(delivery.pk)
    metrics = Metrics.objects.get(customer=delivered.customer)
    assert (metrics.reviews_count, metrics.last_rating) == (1, 2)


# --- the ledger --------------------------------------------------------------------------------------------


def ledger_entries() -> list[LedgerEntry]:
    return list(LedgerEntry.objects.order_by("sequence"))


def some_history(scoped: Merchant, delivered: Order, product: Product) -> Review:
    review = services.review_publish(review=write(scoped, delivered, rating=1))
    services.review_reply(review=review, body="We are sorry.")
    other = services.review_submit(merchant=scoped, product=product, rating=5)
    services.review_withhold(review=other, reason="spam")
    return review


def test_the_ledger_verifies(scoped: Merchant, delivered: Order, product: Product) -> None:
    some_history(scoped, delivered, product)
    verdict = ledger.verify()
    assert verdict.is_intact
    assert verdict.entries == 5
    assert verdict.head == ledger_entries()[-1].hash


TAMPERING = {
    "words changed": "UPDATE reviews_review SET body = 'lovely' WHERE id = %(review)s",
    "stars changed": "UPDATE reviews_review SET rating = 5 WHERE id = %(review)s",
    "state changed": "UPDATE reviews_review SET state = 'pending' WHERE id = %(review)s",
    "entry changed": "UPDATE reviews_ledgerentry SET rating = 5 WHERE sequence = 1",
    "entry taken out": "DELETE FROM reviews_ledgerentry WHERE sequence = 3",
    "history cut off": "DELETE FROM reviews_ledgerentry WHERE sequence >= 2",
    "review deleted": "DELETE FROM reviews_reply; DELETE FROM reviews_review WHERE id = %(review)s",
}


@pytest.mark.parametrize("case", TAMPERING)
def test_tampering_shows(scoped: Merchant, delivered: Order, product: Product, case: str) -> None:
    review = some_history(scoped, delivered, product)
    with connection.cursor() as cursor:
        cursor.execute(TAMPERING[case], {"review": review.pk})
    assert not ledger.verify().is_intact
