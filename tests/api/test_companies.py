"""Companies and contacts by API: upserts, refusals, and nothing for a rival."""

from __future__ import annotations

import pytest

from crm.lib.tenancy import merchant_scope
from customers.models import Company
from tests.factories.customers import make_company, make_customer


def test_companies_are_upserted_by_external_id(insider, merchant):
    body = {"external_id": "erp-1", "name": "青禾商贸", "kind": "distributor", "credit_limit": "5000.00"}
    first = insider.post_json("companies/", body)
    assert (first.status_code, first.json()["outcome"], first.json()["credit_limit"]) == (
        201,
        "created",
        "5000.00",
    )
    again = insider.post_json("companies/", body | {"payment_days": 30})
    assert (again.status_code, again.json()["outcome"], again.json()["id"]) == (
        200,
        "updated",
        first.json()["id"],
    )
    many = insider.post_json("companies/", {"companies": [body, {"external_id": "erp-2", "name": ""}]}).json()
    assert [one["status"] for one in many["results"]] == [200, 422]
    assert insider.get("companies/", {"q": "qinghe"}).json()["results"][0]["id"] == first.json()["id"]


def test_the_tree_is_kept_by_api(insider, merchant):
    top = make_company(merchant, "Top")
    low = make_company(merchant, "Low", parent=top)
    refused = insider.patch(
        f"/api/v1/companies/{top.pk}/", {"parent": low.pk}, content_type="application/json"
    )
    assert refused.status_code == 422
    assert "parent" in refused.json()["fields"]
    assert insider.delete(f"/api/v1/companies/{top.pk}/").status_code == 422
    assert insider.delete(f"/api/v1/companies/{low.pk}/").status_code == 204


@pytest.mark.parametrize("field", ["parent", "absorbed"])
def test_a_rivals_company_is_nobody(insider, merchant, rival, field):
    mine, theirs = make_company(merchant), make_company(rival)
    path = f"companies/{mine.pk}/merge/" if field == "absorbed" else "companies/"
    refused = insider.post_json(
        path, {"name": "x", "parent": theirs.pk} if field == "parent" else {field: theirs.pk}
    )
    assert refused.status_code == 422
    with merchant_scope(rival):
        assert Company.objects.get().archived_at is None


def test_contacts_come_and_go(insider, outsider, merchant):
    company, person = make_company(merchant), make_customer(merchant, "Ada")
    body = {"company": company.pk, "customer": person.pk, "roles": ["buyer"], "is_primary": True}
    made = insider.post_json("company-contacts/", body)
    assert (made.status_code, made.json()["name"]) == (201, "Ada")
    pk = made.json()["id"]
    assert outsider.get(f"company-contacts/{pk}/").status_code == 404
    assert outsider.post_json("company-contacts/", body).status_code == 422
    assert insider.get("company-contacts/", {"role": "buyer"}).json()["results"][0]["id"] == pk
    assert insider.delete(f"/api/v1/company-contacts/{pk}/").status_code == 204


def test_a_key_that_reads_does_not_write(key_with, merchant):
    reader = key_with("companies.read")
    assert reader.get("companies/").status_code == 200
    assert reader.post_json("companies/", {"name": "x"}).status_code == 403
