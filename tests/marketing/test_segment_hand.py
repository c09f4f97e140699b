"""By hand: lists, people put in beside a rule and kept out of it, wherever it is done."""

import threading

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from crm.events.actor import acting
from crm.events.models import Event
from crm.lib.errors import Conflict, Rejected
from crm.lib.privacy import Person
from crm.lib.tenancy import merchant_scope
from customers.merging.services import customers_merge, merge_undo
from customers.models import Customer, Metrics
from customers.searching import search_rebuild_all
from customers.segmenting import Scope
from marketing.models import Segment, SegmentMember, SegmentPin, TouchedCustomer
from marketing.privacy import wipe
from marketing.segments import refreshing
from marketing.segments.building import build_state
from marketing.segments.counting import people_of
from marketing.segments.explaining import hand_words, segment_contains
from marketing.segments.pinning import IN, OUT, RULE, Pinned, members_pin
from marketing.segments.selectors import segment_count, segment_member_ids_sql, segment_sentence
from marketing.segments.services import segment_archive, segment_save
from marketing.segments.touching import memberships
from tests.factories.accounts import make_key, make_member
from tests.factories.customers import make_customer
from tests.factories.segments import make_segment
from tests.support.conditions import waiting_at_the_gate

RICH = {"rules": [{"if": "orders.spent", "compare": "min", "value": "100"}]}


@pytest.fixture
def people(merchant):
    return {
        name: make_customer(merchant, name, net=net) for name, net in (("Anna", 300), ("Bo", 3), ("Cy", 900))
    }


@pytest.fixture
def rule(merchant, people):
    """Rich: Anna and Cy; built."""
    made = make_segment(merchant, RICH, "Rich")
    with merchant_scope(merchant):
        refreshing.segment_refresh(segment=made)
        made.refresh_from_db()
    return made


@pytest.fixture
def hand_list(merchant, people):
    """A list by hand; built, empty."""
    with merchant_scope(merchant):
        made = segment_save(merchant=merchant, name="Friends", kind="list", definition=None)
        refreshing.segment_refresh(segment=made)
        made.refresh_from_db()
    return made


def pin(segment, *customers, state=IN, **more):
    with merchant_scope(segment.merchant):
        return members_pin(segment=segment, customer_ids=[one.pk for one in customers], state=state, **more)


def inside(segment):
    """By every way of asking: the kept list, the compiled statement, the statement for touched customers, the
    explanation; all must agree."""
    with merchant_scope(segment.merchant):
        segment = Segment.objects.select_related("merchant").get(pk=segment.pk)
        everybody = dict(Customer.objects.values_list("pk", "name"))
        kept = set(SegmentMember.objects.filter(segment=segment).values_list("customer__name", flat=True))
        compiled = set(people_of(segment_member_ids_sql(segment)).values_list("name", flat=True))
        touched = memberships([segment], Scope(segment.merchant, customer_ids=tuple(everybody)))[segment.pk]
        told = {one.name for one in Customer.objects.all() if segment_contains(segment, one, None).inside}
        assert kept == compiled == {everybody[pk] for pk in touched} == told
        assert segment.members_count == len(kept) == segment_count(segment)
        return kept


def news(merchant, name):
    with merchant_scope(merchant):
        return list(Event.objects.filter(name=f"marketing.{name}").order_by("pk"))


def test_a_list_holds_whom_it_was_told_and_nobody_else(people, hand_list):
    assert inside(hand_list) == set()
    assert pin(hand_list, people["Bo"], people["Cy"]) == Pinned(2, 2)
    assert inside(hand_list) == {"Bo", "Cy"}
    assert pin(hand_list, people["Bo"], state=RULE) == Pinned(1, 1)
    assert inside(hand_list) == {"Cy"}


def test_put_in_and_kept_out_beside_a_rule(people, rule):
    assert inside(rule) == {"Anna", "Cy"}
    pin(rule, people["Bo"])
    pin(rule, people["Cy"], state=OUT)
    assert inside(rule) == {"Anna", "Bo"}
    with merchant_scope(rule.merchant):
        Metrics.objects.filter(customer=people["Bo"]).update(net=900)
        refreshing.segment_refresh(segment=rule)
    assert inside(rule) == {"Anna", "Bo"}, "a build keeps what was done by hand, and counts nobody twice"
    pin(rule, people["Bo"], people["Cy"], state=RULE)
    assert inside(rule) == {"Anna", "Bo", "Cy"}


def test_a_segment_of_segments_keeps_to_what_was_done_by_hand(people, rule, merchant):
    pin(rule, people["Bo"])
    pin(rule, people["Cy"], state=OUT)
    outer = {"rules": [{"if": "marketing.segment", "in": "in", "values": [str(rule.pk)]}]}
    both = make_segment(merchant, outer, "Outer")
    with merchant_scope(merchant):
        refreshing.segment_refresh(segment=both)
    assert inside(both) == {"Anna", "Bo"}


def test_each_is_announced_with_who_did_it_and_only_once(people, rule):
    with acting("user:7"):
        pin(rule, people["Bo"], people["Anna"])
    assert [one.actor for one in news(rule.merchant, "segment_pinned")] == ["user:7", "user:7"]
    assert [one.customer_id for one in news(rule.merchant, "segment_entered")] == [people["Bo"].pk]
    assert pin(rule, people["Bo"]) == Pinned(1, 0)
    assert len(news(rule.merchant, "segment_pinned")) == 2
    pin(rule, people["Bo"], state=OUT)
    assert [one.customer_id for one in news(rule.merchant, "segment_kept_out")] == [people["Bo"].pk]
    assert len(news(rule.merchant, "segment_left")) == 1


def test_why_says_by_whom(people, rule):
    member = make_member(rule.merchant, "marketer", name="Li Na")
    pin(rule, people["Bo"], actor=member)
    with merchant_scope(rule.merchant):
        answer = segment_contains(rule, people["Bo"], None)
        assert (answer.inside, answer.rule_holds) == (True, False)
        assert "Added by hand: Li Na" in hand_words(answer.by_hand)
        assert "1 put in by hand" in segment_sentence(Segment.objects.get(pk=rule.pk), None)


def test_strangers_erased_and_absorbed_people_are_not_put_in(people, hand_list, rival):
    merchant = hand_list.merchant
    gone = make_customer(merchant, "Gone", erased_at=timezone.now())
    was = make_customer(merchant, "Anna before", merged_into=people["Anna"])
    assert pin(hand_list, gone, was, make_customer(rival, "Twin")) == Pinned(1, 1)
    assert inside(hand_list) == {"Anna"}, "the absorbed one is who they are now"


REFUSED = [
    ("an unknown word", "perhaps", Rejected),
    ("out of a list, which has no rule", OUT, Rejected),
]


@pytest.mark.parametrize(
    ("state", "error"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_refuses_and_changes_nothing(people, hand_list, state, error):
    with pytest.raises(error):
        pin(hand_list, people["Bo"], state=state)
    assert inside(hand_list) == set()


def test_an_archived_segment_takes_nobody(people, hand_list):
    with merchant_scope(hand_list.merchant):
        segment_archive(segment=hand_list)
    with pytest.raises(Conflict):
        pin(hand_list, people["Bo"])
    with merchant_scope(hand_list.merchant):
        assert not SegmentPin.objects.exists()


def test_erasure_takes_them_off_with_the_counts(people, hand_list, rule):
    pin(hand_list, people["Cy"], people["Bo"])
    pin(rule, people["Cy"], state=OUT)
    with merchant_scope(rule.merchant):
        wipe(Person(rule.merchant.pk, {people["Cy"].pk}))
        Customer.objects.filter(pk=people["Cy"].pk).update(erased_at=timezone.now())
    assert inside(hand_list) == {"Bo"}
    hand_list.refresh_from_db()
    rule.refresh_from_db()
    assert (hand_list.pinned_in, rule.pinned_out) == (1, 0)


@pytest.mark.django_db(transaction=True)
def test_by_hand_while_a_sweep_holds_the_segment_and_the_same_person(people, rule, odd_conditions):
    """The sweep waits for nobody who waits for it; what it knew too early is looked at again."""
    merchant, bo = rule.merchant, people["Bo"]
    with merchant_scope(merchant):
        gated = {"rules": [*RICH["rules"], {"if": "tests.gate"}]}
        Segment.objects.filter(pk=rule.pk).update(definition=gated)
        Metrics.objects.filter(customer=bo).update(net=900)
        refreshing.touch(merchant_id=merchant.pk, customer_ids=[bo.pk])
        TouchedCustomer.objects.update(due_at=timezone.now())

    def by_hand():
        pin(rule, bo, state=OUT)
        connection.close()

    other = threading.Thread(target=by_hand)
    with waiting_at_the_gate(refreshing.touched_sweep) as go_on, merchant_scope(merchant):
        other.start()
        written = SegmentPin.objects.filter(segment=rule)
        assert any(written.exists() or threading.Event().wait(0.05) for _try in range(100))
        go_on()
        other.join(20)
    assert len(news(merchant, "segment_entered")) == 1, "nobody was broken off"
    with merchant_scope(merchant):
        TouchedCustomer.objects.update(due_at=timezone.now())
    refreshing.touched_sweep()
    assert inside(rule) == {"Anna", "Cy"}


def test_a_merge_takes_what_was_done_by_hand_along(people, hand_list):
    merchant = hand_list.merchant
    pin(hand_list, people["Bo"])
    with merchant_scope(merchant):
        customers_merge(survivor=people["Anna"], absorbed=people["Bo"])
        refreshing.look_again(segment=hand_list, customer_ids=[people["Anna"].pk])
    assert inside(hand_list) == {"Anna"}


def test_two_who_are_one_are_counted_once_until_they_are_two_again(people, hand_list, member_client):
    merchant = hand_list.merchant
    pin(hand_list, people["Anna"], people["Bo"])

    def told():
        with merchant_scope(merchant):
            hand_list.refresh_from_db()
        page = member_client("marketer").get(reverse("segment_hand", args=[hand_list.pk]))
        return hand_list.pinned_in, sorted(one.customer.name for one in page.context["pins"])

    assert told() == (2, ["Anna", "Bo"])
    with merchant_scope(merchant):
        record = customers_merge(survivor=people["Anna"], absorbed=people["Bo"])
    assert told() == (1, ["Anna"])
    with merchant_scope(merchant):
        merge_undo(record=record)
    assert told() == (2, ["Anna", "Bo"])


# --- pages --------------------------------------------------------------------------------------------------


def test_pages_insider_colleague_outsider(people, rule, member_client, rival_client):
    url, body = reverse("segment_pin", args=[rule.pk]), {"ids": [people["Bo"].pk], "state": "in"}
    assert member_client("viewer").post(url, body).status_code == 403
    assert rival_client.post(url, body).status_code == 404
    assert inside(rule) == {"Anna", "Cy"}
    own = member_client("marketer", visibility="own")
    assert own.post(url, body).status_code == 302
    assert inside(rule) == {"Anna", "Cy"}, "whom one may not see one can't put in"
    assert member_client("marketer").post(url, body).status_code == 302
    assert inside(rule) == {"Anna", "Bo", "Cy"}


def test_the_segments_page_finds_people_to_put_in(people, rule, member_client):
    with merchant_scope(rule.merchant):
        search_rebuild_all()
    client = member_client("marketer")
    found = client.get(reverse("segment_hand_find", args=[rule.pk]), {"q": "Bo"}).content.decode()
    assert f'value="{people["Bo"].pk}"' in found
    pin(rule, people["Bo"])
    assert "put in" in client.get(reverse("segment_detail", args=[rule.pk])).content.decode()
    assert ">Bo<" in client.get(reverse("segment_hand", args=[rule.pk])).content.decode()


def test_a_new_list_by_the_page(merchant, member_client):
    client = member_client("marketer")
    assert "segment-builder" not in client.get(reverse("segment_create"), {"kind": "list"}).content.decode()
    done = client.post(reverse("segment_create"), {"name": "Friends", "kind": "list"})
    assert done.status_code == 302
    with merchant_scope(merchant):
        assert Segment.objects.get().is_list


def test_from_the_customer_page(people, rule, member_client):
    client, bo = member_client("marketer"), people["Bo"]
    card = reverse("customer_segments", args=[bo.pk])
    assert "Put into a segment" in client.get(card).content.decode()
    change = reverse("customer_segment_pin", args=[bo.pk])
    assert client.post(change, {"segment": rule.pk, "state": "in"}).status_code == 302
    assert inside(rule) == {"Anna", "Bo", "Cy"}
    assert "put in by hand" in client.get(card).content.decode()
    assert client.post(change, {"segment": "abc", "state": "in"}).status_code == 422


def test_from_the_customer_list(people, hand_list, member_client):
    client = member_client("marketer")
    url = reverse("segment_pin_many")
    ticked = {"ids": [people["Anna"].pk, people["Bo"].pk]}
    assert "2 customers" in client.post(url, ticked).content.decode()
    assert client.post(url, {**ticked, "segment": "", "state": "in"}).status_code == 422
    assert client.post(url, {**ticked, "segment": hand_list.pk, "state": "in"}).status_code == 302
    assert inside(hand_list) == {"Anna", "Bo"}
    assert client.get(url, {"query": ""}).status_code == 403, "everybody takes a permission of its own"
    owner = member_client("owner")
    assert owner.post(url, {"query": "", "segment": hand_list.pk, "state": "in"}).status_code == 302
    assert inside(hand_list) == {"Anna", "Bo", "Cy"}


def test_masses_are_told_by_their_number_and_counted_in_the_background(people, hand_list, member_client):
    merchant = hand_list.merchant
    with merchant_scope(merchant):
        Customer.objects.bulk_create(
            Customer(merchant=merchant, name=f"No {at}") for at in range(1_004 - len(people))
        )
    asked = {"query": "", "segment": hand_list.pk, "state": "in"}
    assert member_client("owner").post(reverse("segment_pin_many"), asked).status_code == 302
    with merchant_scope(merchant):
        hand_list.refresh_from_db()
        assert (hand_list.pinned_in, hand_list.members_count) == (1_004, 0)
        assert build_state(hand_list).code == "waiting"
        refreshing.segment_refresh(segment=hand_list)
        hand_list.refresh_from_db()
    assert hand_list.members_count == 1_004
    assert [one.data["count"] for one in news(merchant, "segment_pins_changed")] == [1_000, 4]
    assert news(merchant, "segment_pinned") == news(merchant, "segment_entered") == []


def upload(text, name="people.csv"):
    return SimpleUploadedFile(name, text.encode(), content_type="text/csv")


def test_from_a_file(people, hand_list, member_client):
    email = people["Anna"].email
    rows = f"email,id\n {email.upper()} ,\n,{people['Cy'].pk}\nnobody@example.com,\n{email},\n,\n"
    url = reverse("segment_file", args=[hand_list.pk])
    page = member_client("marketer").post(url, {"file": upload(rows), "state": "in"}).content.decode()
    assert "4 rows named somebody: 2 found, 2 changed" in page
    assert "nobody@example.com" in page
    assert inside(hand_list) == {"Anna", "Cy"}
    wrong = member_client("marketer").post(url, {"file": upload("colour\nred\n"), "state": "in"})
    assert wrong.status_code == 422
    assert "No column names anybody" in wrong.content.decode()


def test_a_file_names_nobody_whom_the_member_may_not_see(people, hand_list, member_client):
    url = reverse("segment_file", args=[hand_list.pk])
    own = member_client("marketer", visibility="own")
    own.post(url, {"file": upload(f"id\n{people['Cy'].pk}\n"), "state": "in"})
    assert inside(hand_list) == set()


# --- REST -------------------------------------------------------------------------------------------------


def test_rest_makes_a_list_and_puts_people_on_it(people, merchant, rival, client):
    key = {"HTTP_AUTHORIZATION": f"Bearer {make_key(merchant)[1]}", "content_type": "application/json"}
    made = client.post("/api/v1/segments/", {"name": "Friends", "kind": "list"}, **key)
    assert made.status_code == 201, made.content
    with merchant_scope(merchant):
        segment = Segment.objects.select_related("merchant").get()
        refreshing.segment_refresh(segment=segment)
    url = f"/api/v1/segments/{segment.pk}/members/"
    stranger = make_customer(rival, "Twin")
    done = client.post(url, {"customers": [people["Bo"].pk, stranger.pk]}, **key)
    assert done.json() == {"found": 1, "changed": 1}
    assert inside(segment) == {"Bo"}
    pins = client.get(f"/api/v1/segments/{segment.pk}/pins/", **key).json()["results"]
    assert [(one["customer"], one["state"]) for one in pins] == [(people["Bo"].pk, "in")]
    assert next(one.actor for one in news(merchant, "segment_pinned")).startswith("key:")
    assert client.delete(f"{url}{people['Bo'].pk}/", **key).status_code == 204
    assert client.delete(f"{url}{people['Bo'].pk}/", **key).status_code == 404
    assert inside(segment) == set()
    reader = {"HTTP_AUTHORIZATION": f"Bearer {make_key(merchant, 'segments.read')[1]}"}
    body = {"customers": [people["Bo"].pk]}
    assert client.post(url, body, content_type="application/json", **reader).status_code == 403
    theirs = {"HTTP_AUTHORIZATION": f"Bearer {make_key(rival)[1]}"}
    assert client.post(url, body, content_type="application/json", **theirs).status_code == 404
    assert inside(segment) == set()


def test_rest_a_rule_needs_a_definition(merchant, client):
    key = {"HTTP_AUTHORIZATION": f"Bearer {make_key(merchant)[1]}", "content_type": "application/json"}
    for body in ({"name": "All"}, {"name": "All", "definition": None}):
        assert client.post("/api/v1/segments/", body, **key).status_code in (400, 422)
    with merchant_scope(merchant):
        assert not Segment.objects.exists()
