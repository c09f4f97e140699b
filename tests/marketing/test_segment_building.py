"""A build is seen, stopped, tried again and never lost; whatever fails, staff and the others are told."""

import json
import threading

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise

from crm.events.actor import acting
from crm.events.models import Event
from crm.lib.errors import Conflict
from crm.lib.tenancy import merchant_scope
from customers.models import Metrics
from marketing.journeys import services as journeys
from marketing.merging import count_members
from marketing.models import Journey, Segment, SegmentMember, TouchedCustomer
from marketing.segments import building, refreshing
from marketing.segments.services import segment_archive, segment_save
from marketing.segments.tasks import build_segment
from tests.factories.accounts import make_key
from tests.factories.customers import make_customer
from tests.factories.segments import make_segment
from tests.support.conditions import GATE, waiting_at_the_gate

RICH = {"rules": [{"if": "orders.spent", "compare": "min", "value": "100"}]}
POOR = {"rules": [{"if": "orders.spent", "compare": "max", "value": "99"}]}


@pytest.fixture
def segment(merchant):
    make_customer(merchant, "Anna", net=300)
    make_customer(merchant, "Bo", net=3)
    return make_segment(merchant, RICH, "Rich")


def build(segment):
    with merchant_scope(segment.merchant):
        assert refreshing.segment_refresh(segment=segment)
        segment.refresh_from_db()


def members(segment):
    with merchant_scope(segment.merchant):
        return set(SegmentMember.objects.filter(segment=segment).values_list("customer__name", flat=True))


def news(merchant, name):
    with merchant_scope(merchant):
        return list(Event.objects.filter(name=f"marketing.{name}").order_by("pk"))


# --- what is told of it -----------------------------------------------------------------------------------


def test_waiting_then_idle(segment):
    assert building.build_state(segment).code == "waiting", "saved, and not built yet"
    build(segment)
    assert building.build_state(segment).code == "idle"
    assert segment.build_seconds is not None


def test_a_build_whose_worker_died_isnt_shown_for_ever(segment):
    build(segment)
    segment.build_started_at = timezone.now()
    assert building.build_state(segment).code == "counting"
    segment.build_started_at -= timezone.timedelta(seconds=building.LOST_SECONDS)
    assert building.build_state(segment).code == "idle"


def test_the_page_says_how_far_it_is_and_who_may_stop_it(segment, member_client):
    page = reverse("segment_detail", args=[segment.pk])
    stop = reverse("segment_build_cancel", args=[segment.pk])
    assert stop in member_client("marketer").get(page).content.decode()
    viewer = member_client("viewer")
    assert "Waits to be counted" in viewer.get(page).content.decode()
    assert stop not in viewer.get(page).content.decode()
    assert viewer.post(stop).status_code == 403
    with merchant_scope(segment.merchant):
        segment.refresh_from_db()
        assert segment.cancel_asked_at is None


# --- stopping ---------------------------------------------------------------------------------------------


def test_a_waiting_build_is_stopped_and_says_who_stopped_it(segment):
    with merchant_scope(segment.merchant), acting("user:7"):
        building.build_cancel(segment=segment)
        with pytest.raises(Conflict):
            building.build_cancel(segment=segment)
    build_segment(segment.merchant_id, segment.pk)
    assert members(segment) == set()
    with merchant_scope(segment.merchant):
        segment.refresh_from_db()
    assert (building.build_state(segment).code, segment.trouble) == ("idle", "")
    assert [one.actor for one in news(segment.merchant, "segment_build_cancelled")] == ["user:7"]
    build(segment)
    assert members(segment) == {"Anna"}, "the next one is built as ever"


def test_what_isnt_building_cant_be_stopped(segment, member_client):
    build(segment)
    answer = member_client("marketer").post(reverse("segment_build_cancel", args=[segment.pk]))
    assert answer.status_code == 409
    assert news(segment.merchant, "segment_build_cancelled") == []


def stored(segment, *rules):
    """The rule as somebody saved it, whatever may be saved now."""
    with merchant_scope(segment.merchant):
        definition = {"rules": [*RICH["rules"], *rules]}
        Segment.objects.filter(pk=segment.pk).update(definition=definition)
        segment.refresh_from_db()


@pytest.mark.django_db(transaction=True)
def test_a_build_under_way_stops_in_the_database(segment, odd_conditions):
    stored(segment, {"if": "tests.gate"})
    build(segment)
    stopped = threading.Event()

    def work():
        build_segment(segment.merchant_id, segment.pk)
        stopped.set()

    with merchant_scope(segment.merchant):
        building.build_ask(segment=segment)
    with waiting_at_the_gate(work), merchant_scope(segment.merchant), acting("user:7"):
        segment.refresh_from_db()
        assert building.build_state(segment).code == "counting"
        building.build_cancel(segment=segment)
        assert stopped.wait(10), "its statement was cancelled, not waited for: the gate is shut"
    assert members(segment) == {"Anna"}
    assert len(news(segment.merchant, "segment_build_cancelled")) == 1
    with merchant_scope(segment.merchant):
        segment.refresh_from_db()
    assert (segment.trouble, building.build_state(segment).code) == ("", "idle")


@pytest.mark.django_db(transaction=True)
def test_a_session_that_went_on_to_other_work_is_left_alone(segment):
    """Its number still stands in the row, but it doesn't hold this build's lock."""
    done = []

    def other_work():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            done.append(cursor.fetchone()[0])
            cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [GATE])
            done.append("whole")

    with waiting_at_the_gate(other_work) as go_on, merchant_scope(segment.merchant):
        Segment.objects.update(build_started_at=timezone.now(), build_pid=done[0])
        building.build_cancel(segment=segment)
        go_on()
    assert done[1:] == ["whole"]


# --- asked for in the middle of a build -------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_save_in_the_middle_of_a_build_is_built_after_it(segment, odd_conditions, rung):
    stored(segment, {"if": "tests.gate"})

    def first():
        with merchant_scope(segment.merchant):
            refreshing.segment_refresh(segment=Segment.objects.select_related("merchant").get())

    def act():
        with waiting_at_the_gate(first), merchant_scope(segment.merchant):
            saved = Segment.objects.select_related("merchant").get()
            segment_save(merchant=segment.merchant, name="Rich", definition=POOR, segment=saved)

    told = rung(act).count(("marketing.build_segment", [segment.merchant_id, segment.pk], False))
    assert told == 2, "by the save, and by the build that it came too late for"
    with merchant_scope(segment.merchant):
        segment.refresh_from_db()
    assert building.build_state(segment).code == "waiting"
    build(segment)
    assert members(segment) == {"Bo"}


def test_a_changed_rule_is_no_news_about_anybody(segment):
    build(segment)
    with merchant_scope(segment.merchant):
        segment_save(merchant=segment.merchant, name="Poor", definition=POOR, segment=segment)
    build(segment)
    assert members(segment) == {"Bo"}
    assert news(segment.merchant, "segment_entered") == news(segment.merchant, "segment_left") == []
    assert len(news(segment.merchant, "segment_built")) == 2
    with merchant_scope(segment.merchant):
        Metrics.objects.filter(customer__name="Anna").update(net=1)
    build(segment)
    assert len(news(segment.merchant, "segment_entered")) == 1, "under the same rule it is"


# --- counts -----------------------------------------------------------------------------------------------


def test_a_count_that_drifted_is_right_after_a_build(segment):
    build(segment)
    with merchant_scope(segment.merchant):
        Segment.objects.update(members_count=77)
    build(segment)
    assert segment.members_count == 1


@pytest.mark.django_db(transaction=True)
def test_touched_people_change_the_count_by_the_difference(segment, odd_conditions):
    """A merge wrote its own difference after the row was read: it stays."""
    merchant = segment.merchant
    stored(segment, {"if": "tests.gate"})
    build(segment)
    refreshing.touch(merchant_id=merchant.pk, customer_ids=[make_customer(merchant, "Cy", net=500).pk])
    with merchant_scope(merchant):
        TouchedCustomer.objects.update(due_at=timezone.now())
    with waiting_at_the_gate(refreshing.touched_sweep), merchant_scope(merchant):
        count_members(merchant.pk, [{"segment_id": segment.pk}], 1)
    with merchant_scope(merchant):
        assert Segment.objects.get().members_count == 3


def test_saving_leaves_the_figures_of_a_build_alone(segment):
    with merchant_scope(segment.merchant):
        stale = Segment.objects.select_related("merchant").get()
    build(segment)
    with merchant_scope(segment.merchant):
        segment_save(merchant=segment.merchant, name="Rich ones", definition=RICH, segment=stale)
        segment.refresh_from_db()
    assert (segment.name, segment.members_count) == ("Rich ones", 1)
    assert segment.built_at is not None


# --- failures ---------------------------------------------------------------------------------------------


BROKEN = [("in Python", {"if": "tests.bug"}), ("in the database", {"if": "tests.division"})]


@pytest.mark.parametrize("rule", [case[1] for case in BROKEN], ids=[case[0] for case in BROKEN])
def test_any_error_in_one_segment_leaves_the_others_to_be_built(
    merchant, rival, segment, odd_conditions, rule
):
    others = [make_segment(merchant, RICH, "Second"), make_segment(rival, RICH, "Third")]
    stored(segment, rule)
    refreshing.refresh_all()
    for one in (segment, *others):
        with merchant_scope(one.merchant):
            one.refresh_from_db()
    assert [one.trouble for one in (segment, *others)] == ["unexpected", "", ""]
    assert all(one.built_at for one in others)


@pytest.mark.parametrize("rule", [case[1] for case in BROKEN], ids=[case[0] for case in BROKEN])
def test_a_failure_is_announced_once_and_gone_when_it_works(segment, odd_conditions, rule):
    stored(segment, rule)
    build(segment)
    build(segment)
    assert [one.data["trouble"] for one in news(segment.merchant, "segment_build_failed")] == ["unexpected"]
    stored(segment)
    build(segment)
    assert (segment.trouble, members(segment)) == ("", {"Anna"})


def test_staff_read_words_of_theirs_and_none_of_the_database(segment, member_client):
    with merchant_scope(segment.merchant):
        Segment.objects.update(definition={"rules": [{"if": "gone.condition"}]})
    build(segment)
    page = member_client("marketer").get(reverse("segment_detail", args=[segment.pk])).content.decode()
    assert "The people can&#x27;t be counted" in page or "The people can't be counted" in page
    assert building.trouble_text(Segment(trouble="too_long")).startswith("Counting took longer")
    assert "Open it and save it again" in page
    assert all(isinstance(text, Promise) for text in building.TROUBLES.values()), "in the reader's language"


# --- what must not be saved -------------------------------------------------------------------------------


def preview(client, **body):
    return client.post(reverse("segment_preview"), body)


NO_RULE = [
    ("too long", json.dumps({"rules": [{"if": "customers.tag", "values": ["x" * 1_600_000]}]})),
    ("null", "null"),
    ("a list", "[]"),
    ("a number", "0"),
    ("nothing", ""),
    ("nested too deep", "[" * 100_000 + "]" * 100_000),
]


@pytest.mark.parametrize("text", [case[1] for case in NO_RULE], ids=[case[0] for case in NO_RULE])
def test_what_is_no_definition_never_becomes_everybody(merchant, member_client, text):
    client = member_client("marketer")
    saved = client.post(reverse("segment_create"), {"name": "Everybody?", "definition": text})
    assert saved.status_code == 422
    with merchant_scope(merchant):
        assert not Segment.objects.exists()
    counted = preview(client, definition=text)
    assert counted.status_code == 200
    assert "data-segment-count" not in counted.content.decode()


def test_fifty_conditions_of_a_hundred_long_values_fit(merchant, member_client):
    values = [f"{at:03}" + "x" * 30 for at in range(100)]
    rules = [{"if": "customers.tag", "has": "has", "values": values}] * 50
    body = {"name": "Long", "definition": json.dumps({"match": "any", "rules": rules})}
    assert member_client("marketer").post(reverse("segment_create"), body).status_code == 302


@pytest.mark.parametrize("number", ["abc", "-1", "1e9", "9" * 30, "Ⅷ"])
def test_a_segment_that_is_no_number_is_no_segment(segment, member_client, number):
    answer = preview(member_client("marketer"), definition=json.dumps(RICH), segment=number, overlap=number)
    assert answer.status_code == 200
    assert 'data-segment-count="1"' in answer.content.decode()


# --- what waits for it ------------------------------------------------------------------------------------

IN_IT = [
    (
        "its filter",
        lambda pk: {"filter": {"rules": [{"if": "marketing.segment", "in": "in", "values": [str(pk)]}]}},
    ),
    ("a step", lambda pk: {"steps": [{"kind": "condition", "segment": pk}]}),
]


@pytest.mark.parametrize("how", [case[1] for case in IN_IT], ids=[case[0] for case in IN_IT])
def test_not_archived_while_a_journey_lets_people_in_or_on_by_it(segment, how):
    merchant = segment.merchant
    wait = [{"kind": "wait", "amount": 1, "unit": "days"}]
    with merchant_scope(merchant):
        given = {"steps": wait, **how(segment.pk)}
        made = journeys.journey_save(merchant=merchant, name="Path", trigger="orders.order_paid", **given)
        with pytest.raises(Conflict, match="Path"):
            segment_archive(segment=segment)
        Journey.objects.filter(pk=made.pk).update(state=Journey.State.STOPPED)
        segment_archive(segment=segment)
        assert not Segment.objects.live().exists()


# --- REST -------------------------------------------------------------------------------------------------


def test_rest_builds_and_stops(segment, client):
    key = {"HTTP_AUTHORIZATION": f"Bearer {make_key(segment.merchant)[1]}"}
    url = f"/api/v1/segments/{segment.pk}"
    build(segment)
    asked = client.post(f"{url}/build/", content_type="application/json", **key)
    assert (asked.status_code, asked.json()["building"]) == (202, "waiting")
    stopped = client.post(f"{url}/build/cancel/", content_type="application/json", **key)
    assert (stopped.status_code, stopped.json()["building"]) == (202, "stopping")
    build(segment)
    assert client.post(f"{url}/build/cancel/", content_type="application/json", **key).status_code == 409
    assert [one.actor.partition(":")[0] for one in news(segment.merchant, "segment_build_cancelled")] == [
        "key"
    ]
