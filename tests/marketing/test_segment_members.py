"""The list of members follows the rule: builds, touched customers, entries and exits."""

import threading
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.events.delivering import deliver
from crm.events.models import Delivery, Event
from crm.lib.errors import Conflict
from crm.lib.tenancy import merchant_scope
from customers.models import Customer, Metrics
from marketing.insight import scoring
from marketing.models import Campaign, Segment, SegmentMember, TouchedCustomer
from marketing.segments import refreshing
from marketing.segments.services import segment_archive, segment_save
from tests.factories.customers import make_consent, make_customer
from tests.factories.orders import make_order
from tests.factories.segments import make_segment

RICH = {"rules": [{"if": "orders.spent", "compare": "min", "value": "100"}]}


@pytest.fixture
def segment(merchant):
    return make_segment(merchant, RICH, "Rich")


@contextmanager
def built_elsewhere(segment):
    """Another connection holds the lock of its build meanwhile."""
    held, release = threading.Event(), threading.Event()

    def hold():
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"segment:{segment.pk}"])
            held.set()
            release.wait(20)
        connection.close()

    other = threading.Thread(target=hold)
    other.start()
    assert held.wait(10)
    try:
        yield
    finally:
        release.set()
        other.join(10)


def build(segment):
    with merchant_scope(segment.merchant):
        assert refreshing.segment_refresh(segment=segment)
        segment.refresh_from_db()


def members(segment):
    with merchant_scope(segment.merchant):
        return set(SegmentMember.objects.filter(segment=segment).values_list("customer__name", flat=True))


def announced(segment, name):
    with merchant_scope(segment.merchant):
        return Event.objects.filter(name=f"marketing.segment_{name}", subject_id=segment.pk).count()


def earn(customer, net):
    with merchant_scope(customer.merchant_id):
        Metrics.objects.filter(customer=customer).update(net=net)


def due_now():
    from crm.lib.tenancy import all_merchants

    with all_merchants(reason="test"):
        TouchedCustomer.objects.update(due_at=timezone.now() - timedelta(seconds=1))


def test_the_first_build_announces_one_event_and_nobodys_entry(merchant, rival, segment):
    make_customer(merchant, "Anna", net=300)
    make_customer(merchant, "Bo", net=3)
    make_customer(rival, "Twin", net=300)
    build(segment)
    assert members(segment) == {"Anna"}
    assert (segment.members_count, segment.trouble) == (1, "")
    assert (announced(segment, "built"), announced(segment, "entered")) == (1, 0)


def test_later_builds_announce_who_came_and_went(merchant, segment):
    anna, bo = make_customer(merchant, "Anna", net=300), make_customer(merchant, "Bo", net=3)
    build(segment)
    earn(anna, 5)
    earn(bo, 500)
    build(segment)
    assert members(segment) == {"Bo"}
    assert (announced(segment, "entered"), announced(segment, "left")) == (1, 1)
    build(segment)
    assert (announced(segment, "entered"), announced(segment, "left")) == (1, 1)


def test_masses_are_one_event(merchant, segment, monkeypatch):
    build(segment)
    monkeypatch.setattr(refreshing, "MOST_ANNOUNCED", 2)
    for _number in range(3):
        make_customer(merchant, net=300)
    build(segment)
    assert segment.members_count == 3
    assert (announced(segment, "entered"), announced(segment, "built")) == (0, 2)


def test_an_event_has_the_customer_looked_at_again(merchant, segment):
    anna = make_customer(merchant, "Anna", net=3)
    build(segment)
    earn(anna, 300)
    make_consent(anna)  # any event about her
    with merchant_scope(merchant):
        for pk in Delivery.objects.filter(handler="marketing.touch_segments").values_list("pk", flat=True):
            assert deliver(pk)
        assert TouchedCustomer.objects.count() == 1
    assert refreshing.touched_sweep() == 0, "other handlers get time to settle"
    due_now()
    assert refreshing.touched_sweep() == 1
    assert members(segment) == {"Anna"}
    segment.refresh_from_db()
    assert segment.members_count == 1
    assert announced(segment, "entered") == 1
    with merchant_scope(merchant):
        assert not TouchedCustomer.objects.exists()


def test_touched_customers_of_two_shops_stay_apart(merchant, rival, segment):
    theirs = make_segment(rival, RICH, "Rich")
    build(segment)
    build(theirs)
    ours, other = make_customer(merchant, "Anna", net=300), make_customer(rival, "Twin", net=300)
    refreshing.touch(merchant_id=merchant.pk, customer_ids=[ours.pk, other.pk])
    due_now()
    assert refreshing.touched_sweep() == 2
    assert members(segment) == {"Anna"}
    assert members(theirs) == set()


def test_a_rule_that_breaks_keeps_the_list_and_says_why(merchant, segment):
    make_customer(merchant, "Anna", net=300)
    build(segment)
    with merchant_scope(merchant):
        Segment.objects.filter(pk=segment.pk).update(definition={"rules": [{"if": "gone.condition"}]})
    build(segment)
    assert members(segment) == {"Anna"}
    assert segment.trouble


@pytest.mark.django_db(transaction=True)
def test_never_two_builds_of_one_segment(merchant, segment):
    with merchant_scope(merchant):
        with built_elsewhere(segment):
            assert refreshing.segment_refresh(segment=segment) is False
        assert refreshing.segment_refresh(segment=segment) is True


def test_beat_builds_every_shops_segments(merchant, rival, segment):
    theirs = make_segment(rival, RICH, "Rich")
    make_customer(rival, "Twin", net=300)
    assert refreshing.refresh_all() == 2
    assert members(theirs) == {"Twin"}


def test_a_name_is_taken_once(merchant, segment):
    with merchant_scope(merchant), pytest.raises(Conflict):
        segment_save(merchant=merchant, name=" rich ", definition=RICH)
    with merchant_scope(merchant):
        assert Segment.objects.count() == 1


def test_archived_only_when_nothing_waits_for_it(merchant, segment):
    with merchant_scope(merchant):
        campaign = Campaign.objects.create(merchant=merchant, name="Hello", segment=segment)
        with pytest.raises(Conflict, match="Hello"):
            segment_archive(segment=segment)
        campaign.delete()
        user = make_segment(
            merchant,
            {"rules": [{"if": "marketing.segment", "in": "in", "values": [str(segment.pk)]}]},
            "User",
        )
        of_a_campaign = {"if": "marketing.campaign", "did": "got", "values": [str(user.pk)]}
        make_segment(merchant, {"rules": [of_a_campaign]}, "A campaign of the same number")
        with pytest.raises(Conflict, match="User"):
            segment_archive(segment=segment)
        segment_archive(segment=user)
        segment_archive(segment=segment)
        assert not Segment.objects.live().filter(pk__in=[segment.pk, user.pk]).exists()
        segment_save(merchant=merchant, name="Rich", definition=RICH)


# --- touched customers against many segments --------------------------------------------------------------


def spent(least):
    return {"rules": [{"if": "orders.spent", "compare": "min", "value": str(least)}]}


def look_again(merchant, *customers):
    refreshing.touch(merchant_id=merchant.pk, customer_ids=[customer.pk for customer in customers])
    due_now()
    return refreshing.touched_sweep()


def test_as_many_questions_for_forty_segments_as_for_two(merchant):
    anna, bo = make_customer(merchant, "Anna", net=3), make_customer(merchant, "Bo", net=300)
    with merchant_scope(merchant):
        scoring.refresh(merchant_id=merchant.pk)

    def asked(number):
        for _more in range(number):
            at = Segment._base_manager.count()
            build(make_segment(merchant, spent(at + 1), f"No {at}"))
        look_again(merchant, anna, bo)
        with CaptureQueriesContext(connection) as queries:
            assert look_again(merchant, anna, bo) == 2
        return len(queries)

    assert asked(2) == asked(38)


def test_touched_one_by_one_equals_the_whole_build(merchant):
    rules = [
        spent(100),
        {"match": "none", "rules": [*spent(100)["rules"], {"if": "service.open_ticket", "has": "has"}]},
        {"rules": [{"if": "orders.times", "times": 2, "days": 90}]},
        {"match": "none", "rules": [{"if": "orders.times", "times": 2, "days": 90}]},
        {"match": "any", "rules": [{"if": "orders.times", "times": 1, "days": 30}, *spent(500)["rules"]]},
    ]
    segments = [make_segment(merchant, rule, f"No {at}") for at, rule in enumerate(rules)]
    for segment in segments:
        build(segment)  # of nobody
    people = [make_customer(merchant, f"No {at}", net=at * 70, open_tickets=at % 2) for at in range(12)]
    for customer in people[::3]:
        make_order(merchant, customer)
        make_order(merchant, customer)
    with merchant_scope(merchant):
        Customer.objects.filter(pk=people[5].pk).update(erased_at=timezone.now())
    for customer in people:
        look_again(merchant, customer)
    touched = [members(segment) for segment in segments]
    for segment in segments:
        segment.refresh_from_db()
        assert segment.members_count == len(members(segment))
        build(segment)
    assert [members(segment) for segment in segments] == touched
    assert all(touched)


def test_a_broken_rule_takes_no_other_segment_with_it(merchant, segment, odd_conditions):
    """One that can't be read, and one that fails only in the database."""
    others = [make_segment(merchant, spent(at), f"No {at}") for at in (1, 2, 3)]
    for one in (segment, *others):
        build(one)
    with merchant_scope(merchant):
        Segment.objects.filter(pk=others[0].pk).update(definition={"rules": [{"if": "gone.condition"}]})
        Segment.objects.filter(pk=others[1].pk).update(definition={"rules": [{"if": "tests.division"}]})
    assert look_again(merchant, make_customer(merchant, "Anna", net=300)) == 1
    assert [members(one) for one in (segment, *others)] == [{"Anna"}, set(), set(), {"Anna"}]


@pytest.mark.django_db(transaction=True)
def test_a_segment_being_built_is_left_to_its_build_and_its_people_stay_due(merchant, segment):
    free = make_segment(merchant, spent(1), "Free")
    build(segment)
    build(free)
    anna = make_customer(merchant, "Anna", net=300)
    with built_elsewhere(segment):
        assert look_again(merchant, anna) == 1
        assert (members(segment), members(free)) == (set(), {"Anna"})
        with merchant_scope(merchant):
            assert TouchedCustomer.objects.get().customer_id == anna.pk
    due_now()
    assert refreshing.touched_sweep() == 1
    assert members(segment) == {"Anna"}
