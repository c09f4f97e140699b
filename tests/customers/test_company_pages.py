"""The company pages: what they show, to whom, and what they refuse."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers.companies import selectors
from customers.companies.contacts import contact_add
from customers.models import Company, CompanyContact, FieldDefinition
from tests.api.conftest import ApiClient
from tests.factories.accounts import make_key
from tests.factories.customers import make_company, make_customer
from tests.factories.fields import make_field
from tests.factories.orders import make_channel, make_order


@pytest.fixture
def owner_client(member_client):
    return member_client("owner")


def test_a_company_is_made_and_changed_by_form(owner_client, scoped):
    top = make_company(scoped, "Holding")
    answer = owner_client.post(
        "/companies/new/",
        {
            "name": "青禾商贸",
            "kind": "distributor",
            "parent": f"Holding #{top.pk}",
            "country": "CN",
            "tags": "a，b",
        },
    )
    one = Company.objects.get(name="青禾商贸")
    assert answer["Location"] == f"/companies/{one.pk}/"
    assert (one.parent, one.kind, one.tags) == (top, "distributor", ["a", "b"])
    form = {"name": "青禾商贸", "kind": "distributor", "parent": "", "country": "CN", "tax_number": "1"}
    refused = owner_client.post(f"/companies/{one.pk}/edit/", form)
    assert refused.status_code == 422
    assert "check digit" in refused.content.decode()
    one.refresh_from_db()
    assert one.parent == top
    assert (
        owner_client.post(
            f"/companies/{top.pk}/edit/", {"name": "H", "kind": "customer", "parent": "青禾商贸"}
        ).status_code
        == 422
    )


def test_the_list_searches_filters_and_keeps_its_queries(owner_client, scoped):
    make_company(scoped, "云上茶行", kind="supplier")
    counts = []
    for _round in range(2):
        with CaptureQueriesContext(connection) as queries:
            page = owner_client.get("/companies/").content.decode()
        counts.append(len(queries))
        for number in range(20):
            make_company(scoped, f"青禾 {number}", kind="distributor", city="Hangzhou")
    assert "云上茶行" in page
    assert counts[0] == counts[1]
    found = owner_client.get("/companies/?q=yunshang").content.decode()
    assert "云上茶行" in found
    assert "青禾" not in found
    assert "云上茶行" not in owner_client.get("/companies/?kind=distributor").content.decode()


def test_the_record_shows_people_tree_orders_and_story(owner_client, scoped):
    top = make_company(scoped, "Holding")
    company = make_company(scoped, "Branch & Sons <b>", parent=top, payment_days=30, price_group="Gold")
    person = make_customer(scoped, "Ada Buyer", company=company)
    contact_add(company=company, customer=person, roles=["buyer"], title="Head of tea", is_primary=True)
    make_order(scoped, person)
    page = owner_client.get(f"/companies/{company.pk}/").content.decode()
    for words in (
        "Ada Buyer",
        "Head of tea",
        "Buyer",
        "Holding",
        "Gold",
        "pays within 30 days",
        "Speaks for",
    ):
        assert words in page, words
    assert "Sons <b>" not in page
    card = owner_client.get(f"/companies/{company.pk}/orders/").content.decode()
    assert "Ada Buyer" in card
    assert "Branch &amp; Sons" in owner_client.get(f"/customers/{person.pk}/companies/").content.decode()


def test_contacts_are_added_changed_and_taken_off(owner_client, scoped):
    company, person = make_company(scoped), make_customer(scoped, "Ada")
    url = f"/companies/{company.pk}/contacts/"
    assert owner_client.post(url, {"who": "nobody at all"}).status_code == 422
    added = owner_client.post(url, {"who": f"Ada #{person.pk}", "roles": ["buyer"], "title": "CEO"})
    assert "CEO" in added.content.decode()
    owner_client.post(f"{url}{person.pk}/", {"roles": ["legal"], "title": ""})
    assert CompanyContact.objects.get().roles == ["legal"]
    owner_client.post(f"{url}{person.pk}/delete/")
    assert not CompanyContact.objects.exists()
    assert owner_client.post(f"{url}{person.pk}/delete/").status_code == 404


@pytest.mark.parametrize(
    "visibility, owns, sees", [("own", True, True), ("own", False, False), ("all", False, True)]
)
def test_visibility_is_kept_everywhere(member_client, scoped, visibility, owns, sees):
    client = member_client("agent", visibility=visibility)
    company = make_company(scoped, "Hidden Leaf", owner=client.membership if owns else None)
    assert (client.get(f"/companies/{company.pk}/").status_code == 200) is sees
    for path in ("/companies/", "/companies/find/?parent=hidden", "/search/?q=hidden"):
        assert ("Hidden Leaf" in client.get(path).content.decode()) is sees, path


def test_a_viewer_looks_and_changes_nothing(member_client, scoped):
    client, company = member_client("viewer"), make_company(scoped)
    assert client.get(f"/companies/{company.pk}/").status_code == 200
    for path in ("edit/", "merge/", "archive/", "delete/", "contacts/"):
        assert client.post(f"/companies/{company.pk}/{path}", {}).status_code == 403, path
    company.refresh_from_db()
    assert company.archived_at is None


def test_a_channel_is_given_to_a_distributor(owner_client, scoped):
    company, channel = make_company(scoped, "青禾商贸"), make_channel(scoped)
    owner_client.post(f"/orders/channels/{channel.pk}/seller/", {"company": f"青禾商贸 #{company.pk}"})
    channel.refresh_from_db()
    assert channel.company == company
    assert "青禾商贸" in owner_client.get("/orders/channels/").content.decode()


def test_merging_by_page(owner_client, scoped):
    kept, gone = make_company(scoped, "Twin"), make_company(scoped, "Twin")
    page = owner_client.get(f"/companies/{kept.pk}/merge/").content.decode()
    assert f"#{gone.pk}" in page
    assert owner_client.post(f"/companies/{kept.pk}/merge/", {"absorbed": f"x #{kept.pk}"}).status_code == 422
    owner_client.post(f"/companies/{kept.pk}/merge/", {"absorbed": f"Twin #{gone.pk}"})
    gone.refresh_from_db()
    assert gone.merged_into == kept
    assert "Twin" in owner_client.get(f"/companies/{gone.pk}/").content.decode()


def test_a_long_list_of_contacts_begins_with_the_first_to_ask(member_client, scoped, monkeypatch):
    """Also when they would stand behind the cut by their name; who is behind the cut isn't called hidden."""
    monkeypatch.setattr(selectors, "MOST_CONTACTS", 2)
    member = member_client("agent", visibility="own").membership
    company = make_company(scoped, owner=member)
    for name in ("Ada", "Bea", "Cleo"):
        make_customer(scoped, name, company=company, owner=member)
    make_customer(scoped, "Somebody else's", company=company)
    first = make_customer(scoped, "Zoe", company=company, owner=member)
    contact_add(company=company, customer=first, is_primary=True)
    found = selectors.contacts_for(company, member)
    assert [one.name for one in found.shown] == ["Zoe", "Ada"]
    assert (found.is_cut, found.hidden) == (True, 1)


def test_a_company_has_the_shops_own_fields(owner_client, scoped):
    make_field(scoped, "Delivery window", "choice", choices=["Morning", "Evening"], applies_to="company")
    make_field(scoped, "Founded", "date", applies_to="company", section="History")
    make_field(scoped, "Favourite tea", "text")
    company = make_company(scoped, "Leaf Ltd", attributes={"founded": "2001-05-09"})
    edit = f"/companies/{company.pk}/edit/"
    form = owner_client.get(edit).content.decode()
    assert "Delivery window" in form and 'value="2001-05-09"' in form
    assert "Favourite tea" not in form
    said = {"name": "Leaf Ltd", "kind": "customer", "field_founded": "2001年6月9日"}
    refused = owner_client.post(edit, said | {"field_delivery_window": "Noon"})
    assert refused.status_code == 422
    assert owner_client.post(edit, said | {"field_delivery_window": "Morning"}).status_code == 302
    company.refresh_from_db()
    assert company.attributes == {"delivery_window": "Morning", "founded": "2001-06-09"}
    page = owner_client.get(f"/companies/{company.pk}/").content.decode()
    assert "History" in page and "Morning" in page
    assert "Favourite tea" not in page


@pytest.mark.parametrize("role, shown", [("owner", True), ("viewer", False)])
def test_a_personal_field_of_a_company_is_masked(member_client, scoped, role, shown):
    make_field(scoped, "Founder", "text", applies_to="company", is_personal=True)
    company = make_company(scoped, attributes={"founder": "Wang Xiaoming"})
    page = member_client(role).get(f"/companies/{company.pk}/").content.decode()
    assert ("Wang Xiaoming" in page) is shown


def test_fields_of_companies_are_set_up_beside_those_of_customers(owner_client, scoped):
    made = {"label": "Founded", "type": "date", "applies_to": "company"}
    assert owner_client.post("/settings/fields/new/", made).status_code == 302
    field = FieldDefinition.objects.get(key="founded")
    assert field.applies_to == "company"
    make_field(scoped, "Favourite tea", "text")
    assert re.findall(
        r"gx-card__title[^>]*>\s*(Customers|Companies)",
        owner_client.get("/settings/fields/").content.decode(),
    ) == [
        "Customers",
        "Companies",
    ]
    company = make_company(scoped, "Old & Co", attributes={"founded": "2001-05-09"})
    tried = owner_client.post(
        f"/settings/fields/{field.pk}/", made | {"try": "1", "type": "number"}
    ).content.decode()
    assert f'href="/companies/{company.pk}/"' in tried


def test_a_program_changes_the_fields_it_names(scoped):
    make_field(scoped, "Founded", "date", applies_to="company")
    make_field(scoped, "Cups", "number", applies_to="company")
    company = make_company(scoped, attributes={"founded": "2001-05-09"})
    client = ApiClient(make_key(scoped, "companies.read", "companies.write")[1])
    url = f"/api/v1/companies/{company.pk}/"
    json = {"content_type": "application/json"}
    changed = client.patch(url, {"attributes": {"cups": "1,200"}}, **json)
    assert changed.json()["attributes"] == {"founded": "2001-05-09", "cups": 1200}
    refused = client.patch(url, {"attributes": {"nonsense": 1}}, **json)
    assert refused.status_code == 422
    assert "attributes.nonsense" in refused.content.decode()
