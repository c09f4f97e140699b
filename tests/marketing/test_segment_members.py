"""The list of members follows the rule: builds, touched customers, entries and exits."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from crm.events.delivering import deliver
from crm.events.models import Delivery, Event
from crm.lib.errors import Conflict
from crm.lib.tenancy import merchant_scope
from customers.models import Metrics
from marketing.models import Campaign, Segment, SegmentMember, TouchedCustomer
from marketing.segments import refreshing
from marketing.segments.services import segment_archive, segment_save
from tests.factories.customers import make_consent, make_customer
from tests.factories.segments import make_segment

RICH = {"rules": [{"if": "orders.spent", "compare": "min", "value": "100"}]}


@pytest.fixture
def segment(merchant):
    return make_segment(merchant, RICH, "Rich")


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
    with merchant_scope(merchant):
        assert refreshing.segment_refresh(segment=segment) is False
        release.set()
        other.join(10)
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
        with pytest.raises(Conflict, match="User"):
            segment_archive(segment=segment)
        segment_archive(segment=user)
        segment_archive(segment=segment)
        assert not Segment.objects.live().exists()
        segment_save(merchant=merchant, name="Rich", definition=RICH)
