"""Do not profile me: one switch, and scores, groups and journeys are gone and stay gone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from crm.events.delivering import deliver
from crm.events.models import Delivery, Event
from crm.lib.tenancy import merchant_scope
from customers.consent import consent_record
from customers.models import Customer, Metrics
from marketing.insight import scoring
from marketing.journeys import enrolling
from marketing.models import Enrolment, Journey
from tests.factories.customers import make_customer

pytestmark = pytest.mark.django_db


@pytest.fixture
def buyer(merchant) -> Customer:
    person = make_customer(merchant, orders_count=3, net=300, gross=300, last_order_at=timezone.now())
    with merchant_scope(merchant):
        scoring.refresh(merchant_id=merchant.pk)
        assert standing(person)[0] is not None
    return person


@pytest.fixture
def journey(merchant) -> Journey:
    with merchant_scope(merchant):
        return Journey.objects.create(
            merchant=merchant,
            name="Welcome",
            state="running",
            trigger="orders.order_paid",
            started_at=timezone.now() - timedelta(hours=1),
        )


def standing(person: Customer) -> tuple[int | None, int, int, int]:
    row = Metrics.objects.get(customer=person)
    return row.score, row.recency_bin, row.frequency_bin, row.monetary_bin


def say(person: Customer, *, granted: bool) -> None:
    """The answer, and what the workers do with it."""
    consent_record(
        merchant=person.merchant,
        customer=person,
        channel="email",
        purpose="profiling",
        granted=granted,
        source="portal",
    )
    for delivery_id in Delivery.objects.filter(state="pending").values_list("pk", flat=True):
        deliver(delivery_id)


def paid(person: Customer) -> Event:
    return Event.objects.create(
        merchant=person.merchant, name="orders.order_paid", customer_id=person.pk, subject_type="x"
    )


def test_scores_and_groups_go_and_are_not_computed_again(scoped, buyer) -> None:
    other = make_customer(scoped, orders_count=1, net=10, gross=10, last_order_at=timezone.now())
    say(buyer, granted=False)
    assert standing(buyer) == (None, 0, 0, 0)
    scoring.recalculate()
    scoring.refresh(merchant_id=scoped.pk, customer_ids=[buyer.pk])
    assert standing(buyer) == (None, 0, 0, 0)
    assert standing(other)[0] is not None


def test_they_come_back_with_the_consent(scoped, buyer) -> None:
    before = standing(buyer)
    say(buyer, granted=False)
    say(buyer, granted=True)
    assert standing(buyer) == before
    assert Customer.objects.get(pk=buyer.pk).profiling_stopped_at is None


def test_other_withdrawals_leave_the_score(scoped, buyer) -> None:
    before = standing(buyer)
    consent_record(
        merchant=scoped, customer=buyer, channel="email", purpose="marketing", granted=False, source="portal"
    )
    for delivery_id in Delivery.objects.filter(state="pending").values_list("pk", flat=True):
        deliver(delivery_id)
    assert standing(buyer) == before


def test_journeys_are_left_and_not_entered(scoped, buyer, journey) -> None:
    assert enrolling.enrol(paid(buyer)) == 1
    say(buyer, granted=False)
    enrolment = Enrolment.objects.get()
    assert (enrolment.state, enrolment.reason) == ("left", "unprofiled")
    Enrolment.objects.all().delete()
    assert enrolling.enrol(paid(buyer)) == 0
    say(buyer, granted=True)
    assert enrolling.enrol(paid(buyer)) == 1
