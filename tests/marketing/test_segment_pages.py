"""Segments on the page and by REST: who may, what it shows, what is refused, how many queries."""

import json

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from crm.lib.tenancy import merchant_scope
from customers.searching import search_rebuild_all
from marketing.models import Segment
from marketing.segments import refreshing
from tests.factories.accounts import make_key
from tests.factories.customers import make_customer
from tests.factories.segments import LOYAL, make_segment

RICH = {"rules": [{"if": "orders.spent", "compare": "min", "value": "100"}]}


@pytest.fixture
def segment(merchant):
    make_customer(merchant, "Anna", net=300)
    make_customer(merchant, "Bo", net=3)
    made = make_segment(merchant, RICH, "Rich")
    with merchant_scope(merchant):
        refreshing.segment_refresh(segment=made)
    return made


def preview(client, definition):
    return client.post(reverse("segment_preview"), {"definition": json.dumps(definition)})


def test_insider_colleague_outsider(segment, member_client, rival_client, client):
    detail = reverse("segment_detail", args=[segment.pk])
    edit = reverse("segment_edit", args=[segment.pk])
    marketer, viewer, agent = member_client("marketer"), member_client("viewer"), member_client("agent")
    assert marketer.get(detail).status_code == 200
    assert marketer.get(edit).status_code == 200
    assert viewer.get(detail).status_code == 200
    assert viewer.get(edit).status_code == 403
    assert viewer.post(reverse("segment_archive", args=[segment.pk])).status_code == 403
    assert agent.get(detail).status_code == 403
    for name in ("segment_detail", "segment_edit", "segment_people", "segment_why"):
        assert rival_client.get(reverse(name, args=[segment.pk])).status_code == 404
    assert rival_client.post(reverse("segment_archive", args=[segment.pk])).status_code == 404
    assert client.get(detail).status_code == 302
    with merchant_scope(segment.merchant):
        assert Segment.objects.live().count() == 1


def test_the_record_says_what_it_is_and_who(segment, member_client):
    page = member_client("marketer").get(reverse("segment_detail", args=[segment.pk])).content.decode()
    assert "People who spent at least ¥100 altogether" in page
    assert "Anna" in page
    assert ">Bo<" not in page
    assert f"{reverse('campaign_create')}?segment={segment.pk}" in page


def test_the_builder_counts_while_typing(segment, member_client):
    answer = preview(member_client("marketer"), RICH).content.decode()
    assert 'data-segment-count="1"' in answer
    assert "Anna" in answer


def test_an_agent_with_own_customers_sees_no_others(segment, member_client):
    own = member_client("marketer", visibility="own")
    answer = preview(own, RICH).content.decode()
    assert 'data-segment-count="0"' in answer
    assert "Anna" not in answer


def test_faults_are_told_by_their_place(merchant, member_client):
    answer = preview(member_client("marketer"), {"rules": [{"if": "orders.times", "times": 0, "days": 1}]})
    assert "rules.0.times" in answer.content.decode()
    broken = member_client("marketer").post(reverse("segment_preview"), {"definition": "{"})
    assert broken.status_code == 200
    assert "data-segment-count" not in broken.content.decode()


def test_saving_and_a_refusal_that_keeps_what_was_typed(merchant, member_client):
    client = member_client("marketer")
    done = client.post(reverse("segment_create"), {"name": "Loyal", "definition": json.dumps(LOYAL)})
    assert done.status_code == 302
    again = client.post(reverse("segment_create"), {"name": "loyal", "definition": json.dumps(LOYAL)})
    assert again.status_code == 409
    assert 'value="loyal"' in again.content.decode()
    with merchant_scope(merchant):
        assert Segment.objects.count() == 1


def test_why_finds_the_person_and_says_each_condition(segment, member_client):
    with merchant_scope(segment.merchant):
        search_rebuild_all()
        bo = make_customer(segment.merchant, "Cy", net=1)
    client = member_client("marketer")
    url = reverse("segment_why", args=[segment.pk])
    assert "Anna" in client.get(url, {"q": "Ann"}).content.decode()
    answer = client.get(url, {"customer": bo.pk}).content.decode()
    assert "is not in the segment" in answer
    assert "spent at least" in answer


def test_search_fields_offer_what_the_shop_has(merchant, rival, member_client):
    make_customer(merchant, tags=["vip"])
    make_customer(rival, tags=["victim"])
    url = reverse("segment_options")
    found = (
        member_client("marketer")
        .get(url, {"condition": "customers.tag", "field": "values", "q": "vi"})
        .json()
    )
    assert found == {"options": [["vip", "vip"]]}
    nothing = member_client("marketer").get(url, {"condition": "orders.times", "field": "times"}).json()
    assert nothing == {"options": []}


def test_the_list_costs_the_same_for_two_and_for_twenty(
    merchant, member_client, django_assert_max_num_queries, django_assert_num_queries
):
    client = member_client("marketer")
    for _number in range(2):
        make_segment(merchant, RICH)
    with django_assert_max_num_queries(25) as two:
        client.get(reverse("segment_list"))
    for _number in range(18):
        make_segment(merchant, RICH)
    with django_assert_num_queries(len(two)):
        assert client.get(reverse("segment_list")).status_code == 200


def test_command_counts_by_name(segment, rival, capsys):
    call_command("segment_count", "rich", merchant=segment.merchant.slug)
    assert capsys.readouterr().out.strip() == "1"
    with pytest.raises(CommandError, match="no segment"):
        call_command("segment_count", "rich", merchant=rival.slug)


# --- REST -------------------------------------------------------------------------------------------------


def bearer(merchant, *scopes):
    return {"HTTP_AUTHORIZATION": f"Bearer {make_key(merchant, *scopes)[1]}"}


def test_rest_makes_reads_counts_lists_archives(segment, client):
    key = bearer(segment.merchant)
    body = {"name": "Loyal", "definition": LOYAL}
    made = client.post("/api/v1/segments/", body, content_type="application/json", **key)
    assert made.status_code == 201, made.content
    assert made.json()["definition"]["rules"][0]["if"] == "orders.times"
    listed = client.get("/api/v1/segments/", **key).json()["results"]
    assert {one["name"] for one in listed} == {"Rich", "Loyal"}
    assert client.get(f"/api/v1/segments/{segment.pk}/count/", **key).json() == {"count": 1}
    members = client.get(f"/api/v1/segments/{segment.pk}/members/", **key)
    assert len(members.json()["results"]) == 1, members.content
    assert client.delete(f"/api/v1/segments/{segment.pk}/", **key).status_code == 204
    assert client.get(f"/api/v1/segments/{segment.pk}/", **key).status_code == 404


def test_rest_refuses_what_it_should(segment, rival, client):
    key = bearer(segment.merchant)
    bad = {"name": "X", "definition": {"rules": [{"if": "nope"}]}}
    refused = client.post("/api/v1/segments/", bad, content_type="application/json", **key)
    assert refused.status_code == 422
    assert "rules.0" in refused.json()["fields"]
    reader = bearer(segment.merchant, "segments.read")
    assert client.delete(f"/api/v1/segments/{segment.pk}/", **reader).status_code == 403
    theirs = bearer(rival)
    for path in ("", "count/", "members/"):
        assert client.get(f"/api/v1/segments/{segment.pk}/{path}", **theirs).status_code == 404
