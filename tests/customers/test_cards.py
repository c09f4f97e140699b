"""People as vCards: what stands on them, who gets them, and the way back."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from crm.accounts.models import Membership, Merchant
from crm.events.models import Event
from crm.exports.files import full_path
from crm.imports.readers import open_table
from crm.lib.tenancy import merchant_scope
from customers.cards import cards, folded, names_of
from customers.companies.contacts import contact_add
from customers.models import Customer
from tests.customers.import_steps import mapped, refusals, run
from tests.exports.steps import ask, write
from tests.factories.accounts import make_member, make_merchant
from tests.factories.customers import make_address, make_company, make_customer
from tests.factories.fixtures import client_of


@pytest.fixture
def mei(merchant: Merchant) -> Customer:
    facts: dict[str, Any] = {"email": "mei@example.cn", "phone": "+8613800138000", "language": "zh-hans"}
    with merchant_scope(merchant):
        mei = make_customer(merchant, "李梅", birthday_on=date(1990, 5, 4), tags=["vip", "a;b"], **facts)
        place = {"city": "杭州", "province": "浙江", "postal_code": "310000", "country": "CN"}
        make_address(mei, line1="文三路 1 号, 2 楼", district="西湖区", kind="home", is_default=True, **place)
        shop = make_company(merchant, "青禾; 商贸")
        contact_add(company=shop, customer=mei, roles=["buyer"], title="采购经理")
        return mei


def card(customer: Customer, *, whole: bool = True) -> list[str]:
    (text,) = cards(Customer.objects.filter(pk=customer.pk), whole=whole)
    assert text.endswith("END:VCARD\r\n")
    return text.replace("\r\n ", "").splitlines()


def test_a_card_says_what_is_known(merchant: Merchant, mei: Customer) -> None:
    with merchant_scope(merchant):
        lines = card(mei)
    assert lines[:2] == ["BEGIN:VCARD", "VERSION:4.0"]
    assert {
        "FN:李梅",
        "N:李;梅;;;",
        "EMAIL;PREF=1:mei@example.cn",
        "TEL;VALUE=uri;PREF=1:tel:+8613800138000",
        "ADR;TYPE=home;PREF=1:;;文三路 1 号\\, 2 楼,西湖区;杭州;浙江;310000;CN",
        "BDAY:19900504",
        "ORG:青禾\\; 商贸",
        "TITLE:采购经理",
        "LANG:zh-Hans",
        "CATEGORIES:vip,a\\;b",
    } <= set(lines)
    assert len([line for line in lines if line.startswith(("UID:urn:uuid:", "REV:", "ROLE:"))]) == 3


def test_nothing_to_reach_them_by_for_who_may_not_see_it(merchant: Merchant, mei: Customer) -> None:
    with merchant_scope(merchant):
        text = "\n".join(card(mei, whole=False))
    assert "FN:李梅" in text
    assert not [name for name in ("EMAIL", "TEL", "ADR", "BDAY", "1990", "1380") if name in text]


@pytest.mark.parametrize(
    "name, family, given",
    [
        ("欧阳明月", "欧阳", "明月"),
        ("李梅", "李", "梅"),
        ("Ann Lee Smith", "Smith", "Ann Lee"),
        ("Cher", "", "Cher"),
    ],
)
def test_the_parts_of_a_name(name: str, family: str, given: str) -> None:
    assert names_of(Customer(name=name)) == (family, given)


def test_lines_are_folded_between_letters() -> None:
    lines = folded("NOTE:" + "茶" * 100).split("\r\n")
    assert max(len(line.encode()) for line in lines) <= 75
    assert "".join(line.removeprefix(" ") for line in lines) == "NOTE:" + "茶" * 100


@pytest.mark.parametrize("role, status", [("agent", 200), ("viewer", 403)])
def test_one_card_is_had_at_once_and_logged_first(
    merchant: Merchant, mei: Customer, role: str, status: int
) -> None:
    client = client_of(make_member(merchant, role))
    assert client.get(f"/customers/{mei.pk}/card/").status_code == 405 if status == 200 else 403
    answer = client.post(f"/customers/{mei.pk}/card/")
    assert answer.status_code == status
    with merchant_scope(merchant):
        logged = Event.objects.filter(name="accounts.data_exported", customer_id=mei.pk)
        assert logged.count() == (1 if status == 200 else 0)
    assert ("mei@example.cn" in answer.content.decode()) is (status == 200)


def test_a_card_of_somebody_whom_the_member_may_not_see(merchant: Merchant, mei: Customer) -> None:
    bound = make_member(merchant, "agent", visibility="own")
    assert client_of(bound).post(f"/customers/{mei.pk}/card/").status_code == 404


def test_many_leave_as_an_export_and_come_back(merchant: Merchant, mei: Customer) -> None:
    with merchant_scope(merchant):
        make_customer(merchant, "Zoë", email="zoe@example.de", country="DE")
        make_customer(merchant, "Not ticked", email="no@example.de")
        zoe = Customer.objects.get(name="Zoë")
    owner: Membership = make_member(merchant, "owner")
    export = write(ask(owner, kind="customers", format="vcf", ids=[mei.pk, zoe.pk]))
    assert (export.state, export.rows) == ("ready", 2)
    other = make_merchant("other", country="CN")
    with merchant_scope(other):
        batch = run(mapped(other, full_path(export.file_path), kind="customers"))
        assert refusals(batch) == []
        back = Customer.objects.get(email="mei@example.cn")
        assert (back.name, back.family_name, back.phone) == ("李梅", "李", "+8613800138000")
        assert (back.birthday_on, back.language, back.tags) == (
            date(1990, 5, 4),
            "zh-hans",
            ["vip", "a", "b"],
        )
        assert (back.company.name, back.city) == ("青禾; 商贸", "杭州")
        assert back.addresses.get().line1.startswith("文三路 1 号, 2 楼")
        assert Customer.objects.count() == 2


def test_the_contacts_of_one_company(merchant: Merchant, mei: Customer) -> None:
    owner = make_member(merchant, "owner")
    with merchant_scope(merchant):
        company = mei.company_links.get().company
        contact_add(company=make_company(merchant, "Elsewhere"), customer=make_customer(merchant, "Bo"))
    export = write(ask(owner, kind="company_contacts", format="vcf", query=f"company={company.pk}"))
    table = open_table(full_path(export.file_path))
    (batch,) = table.batches()
    found = dict(zip(table.columns, (column[0] for column in batch.cells), strict=True))
    assert (len(batch), found["name"], found["company"]) == (1, "李梅", "青禾; 商贸")


def test_orders_make_no_address_book(merchant: Merchant, mei: Customer) -> None:
    from crm.lib.errors import Rejected

    with pytest.raises(Rejected):
        ask(make_member(merchant, "owner"), kind="companies", format="vcf")
