"""The shop's own fields of people and firms who were merged: unique ones, and those that refer to them."""

import pytest

from crm.lib.errors import Rejected
from crm.lib.tenancy import merchant_scope
from customers.companies.joining import company_merge
from customers.companies.services import company_change
from customers.fields.services import field_change
from customers.merging.services import customers_merge
from customers.services import customer_change
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


@pytest.mark.parametrize("noun", ["customer", "company"])
def test_a_field_becomes_unique_though_two_records_were_one(scope, noun):
    field = make_field(scope, "Card", "text", applies_to=noun)
    _survivor, other, change = card_merge(scope, noun)
    assert field_change(definition=field, changes={"is_unique": True}) == ["is_unique"]
    field_change(definition=field, changes={"is_unique": False})
    change(other, attributes={"card": "AB-1"})
    with pytest.raises(Rejected):
        field_change(definition=field, changes={"is_unique": True})
