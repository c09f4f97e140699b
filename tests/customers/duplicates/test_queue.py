"""The queue of probable duplicates, as members decide: one key, the next pair, and back."""

from __future__ import annotations

import re
from datetime import date

import pytest

from crm.accounts.models import Merchant
from crm.events.models import Event
from crm.lib.errors import Conflict
from crm.lib.tenancy import merchant_scope
from customers.duplicates import deciding
from customers.duplicates.touching import customers_compare
from customers.merging.services import customers_merge, merge_undo
from customers.models import Customer, DuplicatePair, MergeRecord
from tests.factories.customers import make_customer
from tests.factories.orders import make_order

pytestmark = pytest.mark.django_db
HX = {"HX-Request": "true"}
EVIDENCE = [
    {"field": "email", "level": "mailbox", "bits": 13.3},
    {"field": "given_name", "level": "nickname", "bits": 5.3},
    {"field": "birthday", "level": "different", "bits": -5.0},
]


def make_pair(
    merchant: Merchant, *, score: float = 9.0, band: str = "certain", **fields: object
) -> DuplicatePair:
    one = make_customer(merchant, f"Robert Marsh {score}", email=f"robert{score}@gmail.com", **fields)
    other = make_customer(merchant, f"Bob Marsh {score}", email=f"r.obert{score}@gmail.com", **fields)
    probability = 1 / (1 + 2**-score)
    pair: DuplicatePair = DuplicatePair.objects.create(
        merchant=merchant, low=one, high=other, score=score, probability=probability, band=band,
        evidence=EVIDENCE,
    )  # fmt: skip
    return pair


@pytest.fixture
def pairs(merchant: Merchant) -> list[DuplicatePair]:
    with merchant_scope(merchant):
        return [make_pair(merchant, score=12.0), make_pair(merchant, score=3.0, band="likely")]


def desk(response) -> str:
    """The names of the pair on the desk."""
    found = re.findall(r'rel="noopener">([^<]*)</a>', response.content.decode())
    return " + ".join(found)


def state(merchant: Merchant, pair: DuplicatePair) -> str:
    with merchant_scope(merchant):
        return DuplicatePair.objects.get(pk=pair.pk).state


def test_an_empty_queue_teaches(member_client):
    assert (
        "Nobody seems to be here twice"
        in member_client("owner").get("/customers/duplicates/").content.decode()
    )


def test_the_best_pair_stands_first_with_its_evidence_in_words(member_client, pairs):
    page = member_client("owner").get("/customers/duplicates/").content.decode()
    assert "Almost certainly one person" in page and "More than 999 of 1,000 such pairs" in page
    for words in ("the same mailbox, but for dots or a +tag", "a short form of it", "speaks for two people"):
        assert words in page


@pytest.mark.parametrize(
    "case, band, first",
    [
        ("all", "", "12.0"),
        ("certain", "certain", "12.0"),
        ("likely", "likely", "3.0"),
        ("nonsense", "x", "12.0"),
    ],
)
def test_a_certainty_narrows(member_client, pairs, case, band, first):
    page = member_client("owner").get(f"/customers/duplicates/?band={band}")
    assert desk(page) == f"Robert Marsh {first} + Bob Marsh {first}"


def test_the_fields_can_be_chosen_one_by_one(member_client, merchant, pairs):
    """Who stays stands first, as in the merge that the key would make."""
    with merchant_scope(merchant):
        pairs[0].high.metrics.__class__.objects.filter(pk=pairs[0].high_id).update(orders_count=1)
    address = f"/customers/{pairs[0].high_id}/merge/{pairs[0].low_id}/"
    assert address in member_client("owner").get("/customers/duplicates/").content.decode()
    assert address not in member_client("agent").get("/customers/duplicates/").content.decode()
    assert member_client("owner").get(address).status_code == 200


def test_refusing_shows_the_next_and_tells_the_log(member_client, merchant, pairs):
    answer = member_client("owner").post(f"/customers/duplicates/{pairs[0].pk}/refuse/", headers=HX)
    assert desk(answer) == "Robert Marsh 3.0 + Bob Marsh 3.0"
    assert state(merchant, pairs[0]) == "refused"
    with merchant_scope(merchant):
        assert Event.objects.filter(name="customers.duplicate_refused").count() == 1
        assert Customer.objects.present().count() == 4


def test_accepting_merges_into_who_has_more_orders(member_client, merchant, pairs):
    with merchant_scope(merchant):
        make_order(merchant, customer=pairs[0].high)
        pairs[0].high.metrics.__class__.objects.filter(pk=pairs[0].high_id).update(orders_count=1)
    answer = member_client("owner").post(f"/customers/duplicates/{pairs[0].pk}/accept/", headers=HX)
    assert desk(answer) == "Robert Marsh 3.0 + Bob Marsh 3.0"
    with merchant_scope(merchant):
        record = MergeRecord.objects.get()
        assert (record.survivor_id, record.absorbed_id) == (pairs[0].high_id, pairs[0].low_id)
        kept = DuplicatePair.objects.get(pk=pairs[0].pk)
        assert kept.state == "merged" and kept.merge_id == record.pk


@pytest.mark.parametrize("verb", ["accept", "refuse"])
def test_undo_brings_the_pair_back_to_the_desk(member_client, merchant, pairs, verb):
    client = member_client("owner")
    page = client.post(f"/customers/duplicates/{pairs[0].pk}/{verb}/", headers=HX).content.decode()
    assert f"/customers/duplicates/{pairs[0].pk}/undo/" in page
    answer = client.post(f"/customers/duplicates/{pairs[0].pk}/undo/", headers=HX)
    assert desk(answer) == "Robert Marsh 12.0 + Bob Marsh 12.0"
    assert state(merchant, pairs[0]) == "open"
    with merchant_scope(merchant):
        assert Customer.objects.present().count() == 4


def test_skipping_comes_round(member_client, pairs):
    client = member_client("owner")
    address = "/customers/duplicates/"
    for expected in ("Robert Marsh 3.0 + Bob Marsh 3.0", ""):
        page = client.get(address, headers=HX).content.decode()
        address = re.search(r'data-key="s" href="([^"]*)"', page)[1].replace("&amp;", "&")
        following = client.get(address, headers=HX)
        assert desk(following) == expected
    assert "You have seen them all" in following.content.decode()


def test_a_colleague_was_faster(member_client, merchant, pairs):
    first, second = member_client("owner"), member_client("manager")
    first.post(f"/customers/duplicates/{pairs[0].pk}/refuse/", headers=HX)
    late = second.post(f"/customers/duplicates/{pairs[0].pk}/accept/", headers=HX)
    assert late.status_code == 200 and "just before you" in late.headers["HX-Trigger"]
    assert desk(late) == "Robert Marsh 3.0 + Bob Marsh 3.0"
    assert state(merchant, pairs[0]) == "refused"
    with merchant_scope(merchant):
        assert not MergeRecord.objects.exists()
        with pytest.raises(Conflict):
            deciding.pair_accept(pair=pairs[0], by=None)


@pytest.mark.parametrize("role, status", [("owner", 200), ("manager", 200), ("agent", 403), ("viewer", 403)])
def test_who_decides(member_client, merchant, pairs, role, status):
    client = member_client(role)
    assert client.get("/customers/duplicates/").status_code == 200
    assert client.post(f"/customers/duplicates/{pairs[0].pk}/refuse/", headers=HX).status_code == status
    assert state(merchant, pairs[0]) == ("refused" if status == 200 else "open")


def test_without_the_permission_values_are_masked(member_client, pairs):
    page = member_client("viewer").get("/customers/duplicates/").content.decode()
    assert "robert12.0@gmail.com" not in page and "r•••@gmail.com" in page


def test_a_member_sees_pairs_of_which_both_are_theirs(member_client, merchant):
    client = member_client("manager", visibility="own")
    with merchant_scope(merchant):
        mine = merchant.memberships.get(visibility="own")
        both = make_pair(merchant, score=5.0, owner=mine)
        half = make_pair(merchant, score=9.0, owner=mine)
        Customer.objects.filter(pk=half.high_id).update(owner=None)
    assert desk(client.get("/customers/duplicates/")) == "Robert Marsh 5.0 + Bob Marsh 5.0"
    assert client.post(f"/customers/duplicates/{half.pk}/refuse/", headers=HX).status_code == 404
    assert state(merchant, half) == "open"
    assert client.post(f"/customers/duplicates/{both.pk}/refuse/", headers=HX).status_code == 200


def test_the_customer_page_says_who_looks_alike(member_client, merchant, pairs):
    card = member_client("owner").get(f"/customers/{pairs[0].low_id}/duplicates/").content.decode()
    assert "Looks like Bob Marsh 12.0" in card
    with merchant_scope(merchant):
        alone = make_customer(merchant, "Nobody Else")
    assert not member_client("owner").get(f"/customers/{alone.pk}/duplicates/").content.strip()


def test_other_pairs_of_the_absorbed_go(merchant, pairs):
    with merchant_scope(merchant):
        third = make_customer(merchant, "Rob Marsh")
        DuplicatePair.objects.create(
            merchant=merchant, low=pairs[0].high, high=third, score=2, probability=0.8, band="likely"
        )
        deciding.pair_accept(pair=pairs[0], by=None)
        assert list(DuplicatePair.objects.open()) == [pairs[1]]


def test_an_undone_merge_keeps_them_apart(merchant, pairs):
    with merchant_scope(merchant):
        deciding.pair_accept(pair=pairs[0], by=None)
        merge_undo(record=MergeRecord.objects.get())
        assert DuplicatePair.objects.get(pk=pairs[0].pk).state == "refused"


def test_an_undone_merge_is_not_asked_about_where_nobody_had_been_asked(scoped):
    """Merged from the customer's page: the undo is the first word about the two."""
    said = {"birthday_on": date(1980, 4, 2), "phone": ""}
    one = make_customer(scoped, "Robert Marsh", email="robert.marsh7@gmail.com", **said)
    other = make_customer(scoped, "Bob Marsh", email="robertmarsh7@gmail.com", **said)

    merge_undo(record=customers_merge(survivor=one, absorbed=other))
    customers_compare([one.pk, other.pk])

    assert DuplicatePair.objects.get().state == "refused"


def test_the_api_reads_and_decides(client, merchant, pairs):
    from tests.factories.accounts import make_key

    with merchant_scope(merchant):
        _key, secret = make_key(merchant, "customers.read", "customers.write")
    door = {"Authorization": f"Bearer {secret}"}
    found = client.get("/api/v1/duplicates/?state=open&band=certain", headers=door).json()["results"]
    assert [row["id"] for row in found] == [pairs[0].pk]
    assert found[0]["evidence"][0] == EVIDENCE[0]
    address = f"/api/v1/duplicates/{pairs[0].pk}/accept/"
    done = client.post(address, headers={**door, "Idempotency-Key": "one"})
    assert done.status_code == 200 and done.json()["state"] == "merged" and done.json()["merge"]
    again = client.post(address, headers={**door, "Idempotency-Key": "two"})
    assert again.status_code == 409 and again.json()["code"] == "already_decided"
    back = client.post(
        f"/api/v1/duplicates/{pairs[0].pk}/reopen/", headers={**door, "Idempotency-Key": "three"}
    )
    assert back.json()["state"] == "open" and back.json()["merge"] is None
