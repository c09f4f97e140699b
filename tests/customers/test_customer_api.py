"""Customers and consents by REST: upsert by identity, never a merge, a ledger that only grows."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from crm.lib.tenancy import merchant_scope
from customers.models import Consent, Customer
from customers.searching import customer_ids_found
from tests.api.conftest import ApiClient
from tests.factories.accounts import make_key
from tests.factories.customers import make_consent, make_customer


@pytest.fixture
def client(merchant):
    return ApiClient(make_key(merchant)[1])


def test_an_unknown_person_is_created_and_found(client, merchant):
    answer = client.post_json(
        "customers/", {"name": "李晓梅", "email": "Li@Example.CN", "tags": ["vip"], "company": "清河"}
    )

    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert (body["outcome"], body["email"], body["company"]) == ("created", "li@example.cn", "清河")
    assert [one["value"] for one in body["identities"]] == ["li@example.cn"]
    assert body["metrics"]["net"] == "0.00"
    with merchant_scope(merchant):
        assert customer_ids_found("晓梅") == [body["id"]]


def test_a_known_one_is_updated_and_the_same_again_is_unchanged(client, merchant):
    known = make_customer(merchant, "Anna", email="anna@example.com")

    changed = client.post_json("customers/", {"email": "ANNA@example.com", "city": "Berlin", "country": "DE"})
    again = client.post_json("customers/", {"email": "anna@example.com", "city": "Berlin"})

    assert (changed.status_code, changed.json()["outcome"], changed.json()["id"]) == (
        200,
        "updated",
        known.pk,
    )
    assert again.json()["outcome"] == "unchanged"
    assert again.json()["name"] == "Anna"


def test_a_thousand_rows_each_get_their_answer(client, merchant):
    make_customer(merchant, email="known@example.com", name="Old")
    rows = [
        {"email": "known@example.com", "name": "New"},
        {"email": "no address"},
        {"email": "fresh@example.com"},
        {},
    ]

    body = client.post_json("customers/", {"customers": rows}).json()

    assert [one["outcome"] for one in body["results"]] == ["updated", "refused", "created", "refused"]
    assert body["results"][1]["fields"].keys() == {"email"}
    with merchant_scope(merchant):
        assert set(Customer.objects.values_list("email", flat=True)) == {
            "known@example.com",
            "fresh@example.com",
        }


def test_keys_of_two_people_are_a_conflict_and_change_nothing(client, merchant):
    first = make_customer(merchant, "A", email="a@example.com")
    second = make_customer(merchant, "B", email="b@example.com", phone="+8613800138000")

    answer = client.post_json(
        "customers/", {"email": "a@example.com", "phone": "+8613800138000", "name": "C"}
    )

    assert answer.status_code == 409
    assert answer.json()["code"] == "identity_conflict"
    with merchant_scope(merchant):
        assert list(Customer.objects.order_by("pk").values_list("name", flat=True)) == ["A", "B"]
        assert {first.pk, second.pk} == set(Customer.objects.values_list("pk", flat=True))


def test_patch_changes_only_what_is_sent(client, merchant):
    one = make_customer(merchant, "Anna", email="anna@example.com", city="Berlin")

    answer = client.patch(
        f"/api/v1/customers/{one.pk}/", {"email": "new@example.com"}, content_type="application/json"
    )

    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert (body["email"], body["city"], body["name"]) == ("new@example.com", "Berlin", "Anna")
    assert {row["value"] for row in body["identities"]} == {"anna@example.com", "new@example.com"}


def test_somebody_elses_address_is_refused_with_the_field(client, merchant):
    make_customer(merchant, email="taken@example.com")
    one = make_customer(merchant, email="mine@example.com")

    answer = client.patch(
        f"/api/v1/customers/{one.pk}/", {"email": "taken@example.com"}, content_type="application/json"
    )

    assert answer.status_code == 422
    assert (answer.json()["code"], list(answer.json()["fields"])) == ("identity_taken", ["email"])
    with merchant_scope(merchant):
        assert Customer.objects.get(pk=one.pk).email == "mine@example.com"


@pytest.mark.parametrize(
    "query, names",
    [
        ("q=晓梅", ["李晓梅"]),
        ("email=li@example.cn", ["李晓梅"]),
        ("tag=vip", ["李晓梅"]),
        ("stage=repeat", ["Anna"]),
        ("country=DE", ["Anna"]),
        ("", ["Anna", "李晓梅"]),
    ],
)
def test_filters(client, merchant, query, names):
    client.post_json("customers/", {"name": "李晓梅", "email": "li@example.cn", "tags": ["vip"]})
    client.post_json(
        "customers/", {"name": "Anna", "email": "a@example.com", "country": "DE", "stage": "repeat"}
    )

    body = client.get(f"customers/?{query}").json()

    assert [row["name"] for row in body["results"]] == names


def test_the_list_costs_the_same_at_2_and_at_50_rows(client, merchant):
    counts = []
    for wanted, more in ((2, 2), (50, 48)):
        for _number in range(more):
            make_customer(merchant)
        client.get("customers/")  # the key's last use is written once a while
        with CaptureQueriesContext(connection) as queries:
            assert len(client.get("customers/").json()["results"]) == wanted
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_consent_is_a_ledger(client, merchant):
    one = make_customer(merchant)
    said = {
        "customer": one.pk,
        "channel": "email",
        "granted": True,
        "source": "checkout",
        "proof": {"ip": "192.0.2.1"},
    }

    first, same = client.post_json("consents/", said), client.post_json("consents/", said)
    withdrawn = client.post_json("consents/", said | {"granted": False})

    assert [first.status_code, same.status_code, withdrawn.status_code] == [201, 200, 201]
    assert first.json()["id"] == same.json()["id"]
    listed = client.get(f"consents/?customer={one.pk}").json()["results"]
    assert [row["granted"] for row in listed] == [False, True]
    assert listed[1]["proof"] == {"ip": "192.0.2.1"}


def test_the_rival_sees_and_touches_nothing(merchant, rival):
    mine = make_customer(merchant, "Canary", email="canary@example.com")
    make_consent(mine)
    outsider = ApiClient(make_key(rival)[1])

    assert outsider.get(f"customers/{mine.pk}/").status_code == 404
    assert outsider.get("customers/").json()["results"] == []
    assert outsider.get("consents/").json()["results"] == []
    answer = outsider.post_json("consents/", {"customer": mine.pk, "channel": "email", "granted": False})
    assert answer.status_code == 422
    made = outsider.post_json("customers/", {"email": "canary@example.com", "name": "Mine"})
    assert made.json()["outcome"] == "created"
    with merchant_scope(merchant):
        assert Customer.objects.get().name == "Canary"
        assert Consent.objects.get().granted
