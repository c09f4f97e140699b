"""Segments on the page and by REST: who may, what it shows, what is refused, how many queries."""

import json

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from crm.accounts.models import Membership
from crm.lib.tenancy import merchant_scope
from customers.models import Customer
from customers.searching import search_rebuild_all
from customers.segmenting import Scope
from marketing.journeys import services as journeys
from marketing.models import Segment
from marketing.segments import counting, refreshing
from marketing.segments.compiling import compile_definition
from marketing.segments.explaining import segment_contains
from marketing.segments.pinning import members_pin
from tests.factories.accounts import make_key
from tests.factories.customers import make_company, make_customer
from tests.factories.orders import make_order
from tests.factories.segments import LOYAL, make_segment

WAIT = [{"kind": "wait", "amount": 1, "unit": "days"}]
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


def test_a_search_offers_only_the_companies_that_the_member_sees(merchant, member_client):
    make_company(merchant, "Acme")
    url, asked = reverse("segment_options"), {"condition": "companies.company", "field": "values", "q": "ac"}
    named = [label for _pk, label in member_client("marketer").get(url, asked).json()["options"]]
    assert named == ["Acme"]
    assert member_client("marketer", visibility="own").get(url, asked).json() == {"options": []}


def test_a_colleagues_company_has_no_name_for_who_may_not_see_it(merchant, member_client):
    firm = make_company(merchant, "Acme")
    mei = make_customer(merchant, "Mei", company=firm)
    rules = {"rules": [{"if": "companies.company", "is": "is", "values": [str(firm.pk)]}]}
    inner = make_segment(merchant, rules, "Inner")
    outer = make_segment(
        merchant, {"rules": [{"if": "marketing.segment", "in": "in", "values": [str(inner.pk)]}]}
    )
    journey = {"name": "J", "trigger": "orders.order_paid", "steps": WAIT, "filter": rules}
    with merchant_scope(merchant):
        path = journeys.journey_save(merchant=merchant, **journey)
    pages = {
        "list": reverse("segment_list"),
        "record": reverse("segment_detail", args=[inner.pk]),
        "maker": reverse("segment_edit", args=[inner.pk]),
        "why": f"{reverse('segment_why', args=[outer.pk])}?customer={mei.pk}",
        "journey": reverse("journey_detail", args=[path.pk]),
        "journey maker": reverse("journey_edit", args=[path.pk]),
    }
    everything, own = member_client("marketer"), member_client("marketer", visibility="own")
    with merchant_scope(merchant):
        Customer.objects.filter(pk=mei.pk).update(owner=Membership.objects.get(visibility="own"))
    for name, url in pages.items():
        assert "Acme" in everything.get(url).content.decode(), name
        answer = own.get(url)
        assert (answer.status_code, "Acme" in answer.content.decode()) == (200, False), name
        assert "own)" in answer.content.decode(), name
    assert "Acme" in preview(everything, rules).content.decode()
    assert "Acme" not in preview(own, rules).content.decode()


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


# --- dear rules, overlap, why -------------------------------------------------------------------------------

POOR = {"rules": [{"if": "orders.spent", "compare": "max", "value": "400"}]}


DEAR = {"rules": [*RICH["rules"], {"if": "tests.dear"}]}


def test_a_dear_rule_is_told_before_it_runs_and_counted_on_demand(segment, member_client, odd_conditions):
    client = member_client("marketer")
    with CaptureQueriesContext(connection) as ran:
        told = preview(client, DEAR).content.decode()
    assert "takes about" in told
    assert "data-count-anyway" in told
    assert "data-segment-count" not in told
    asked = [one["sql"].split()[0] for one in ran if "generate_series" in one["sql"]]
    assert asked == ["EXPLAIN"], "only the planner was asked"
    body = {"definition": json.dumps(DEAR), "anyway": "1"}
    assert 'data-segment-count="1"' in client.post(reverse("segment_preview"), body).content.decode()


def test_the_planner_expects_more_of_a_rule_that_reads_more(merchant):
    for _number in range(300):
        make_order(merchant, make_customer(merchant))
    with merchant_scope(merchant):
        cheap, dear = (
            counting.seconds_expected(compile_definition({"rules": rules}, Scope(merchant)))
            for rules in (
                [{"if": "customers.tag", "has": "has", "values": ["nobody's"]}],
                [{"if": "orders.times", "times": 1, "days": 900}, {"if": "orders.spent", "value": "1"}],
            )
        )
    assert 0 < cheap < dear


def test_statements_share_one_time_limit(scoped):
    """Three statements of half the time each don't take one and a half."""
    napped = []
    with pytest.raises(counting.TooDear):
        _three_naps(napped)
    assert len(napped) < 2
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("0",), "the limit ends with it"


def _three_naps(napped):
    with counting.patience(600):
        for _number in range(3):
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_sleep(0.4)")
                napped.append("whole")


def test_overlap_counts_who_is_in_both(segment, member_client, rival):
    make_customer(segment.merchant, "Cy", net=900)
    other = make_segment(segment.merchant, POOR, "Modest")
    theirs = make_segment(rival, POOR, "Theirs")
    client = member_client("marketer")
    body = {"definition": json.dumps(RICH), "overlap": other.pk}
    answer = client.post(reverse("segment_preview"), body).content.decode()
    assert "1 are also in “Modest”: 50" in answer
    page = client.get(reverse("segment_overlap", args=[segment.pk]), {"overlap": other.pk}).content.decode()
    assert "1 are also in “Modest”" in page
    own = member_client("marketer", visibility="own")
    hidden = own.get(reverse("segment_overlap", args=[segment.pk]), {"overlap": other.pk}).content.decode()
    assert "0 are also in “Modest”" in hidden, "whom one may not see one can't count"
    for wrong in (theirs.pk, "abc", ""):
        asked = client.get(reverse("segment_overlap", args=[segment.pk]), {"overlap": wrong})
        assert "also in" not in asked.content.decode()


def test_why_opens_into_the_segments_that_a_condition_names(segment):
    merchant = segment.merchant
    rules = [{"if": "marketing.segment", "in": "in", "values": [str(segment.pk)]}]
    outer = make_segment(merchant, {"rules": rules}, "Outer")
    with merchant_scope(merchant):
        bo = Customer.objects.get(name="Bo")
        told = [(one.level, one.holds, one.text) for one in segment_contains(outer, bo, None).reasons]
        assert told == [
            (0, False, "All of these"),
            (1, False, "who are in the segment Rich"),
            (2, False, "Not in “Rich”, because:"),
            (3, False, "All of these"),
            (4, False, "who spent at least ¥100 altogether, refunds taken off"),
        ]
        members_pin(segment=segment, customer_ids=[bo.pk], state="in")
        lines = segment_contains(outer, bo, None).reasons
        assert [one.text for one in lines if one.match == "segment"] == ["In “Rich”: put in by hand"]
        assert segment_contains(outer, bo, None).inside


def test_rest_tells_all_that_the_builder_knows(segment, rival, client):
    key = bearer(segment.merchant)
    known = {one["key"]: one for one in client.get("/api/v1/segments/conditions/", **key).json()}
    assert {"orders.matching", "companies.role", "marketing.campaign"} <= set(known)
    worth = next(one for one in known["orders.matching"]["details"] if one["name"] == "worth")
    assert [one["name"] for one in worth["fields"]] == ["worth", "worth_compare"]
    other = make_segment(segment.merchant, POOR, "Modest")
    body = {"definition": RICH, "overlap": other.pk}
    found = client.post("/api/v1/segments/preview/", body, content_type="application/json", **key).json()
    assert (found["count"], found["total"], len(found["sample"])) == (1, 2, 1)
    assert found["overlap"] == {"count": 1, "other_count": 2, "both": 1}
    with merchant_scope(segment.merchant):
        assert Segment.objects.count() == 2, "a preview saves nothing"
        bo = Customer.objects.get(name="Bo")
    url = f"/api/v1/segments/{segment.pk}"
    assert client.get(f"{url}/sample/", **key).json() == found["sample"]
    assert client.get(f"{url}/overlap/{other.pk}/", **key).json() == found["overlap"]
    why = client.get(f"{url}/why/{bo.pk}/", **key).json()
    assert (why["inside"], why["by_hand"], [one["holds"] for one in why["reasons"]]) == (
        False,
        "",
        [False] * 2,
    )
    theirs = bearer(rival)
    for path in (f"why/{bo.pk}/", f"overlap/{other.pk}/", "sample/"):
        assert client.get(f"{url}/{path}", **theirs).status_code == 404
    assert client.get(f"{url}/why/{make_customer(rival).pk}/", **key).status_code == 404
    stolen = {"definition": RICH, "overlap": segment.pk}
    refused = client.post("/api/v1/segments/preview/", stolen, content_type="application/json", **theirs)
    assert refused.status_code in (400, 422)


def test_rest_says_that_a_rule_is_dear(segment, client, odd_conditions):
    body = {"definition": DEAR}
    told = client.post(
        "/api/v1/segments/preview/", body, content_type="application/json", **bearer(segment.merchant)
    )
    assert (told.status_code, told.json()["code"]) == (422, "segment_dear")
