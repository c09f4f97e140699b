"""Deliveries: claimed, handled and marked in one transaction; retried; given up; swept; pruned."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from crm.accounts.models import Team
from crm.events import delivering, handling
from crm.events.actor import current_actor
from crm.events.beat import once_per_slot
from crm.events.delivering import MAX_ATTEMPTS, deliver, delivery_retry, prune, sweep
from crm.events.emitting import emit
from crm.events.handling import HANDLERS, on
from crm.events.models import BeatSlot, Delivery, Event
from crm.events.types import REGISTRY, EventType
from crm.lib.tenancy import all_merchants, merchant_scope, scoped_merchant_id
from tests.factories.accounts import make_team


@pytest.fixture
def kind():
    made = EventType("tests.thing_happened", "Thing happened")
    yield made
    REGISTRY.pop(made.name)


@pytest.fixture
def handle(kind):
    """A handler whose behaviour the test sets: `handle.does = lambda event: …`."""

    class Handle:
        calls = 0
        does = staticmethod(lambda event: None)

        def __call__(self, event):
            self.calls += 1
            self.does(event)

    made = Handle()
    on(kind, name="tests.hear")(made)
    yield made
    HANDLERS.pop("tests.hear")
    handling._BY_EVENT.pop(kind.name, None)


@pytest.fixture
def owed(merchant, kind, handle):
    """A delivery that waits."""
    with merchant_scope(merchant), transaction.atomic():
        event_id = emit(kind, merchant=merchant)
        return Delivery.objects.get(event_id=event_id, handler="tests.hear")


def again(delivery):
    with all_merchants(reason="the test looks at a row"):
        return Delivery.objects.get(pk=delivery.pk)


def test_a_handler_runs_once_in_its_shop_and_as_its_actor(merchant, owed, handle):
    seen = []
    handle.does = lambda event: seen.append((scoped_merchant_id(), current_actor(), event.pk))

    assert deliver(owed.pk) is True
    assert deliver(owed.pk) is False

    assert seen == [(merchant.pk, "", owed.event_id)]
    assert (again(owed).state, again(owed).error) == ("done", "")


def test_a_failure_undoes_what_the_handler_wrote_and_tells_when_it_tries_again(merchant, owed, handle):
    def fail(event):
        make_team(merchant, "Half done")
        raise ZeroDivisionError("no luck")

    handle.does = fail
    before = timezone.now()

    assert deliver(owed.pk) is False

    row = again(owed)
    assert (row.state, row.attempts) == ("failed", 1)
    assert "no luck" in row.error
    assert timedelta(seconds=9) < row.due_at - before < timedelta(seconds=60)
    with merchant_scope(merchant):
        assert not Team.objects.exists()
    assert deliver(owed.pk) is False, "not due yet"
    assert handle.calls == 1


def test_after_ten_failures_a_person_must_look_and_may_try_again(owed, handle):
    handle.does = lambda event: 1 / 0
    for _attempt in range(MAX_ATTEMPTS):
        with all_merchants(reason="the test turns the clock"):
            Delivery.objects.filter(pk=owed.pk).update(due_at=timezone.now())
        deliver(owed.pk)
    assert (again(owed).state, again(owed).attempts) == ("dead", MAX_ATTEMPTS)
    assert deliver(owed.pk) is False

    handle.does = lambda event: None
    with merchant_scope(owed.merchant_id):
        delivery_retry(delivery=owed)

    assert deliver(owed.pk) is True
    assert again(owed).state == "done"


def test_a_done_one_is_not_done_again_by_a_retry(owed, handle):
    deliver(owed.pk)
    with merchant_scope(owed.merchant_id):
        delivery_retry(delivery=owed)

    assert again(owed).state == "done"
    assert handle.calls == 1


def test_a_handler_that_is_gone_is_owed_nothing(owed):
    kept = HANDLERS.pop("tests.hear")
    try:
        assert deliver(owed.pk) is False
    finally:
        HANDLERS["tests.hear"] = kept
    assert again(owed).state == "done"


def test_the_sweeper_rings_for_what_is_due_only(owed, monkeypatch):
    rung = []
    monkeypatch.setattr(delivering, "ring", lambda ids: rung.extend(ids))
    assert sweep() == len(rung)
    assert owed.pk in rung

    with all_merchants(reason="the test turns the clock"):
        Delivery.objects.filter(pk=owed.pk).update(due_at=timezone.now() + timedelta(hours=1))
    rung.clear()

    sweep()
    assert owed.pk not in rung


def test_old_duties_are_forgotten_the_events_stay(owed, merchant):
    deliver(owed.pk)
    assert prune() == 0
    with all_merchants(reason="the test turns the clock"):
        Delivery.objects.filter(pk=owed.pk).update(done_at=timezone.now() - timedelta(days=15))

    assert prune() == 1
    with merchant_scope(merchant):
        assert Event.objects.filter(pk=owed.event_id).exists()


def test_a_slot_is_for_one_beat(db):
    assert [once_per_slot("tests.job", seconds=3600) for _beat in range(3)] == [True, False, False]
    assert once_per_slot("tests.other", seconds=3600) is True
    assert BeatSlot.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_one_delivery_run_it_once(owed, handle):
    inside, go_on = threading.Event(), threading.Event()

    def slow(event):
        inside.set()
        assert go_on.wait(20)

    handle.does = slow
    results = {}

    def first():
        try:
            results["first"] = deliver(owed.pk)
        finally:
            connection.close()

    worker = threading.Thread(target=first)
    worker.start()
    assert inside.wait(20)
    results["second"] = deliver(owed.pk)  # the row is locked: skipped, not waited for
    go_on.set()
    worker.join(20)

    assert results == {"first": True, "second": False}
    assert handle.calls == 1
    assert again(owed).state == "done"
