"""Score, segments, Home's days and journeys follow an event at once: its handlers ring, beat is the net."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from crm.accounts.models import Merchant
from crm.events import ringing
from crm.events.delivering import deliver
from crm.events.emitting import emit
from crm.events.models import Delivery, Event
from customers.models import Metrics
from marketing.insight.models import Day, DirtyDay
from marketing.insight.tasks import sweep
from marketing.journeys import services
from marketing.models import Enrolment, TouchedCustomer
from marketing.tasks import sweep_journeys, sweep_segments
from orders import events as order_events
from tests.factories.customers import make_customer
from tests.factories.orders import make_order

pytestmark = pytest.mark.django_db
SWEEPERS = {"insight.sweep", "marketing.sweep_segments", "marketing.sweep_journeys"}


@pytest.fixture
def paid(scoped: Merchant) -> Event:
    """An order that a running journey waits for."""
    steps = [{"kind": "wait", "amount": 1, "unit": "days"}]
    journey = services.journey_save(merchant=scoped, name="Path", trigger="orders.order_paid", steps=steps)
    services.journey_start(journey=journey)
    order = make_order(scoped, make_customer(scoped, "Anna", orders_count=1))
    data = {"number": order.number}
    for kind in (order_events.ORDER_PLACED, order_events.ORDER_PAID):
        emit(kind, merchant=scoped, customer=order.customer, subject=order, data=data)
    return Event.objects.get(name="orders.order_paid")


def work() -> None:
    for pk in Delivery.objects.filter(state="pending").order_by("pk").values_list("pk", flat=True):
        assert deliver(pk)


def sweepers(rung: list[tuple[str, list[object], bool]]) -> list[tuple[str, bool]]:
    return [(name, waits) for name, _args, waits in rung if name in SWEEPERS]


def test_handlers_ring_each_sweeper_once(paid: Event, rung: Callable) -> None:
    assert sorted(sweepers(rung(work))) == sorted((name, True) for name in SWEEPERS)


def test_a_day_that_waits_already_is_not_rung_for(paid: Event, scoped: Merchant, rung: Callable) -> None:
    work()
    assert DirtyDay.objects.exists()

    def again() -> None:
        order_events_again(scoped, paid)
        work()

    assert "insight.sweep" not in dict(sweepers(rung(again)))


def order_events_again(merchant: Merchant, paid: Event) -> None:
    emit(order_events.ORDER_CHANGED, merchant=merchant, customer=paid.customer_id, data={"number": "1"})


def test_a_flood_rings_once_in_a_pause_and_again_after_it(
    scoped: Merchant, rung: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    def many() -> None:
        for _number in range(50):
            ringing.ring_sweeper("marketing.sweep_segments", after_seconds=3)

    assert len(rung(many)) == 1

    def after_a_pause() -> None:
        many()
        ringing._rung["marketing.sweep_segments"] = 0.0
        ringing.ring_sweeper("marketing.sweep_segments", after_seconds=3)

    monkeypatch.setattr(ringing, "PAUSE_SECONDS", 0.0)
    assert len(rung(after_a_pause)) == 51


def test_nothing_is_rung_for_what_is_rolled_back(scoped: Merchant, rung: Callable) -> None:
    def take_back() -> None:
        with transaction.atomic():
            ringing.ring_sweeper("insight.sweep", after_seconds=0)
            transaction.set_rollback(True)

    assert rung(take_back) == []


def test_what_was_rung_brings_everything_up_to_date(paid: Event, scoped: Merchant) -> None:
    work()
    when_due()
    sweep_segments()
    sweep_journeys()
    sweep()
    assert Metrics.objects.get(customer_id=paid.customer_id).score is not None
    assert Event.objects.filter(name="marketing.journey_entered", customer_id=paid.customer_id).exists()
    assert sum(Day.objects.values_list("orders", flat=True)) == 1


def when_due() -> None:
    """The seconds that the other handlers get have passed."""
    past = timezone.now() - timedelta(seconds=1)
    TouchedCustomer.objects.update(due_at=past)
    Enrolment.objects.update(due_at=past)
