"""What colleagues and their programs heap up around a person."""

from __future__ import annotations

from crm.accounts.models import Membership
from crm.accounts.saved_views.services import view_create
from crm.exports.models import Export
from crm.exports.services import export_ask
from crm.exports.working import work_on
from crm.lib.tenancy import merchant_scope
from customers.companies.contacts import contact_add
from customers.companies.services import company_create
from customers.duplicates.touching import customers_compare
from customers.models import Company, Customer, DuplicatePair, IdentityConflict, MatchKeys
from customers.notes import note_add
from customers.todos.services import task_add
from tests.factories.accounts import make_member
from tests.factories.customers import make_customer


def keep_around(customer: Customer, word: str, author: Membership) -> None:
    """A firm they speak for, tasks, a mention, notices, a twin, a conflict, a view and two exports; `word` in
    every text. In the merchant's scope."""
    merchant, name = customer.merchant, f"Mei {word}"
    mate = make_member(merchant, "agent", name="Bo Mate")
    firm = company_create(
        merchant=merchant,
        source="staff",
        name="Qinghe Trading",
        email=customer.email,
        tags=[name, "reseller"],
    )
    contact_add(company=firm, customer=customer, roles=["buyer"], title=f"Head {word}")
    task_add(merchant=merchant, creator=author, assignee=mate, customer=customer, title=f"Call {name}")
    task_add(merchant=merchant, creator=author, assignee=mate, customer=customer, title="Send the samples")
    task_add(merchant=merchant, creator=author, company=firm, title=f"Ask {name} for terms", text=name)
    task_add(merchant=merchant, creator=author, title="Count the tea")
    note_add(author=author, text=f"@Bo Mate {name} decides", company=firm)
    note_add(author=author, text=f"@Bo Mate look at {word}", customer=customer)
    view_create(
        merchant=merchant, member=author, list_key="customers", name=f"Only {name}", query=f"q=Mei+{word}"
    )
    _twins(customer)
    _exports(customer, word, author)


def _twins(customer: Customer) -> None:
    other = make_customer(customer.merchant, "Somebody Else", email="else@example.com")
    customers_compare([customer.pk])
    low, high = sorted([customer.pk, other.pk])
    DuplicatePair.objects.create(
        merchant=customer.merchant, low_id=low, high_id=high, score=9, probability=0.9, band="likely"
    )
    IdentityConflict.objects.create(
        merchant=customer.merchant, first_id=low, second_id=high, kinds=["email"], source="shopify"
    )
    assert MatchKeys.objects.filter(customer=customer).exists()
    assert Company.objects.filter(email=customer.email).exists()


def _exports(customer: Customer, word: str, author: Membership) -> None:
    for query, reason in ((f"q=Mei+{word}", f"Letter to Mei {word}"), ("", "Everybody's cards")):
        export = export_ask(
            merchant=customer.merchant,
            membership=author,
            kind="customers",
            query=query,
            reason=reason,
            format="csv",
        )
        with merchant_scope(customer.merchant):
            assert work_on(merchant_id=export.merchant_id, export_id=export.pk)
    assert Export.objects.filter(state=Export.State.READY).count() == 2
