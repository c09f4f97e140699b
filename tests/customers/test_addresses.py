"""Addresses: the lines of each country, postal codes, and the one to use."""

from __future__ import annotations

import pytest

from crm.lib.errors import Rejected
from customers.addressing import address_lines, postal_code_fits
from customers.belongings import address_add, address_change, address_remove
from customers.models import Address
from tests.api.conftest import ApiClient
from tests.factories.accounts import make_key
from tests.factories.customers import make_customer


@pytest.mark.parametrize(
    "country, parts, home, lines",
    [
        (
            "CN",
            {"province": "上海市", "city": "上海市", "district": "徐汇区", "line1": "衡山路 1 号"}
            | {"name": "李晓梅", "postal_code": "200030", "phone": "13800138000"},
            "CN",
            ["200030", "上海市徐汇区衡山路 1 号", "李晓梅 13800138000"],
        ),
        (
            "DE",
            {"name": "Anna Koch", "line1": "Elbweg 3", "city": "Hamburg", "postal_code": "20095"},
            "CN",
            ["Anna Koch", "Elbweg 3", "20095 Hamburg", "Germany"],
        ),
        (
            "US",
            {"name": "Ann", "line1": "1 Main St", "city": "Austin", "province": "TX", "postal_code": "78701"},
            "US",
            ["Ann", "1 Main St", "Austin, TX 78701"],
        ),
        (
            "GB",
            {"name": "Ann", "line1": "1 High St", "city": "Bristol", "postal_code": "BS1 4ST"},
            "GB",
            ["Ann", "1 High St", "Bristol", "BS1 4ST"],
        ),
        (
            "HK",
            {"line1": "1 Queen's Road", "city": "Hong Kong", "postal_code": "999"},
            "HK",
            ["1 Queen's Road", "Hong Kong"],
        ),
        ("", {"line1": "Somewhere 1", "city": "Town"}, "CN", ["Somewhere 1", "Town"]),
    ],
)
def test_an_address_is_written_as_its_country_does(country, parts, home, lines):
    assert address_lines(Address(country=country, **parts), home=home) == lines


@pytest.mark.parametrize(
    "code, country, fits",
    [
        ("200030", "CN", True),
        ("20003", "CN", False),
        ("K1A 0B1", "CA", True),
        ("k1a0b1", "CA", True),
        ("D1A 0B1", "CA", False),
        ("SW1A 1AA", "GB", True),
        ("12345-6789", "US", True),
        ("anything", "AQ", True),
        ("", "DE", True),
    ],
)
def test_postal_codes(code, country, fits):
    assert postal_code_fits(code, country) is fits


def test_there_is_always_one_to_use(scoped):
    person = make_customer(scoped)
    first = address_add(customer=person, line1="A", city="X")
    second = address_add(customer=person, line1="B", city="X", kind="work")
    assert (first.is_default, second.is_default) == (True, False)
    assert address_change(address=second, is_default=True) == ["is_default"]
    assert list(person.addresses.filter(is_default=True)) == [second]
    address_remove(address=second)
    assert list(person.addresses.filter(is_default=True)) == [first]


@pytest.mark.parametrize(
    "fields, field",
    [
        ({"postal_code": "1", "country": "CN", "city": "X"}, "postal_code"),
        ({"name": "Nobody"}, "line1"),
        ({"city": "X", "country": "ZZZ"}, "country"),
    ],
)
def test_what_is_wrong_is_refused(scoped, fields, field):
    with pytest.raises(Rejected) as refused:
        address_add(customer=make_customer(scoped), **fields)
    assert field in refused.value.fields
    assert not Address.objects.exists()


def test_by_page_only_who_sees_addresses_changes_them(scoped, member_client):
    person = make_customer(scoped)
    address = address_add(customer=person, line1="Hidden lane 1", city="X")
    url = f"/customers/{person.pk}/addresses/{address.pk}/"
    client = member_client("agent")
    assert "Hidden lane 1" in client.get(url).content.decode()
    client.post(url, {"kind": "work", "line1": "New lane", "city": "X", "country": "CN"})
    address.refresh_from_db()
    assert (address.line1, address.kind) == ("New lane", "work")
    refused = client.post(url, {"kind": "work", "city": "X", "country": "CN", "postal_code": "1"})
    assert refused.status_code == 422
    assert member_client("viewer").get(url).status_code == 403


def test_by_api(scoped):
    insider, person = ApiClient(make_key(scoped)[1]), make_customer(scoped)
    made = insider.post_json("addresses/", {"customer": person.pk, "city": "Hamburg", "country": "DE"})
    assert (made.status_code, made.json()["is_default"]) == (201, True)
    assert made.json()["lines"] == ["Hamburg", "Germany"]
    wrong = insider.patch(
        f"/api/v1/addresses/{made.json()['id']}/", {"postal_code": "x"}, content_type="application/json"
    )
    assert list(wrong.json()["fields"]) == ["postal_code"]
    assert insider.delete(f"/api/v1/addresses/{made.json()['id']}/").status_code == 204
