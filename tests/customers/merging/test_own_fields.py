"""The shop's own fields of people and firms who were merged: unique ones, and those that refer to them."""

import pytest

from crm.lib.errors import Rejected
from crm.lib.tenancy import merchant_scope
from customers.companies.joining import company_merge
from customers.companies.services import company_change
from customers.fields.services import field_change
from customers.fields.showing import names_for
from customers.merging.services import customers_merge, merge_undo
from customers.services import customer_change
from tests.factories.accounts import make_member
from tests.factories.customers import make_company, make_customer
from tests.factories.fields import make_field


@pytest.fixture
def scope(merchant):
    with merchant_scope(merchant):
        yield merchant


def card_merge(scope, noun):
    """A survivor that took its unique card number from the absorbed one, and how it is changed."""
    pair = {"attributes": {"card": "AB-1"}}
    if noun == "customer":
        survivor, absorbed = make_customer(scope, "Li"), make_customer(scope, "Li", **pair)
        customers_merge(survivor=survivor, absorbed=absorbed)
        change = lambda row, **values: customer_change(customer=row, source="staff", **values)  # noqa: E731
        other = make_customer(scope, "Wang")
    else:
        survivor, absorbed = make_company(scope, "Li Ltd"), make_company(scope, "Li Ltd", **pair)
        company_merge(survivor=survivor, absorbed=absorbed)
        change = lambda row, **values: company_change(company=row, source="staff", **values)  # noqa: E731
        other = make_company(scope, "Wang Ltd")
    survivor.refresh_from_db()
    return survivor, other, change


@pytest.mark.parametrize("noun", ["customer", "company"])
def test_the_survivor_keeps_a_unique_value_to_itself(scope, noun):
    make_field(scope, "Card", "text", is_unique=True, applies_to=noun)
    survivor, other, change = card_merge(scope, noun)
    assert survivor.attributes == {"card": "AB-1"}
    assert change(survivor, attributes={"card": "AB-1"}) == []
    with pytest.raises(Rejected) as refused:
        change(other, attributes={"card": "AB-1"})
    assert "attributes.card" in refused.value.fields


def test_who_was_merged_is_named_as_they_are_now(scope):
    field = make_field(scope, "Advised by", "customer", key="adviser")
    survivor, absorbed = make_customer(scope, "Ada Chen"), make_customer(scope, "A. C.")
    friend = make_customer(scope, "Li", attributes={"adviser": absorbed.pk})

    def said(member=None):
        return names_for([field], [friend.attributes], member).name("customer", friend.attributes["adviser"])

    record = customers_merge(survivor=survivor, absorbed=absorbed)
    assert said() == "Ada Chen"
    assert said(make_member(scope, "agent", visibility="own")) == f"#{absorbed.pk}"
    merge_undo(record=record)
    assert said() == "A. C."


def test_a_form_that_names_who_was_merged_can_be_saved(scope):
    make_field(scope, "Advised by", "customer", key="adviser")
    survivor, absorbed = make_customer(scope, "Ada Chen"), make_customer(scope, "A. C.")
    friend = make_customer(scope, "Li", attributes={"adviser": absorbed.pk})
    customers_merge(survivor=survivor, absorbed=absorbed)
    assert customer_change(customer=friend, source="staff", attributes={"adviser": str(absorbed.pk)})
    friend.refresh_from_db()
    assert friend.attributes == {"adviser": survivor.pk}


def test_what_names_a_merged_company_names_the_survivor(scope):
    """By id and, though both have the name, by name."""
    for noun in ("customer", "company"):
        make_field(scope, "Delivered by", "company", key="carrier", applies_to=noun)
    survivor, absorbed, older = (make_company(scope, "Swift") for _number in range(3))
    company_merge(survivor=absorbed, absorbed=older)
    person = make_customer(scope, "Li", attributes={"carrier": absorbed.pk})
    firm = make_company(scope, "Leaf", attributes={"carrier": absorbed.pk})
    stranger = make_customer(scope, "Wang", attributes={"carrier": firm.pk})
    company_change(company=survivor, source="staff", attributes={"carrier": str(absorbed.pk)})
    company_merge(survivor=survivor, absorbed=absorbed)
    for row, named in ((person, survivor), (firm, survivor), (survivor, survivor), (stranger, firm)):
        row.refresh_from_db()
        assert row.attributes == {"carrier": named.pk}
    older.refresh_from_db()
    assert older.merged_into_id == survivor.pk
    customer_change(customer=stranger, source="staff", attributes={"carrier": "swift"})
    stranger.refresh_from_db()
    assert stranger.attributes == {"carrier": survivor.pk}


@pytest.mark.parametrize("noun", ["customer", "company"])
def test_a_field_becomes_unique_though_two_records_were_one(scope, noun):
    field = make_field(scope, "Card", "text", applies_to=noun)
    _survivor, other, change = card_merge(scope, noun)
    assert field_change(definition=field, changes={"is_unique": True}) == ["is_unique"]
    field_change(definition=field, changes={"is_unique": False})
    change(other, attributes={"card": "AB-1"})
    with pytest.raises(Rejected):
        field_change(definition=field, changes={"is_unique": True})
