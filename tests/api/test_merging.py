"""Merging by REST."""

from __future__ import annotations

import pytest

from customers.merging.services import customers_merge
from customers.models import MergeRecord
from tests.factories.customers import make_consent, make_customer

pytestmark = pytest.mark.django_db


@pytest.fixture
def pair(scoped):
    return make_customer(scoped, "Ada Chen"), make_customer(scoped, "A. Chen")


def test_a_dry_run_tells_and_writes_nothing(insider, pair):
    make_consent(pair[1])

    answer = insider.post_json(
        f"/api/v1/customers/{pair[0].pk}/merge/", {"absorb": pair[1].pk, "dry_run": True}
    )

    assert answer.status_code == 200, answer.content
    told = answer.json()
    assert told["merge"] is None
    assert {"name", "email"} <= {one["field"] for one in told["fields_kept"]}
    assert told["consents"] == [
        {"channel": "email", "purpose": "marketing", "survivor": None, "absorbed": True, "result": True}
    ]
    assert MergeRecord.objects.count() == 0


def test_merge_list_and_undo(insider, pair):
    made = insider.post_json(
        f"/api/v1/customers/{pair[0].pk}/merge/", {"absorb": pair[1].pk, "choices": {"name": "absorbed"}}
    ).json()["merge"]

    gone = insider.get(f"/api/v1/customers/{pair[1].pk}/")
    assert gone.status_code == 410
    assert gone.json()["code"] == "merged"
    assert gone.json()["fields"]["merged_into"] == [str(pair[0].pk)]
    assert insider.get(f"/api/v1/customers/{pair[0].pk}/").json()["name"] == "A. Chen"
    listed = insider.get(f"/api/v1/merges/?customer={pair[1].pk}").json()["results"]
    assert [one["id"] for one in listed] == [made["id"]]

    undone = insider.post_json(f"/api/v1/merges/{made['id']}/undo/", {})

    assert undone.json()["merge"]["state"] == "undone"
    assert insider.get(f"/api/v1/customers/{pair[1].pk}/").json()["name"] == "A. Chen"


def test_the_same_again_is_the_same_merge(insider, pair):
    url, body = f"/api/v1/customers/{pair[0].pk}/merge/", {"absorb": pair[1].pk}
    first = insider.post_json(url, body)

    again = insider.post_json(url, body)

    assert again.status_code == 200, again.content
    assert again.json()["merge"] == first.json()["merge"]
    assert MergeRecord.objects.count() == 1


@pytest.mark.parametrize(
    ("address", "body"),
    [
        ("addresses", {"line1": "1 Example Road"}),
        ("tasks", {"title": "Call"}),
        ("tickets", {"text": "Where is it?"}),
        ("loyalty/entries", {"points": 5, "reason": "sorry"}),
    ],
)
def test_nothing_is_written_on_somebody_merged_away(insider, pair, address, body):
    customers_merge(survivor=pair[0], absorbed=pair[1])

    answer = insider.post_json(f"/api/v1/{address}/", {**body, "customer": pair[1].pk})

    assert answer.status_code == 422, answer.content
    assert str(pair[0].pk) in answer.json()["fields"]["customer"][0]


def test_a_withdrawal_under_the_old_id_reaches_the_person(insider, pair):
    make_consent(pair[0])
    customers_merge(survivor=pair[0], absorbed=pair[1])

    answer = insider.post_json(
        "/api/v1/consents/", {"customer": pair[1].pk, "channel": "email", "granted": False}
    )

    assert answer.status_code == 201, answer.content
    assert answer.json()["customer"] == pair[0].pk


def test_another_shops_customers_are_not_there(outsider, insider, pair, rival):
    stranger = make_customer(rival)

    unseen = outsider.post_json(f"/api/v1/customers/{pair[0].pk}/merge/", {"absorb": pair[1].pk})
    assert unseen.status_code == 404
    refused = insider.post_json(f"/api/v1/customers/{pair[0].pk}/merge/", {"absorb": stranger.pk})
    assert refused.status_code == 422
    assert MergeRecord.objects.count() == 0


def test_another_shops_merge_is_not_undone(outsider, pair):
    record = customers_merge(survivor=pair[0], absorbed=pair[1])

    assert outsider.post_json(f"/api/v1/merges/{record.pk}/undo/", {}).status_code == 404
    record.refresh_from_db()
    assert record.is_active


def test_a_conflict_is_resolved(insider, scoped, pair):
    from customers.conflicts import conflicts_note

    conflicts_note(merchant=scoped, customer=pair[0], other_ids=[pair[1].pk], kinds=["email"], source="shop")
    row = insider.get("/api/v1/identity-conflicts/?state=open").json()["results"][0]
    url = f"/api/v1/identity-conflicts/{row['id']}/resolve/"

    assert insider.post_json(url, {"decision": "merge"}).status_code == 422
    answer = insider.post_json(url, {"decision": "merge", "survivor": pair[1].pk})

    assert answer.json()["state"] == "merged"
    assert MergeRecord.objects.get().survivor_id == pair[1].pk
