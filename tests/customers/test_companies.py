"""Companies: the tree without rings, contacts and their roles, terms, merging, archive."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from crm.events.models import Event
from crm.lib.errors import Conflict, NotFound, Rejected
from crm.lib.tenancy import merchant_scope
from customers.companies.contacts import contact_add, contact_change, contact_remove, contacts_of
from customers.companies.joining import company_merge
from customers.companies.searching import matching
from customers.companies.selectors import credits_of
from customers.companies.services import (
    company_archive,
    company_change,
    company_create,
    company_delete,
    company_restore,
    company_upsert,
)
from customers.companies.tax import normalise_tax_number
from customers.companies.tree import MOST_LEVELS, ancestor_ids, tree_of
from customers.models import Company, CompanyContact, Customer
from customers.searching import customer_ids_found
from orders.companies import channel_give
from tests.factories.accounts import make_member, make_rate
from tests.factories.customers import make_company, make_customer
from tests.factories.orders import make_channel, make_order


def names_of(kind: str) -> list[str]:
    return list(Event.objects.filter(name__startswith=kind).order_by("pk").values_list("name", flat=True))


# --- facts --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "case, field, value, country, kept",
    [
        ("a Chinese credit code", "tax_number", "91110000600037341l", "CN", "91110000600037341L"),
        ("a German number with its letters", "tax_number", "DE 136,695 976", "DE", "136695976"),
        ("a bare host", "website", "example.com", "", "https://example.com"),
        ("a domestic phone", "phone", "021 6234 5678", "CN", "+862162345678"),
        ("wide letters", "name", "ＡＣＭＥ　Ｔｅａ", "", "ACME Tea"),
        ("a country that nobody has rules for", "tax_number", "ab-123", "AQ", "AB-123"),
    ],
)
def test_facts_come_in_one_form(scoped, case, field, value, country, kept):
    company = company_create(
        merchant=scoped, source="test", **{"name": "A", "country": country, field: value}
    )
    company.refresh_from_db()
    assert getattr(company, field) == kept, case


@pytest.mark.parametrize(
    "case, values, field",
    [
        ("a credit code with a wrong check digit", {"tax_number": "91110000600037341A"}, "tax_number"),
        ("a German number that is none", {"tax_number": "DE123", "country": "DE"}, "tax_number"),
        ("a script as website", {"website": "javascript://x.com/%0Aalert(1)"}, "website"),
        ("a website with a quote", {"website": 'https://a.com/"onmouseover=x'}, "website"),
        ("a negative limit", {"credit_limit": Decimal(-1)}, "credit_limit"),
        ("a limit without end", {"credit_limit": Decimal("NaN")}, "credit_limit"),
        ("two years to pay", {"payment_days": 730}, "payment_days"),
        ("no name", {"name": " "}, "name"),
        ("half a phone number", {"phone": "12"}, "phone"),
        ("half an address", {"email": "a@"}, "email"),
        ("a word for a country", {"country": "China"}, "country"),
    ],
)
def test_what_is_wrong_is_refused_and_nothing_changes(scoped, case, values, field):
    company = make_company(scoped, "A", country="CN")
    with pytest.raises(Rejected) as refused:
        company_change(company=company, source="test", **values)
    assert field in refused.value.fields, case
    company.refresh_from_db()
    assert (company.name, company.tax_number, company.website) == ("A", "", "")
    assert names_of("customers.company_changed") == []


def test_a_number_is_checked_again_when_the_country_changes(scoped):
    company = make_company(scoped, "A", country="DE", tax_number="DE136695976")
    with pytest.raises(Rejected) as refused:
        company_change(company=company, source="test", country="CN")
    assert "tax_number" in refused.value.fields
    assert normalise_tax_number("", "CN") == ""


def test_an_external_id_is_one_companys(scoped, rival):
    make_company(scoped, "A", external_id="erp-1")
    with pytest.raises(Conflict):
        company_create(merchant=scoped, source="test", name="B", external_id="erp-1")
    with merchant_scope(rival):
        assert make_company(rival, "Theirs", external_id="erp-1").pk
    found, outcome = company_upsert(merchant=scoped, source="test", external_id="erp-1", name="A2")
    assert (found.name, outcome) == ("A2", "updated")
    assert company_upsert(merchant=scoped, source="test", external_id="erp-1", name="A2")[1] == "unchanged"
    assert company_upsert(merchant=scoped, source="test", external_id="erp-2", name="B")[1] == "created"


@pytest.mark.parametrize("words", ["青禾", "qinghe", "qhsm", "青禾商贸", "91110000600037341L", "例"])
def test_a_company_is_found_by(scoped, words):
    wanted = make_company(
        scoped, "青禾商贸有限公司", country="CN", tax_number="91110000600037341L", tags=["例子"]
    )
    make_company(scoped, "云上茶行")
    assert list(matching(Company.objects.all(), words)) == [wanted]


def test_a_new_name_finds_its_people_too(scoped):
    company = make_company(scoped, "Old Harbour")
    person = make_customer(scoped, "Ada", company=company)
    company_change(company=company, source="test", name="Juniper Trading")
    assert customer_ids_found("juniper") == [person.pk]


# --- tree ---------------------------------------------------------------------------------------------------


def chain(merchant, length: int) -> list[Company]:
    found: list[Company] = []
    for number in range(length):
        found.append(make_company(merchant, f"Level {number}", parent=found[-1] if found else None))
    return found


def test_a_ring_is_refused(scoped):
    top, middle, low = chain(scoped, 3)
    for parent in (top, middle, low):
        with pytest.raises(Rejected) as refused:
            company_change(company=top, source="test", parent=parent)
        assert "parent" in refused.value.fields
    top.refresh_from_db()
    assert top.parent_id is None
    assert ancestor_ids(low.pk) == [low.pk, middle.pk, top.pk]


def test_the_database_refuses_a_company_above_itself(scoped):
    company = make_company(scoped)
    with pytest.raises(IntegrityError), transaction.atomic():
        Company.objects.filter(pk=company.pk).update(parent=company.pk)


def test_two_changes_that_would_make_a_ring_together_come_one_after_the_other(scoped):
    """The tree is locked: the advisory lock is the shop's and held until the transaction ends."""
    one, two = make_company(scoped), make_company(scoped)
    company_change(company=one, source="test", parent=two)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted
            AND (classid::bigint << 32 | objid::bigint) = hashtextextended(%s, 0)
            """,
            [f"company-tree:{scoped.pk}"],
        )
        assert cursor.fetchone()[0] == 1


@pytest.mark.parametrize("verb", ["change", "merge"])
def test_the_tree_is_locked_before_any_row(scoped, verb):
    """Whoever took a row first would wait for the tree while its holder waits for that row."""
    one, two = make_company(scoped), make_company(scoped)
    with CaptureQueriesContext(connection) as queries:
        if verb == "change":
            company_change(company=one, source="test", parent=two)
        else:
            company_merge(survivor=one, absorbed=two)
    locks = [
        "tree" if "pg_advisory_xact_lock" in one["sql"] else "row"
        for one in queries
        if "pg_advisory_xact_lock" in one["sql"] or "FOR UPDATE" in one["sql"]
    ]
    assert locks[0] == "tree"
    assert "row" in locks


def test_the_tree_has_a_bottom(scoped):
    levels = chain(scoped, MOST_LEVELS)
    with pytest.raises(Rejected):
        make_company(scoped, "too deep", parent=levels[-1])
    pair = chain(scoped, 2)
    with pytest.raises(Rejected):
        company_change(company=pair[0], source="test", parent=levels[-2])


def test_the_picture_shows_the_whole_tree_and_hides_names_of_others(scoped):
    member = make_member(scoped, "agent", visibility="own")
    top = make_company(scoped, "Secret Holding")
    mine = make_company(scoped, "Mine", parent=top, owner=member)
    make_company(scoped, "Sister", parent=top)
    tree = tree_of(mine, member)
    assert tree.top.company == top
    assert not tree.top.is_visible
    assert [(one.company.name, one.is_here, one.is_visible) for one in tree.top.children] == [
        ("Mine", True, True),
        ("Sister", False, False),
    ]


def test_the_picture_shows_a_company_below_an_archived_one(scoped, owner):
    top, closed, here = chain(scoped, 3)
    company_archive(company=closed)
    tree = tree_of(here, owner)
    (branch,) = tree.top.children
    assert (tree.top.company, branch.company) == (top, closed)
    assert [(one.company, one.is_here) for one in branch.children] == [(here, True)]


def test_a_parent_of_another_shop_is_refused_by_the_database(scoped, rival):
    company, theirs = make_company(scoped), make_company(rival)
    with pytest.raises(IntegrityError), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE customers_company SET parent_id = %s WHERE id = %s; SET CONSTRAINTS ALL IMMEDIATE",
            [theirs.pk, company.pk],
        )


# --- contacts -----------------------------------------------------------------------------------------------


def test_a_person_speaks_for_several_companies_and_belongs_to_one(scoped):
    first, second = make_company(scoped, "First"), make_company(scoped, "Second")
    person = make_customer(scoped, "Ada")
    contact_add(company=first, customer=person, roles=["payable", "buyer"], title="Head of buying")
    contact_add(company=second, customer=person, roles=["decides"])
    person.refresh_from_db()
    assert person.company == first
    assert CompanyContact.objects.get(company=first).roles == ["buyer", "payable"]
    assert customer_ids_found("first") == [person.pk]
    contact_remove(company=first, customer=person)
    person.refresh_from_db()
    assert person.company == second
    contact_remove(company=second, customer=person)
    person.refresh_from_db()
    assert person.company is None
    with pytest.raises(NotFound):
        contact_remove(company=second, customer=person)


def test_there_is_one_first_contact(scoped):
    company = make_company(scoped)
    one = contact_add(company=company, customer=make_customer(scoped, "One"), is_primary=True)
    two = contact_add(company=company, customer=make_customer(scoped, "Two"), is_primary=True)
    one.refresh_from_db()
    assert (one.is_primary, two.is_primary) == (False, True)
    contact_change(contact=one, is_primary=True)
    two.refresh_from_db()
    assert (one.is_primary, two.is_primary) == (True, False)


def test_a_contact_is_changed_as_it_stands_now(scoped):
    """Not as it stood when the form was opened: meanwhile it was no longer the first, or gone."""
    company = make_company(scoped)
    opened = contact_add(company=company, customer=make_customer(scoped, "One"), is_primary=True)
    two = contact_add(company=company, customer=make_customer(scoped, "Two"), is_primary=True)
    assert contact_change(contact=opened, is_primary=True) == ["is_primary"]
    two.refresh_from_db()
    opened.refresh_from_db()
    assert (opened.is_primary, two.is_primary) == (True, False)
    contact_remove(company=company, customer=opened.customer)
    with pytest.raises(NotFound):
        contact_change(contact=opened, title="CEO")


def test_who_only_belongs_to_a_company_is_listed_among_its_people(scoped):
    company = make_company(scoped)
    belongs = make_customer(scoped, "Belongs", company=company)
    speaks = make_customer(scoped, "Speaks")
    contact_add(company=company, customer=speaks, roles=["buyer"])
    make_customer(scoped, "Stranger")
    found = list(contacts_of(company))
    assert [one.pk for one in found] == [belongs.pk, speaks.pk]
    assert [bool(one.links) for one in found] == [False, True]


def test_a_role_that_there_is_not_is_refused(scoped):
    company, person = make_company(scoped), make_customer(scoped)
    with pytest.raises(Rejected) as refused:
        contact_add(company=company, customer=person, roles=["emperor"])
    assert "roles" in refused.value.fields
    assert not CompanyContact.objects.exists()


def test_somebody_of_another_shop_is_nobody(scoped, rival):
    theirs = make_customer(rival)
    with pytest.raises(NotFound):
        contact_add(company=make_company(scoped), customer=theirs)
    assert not CompanyContact.objects.exists()


# --- terms --------------------------------------------------------------------------------------------------


def test_credit_is_used_by_what_is_not_paid(scoped, owner):
    make_rate(scoped, "EUR", "8")
    company = make_company(scoped, credit_limit=Decimal(100), currency="EUR")
    person = make_customer(scoped, company=company)
    make_order(scoped, person, lines=[("Tea", 1, "1000")], payment="pending")
    make_order(scoped, person, lines=[("Tea", 1, "500")], payment="paid")
    make_order(scoped, make_customer(scoped), lines=[("Tea", 1, "9000")], payment="pending")
    credit = credits_of([company], owner)[company.pk]
    assert (credit.used, credit.limit, credit.currency) == (Decimal(125), Decimal(100), "EUR")
    assert credit.is_over
    assert credit.left == 0


def test_without_a_rate_nothing_is_pretended(scoped, owner):
    company = make_company(scoped, credit_limit=Decimal(100), currency="SEK")
    credit = credits_of([company], owner)[company.pk]
    assert credit.used is None
    assert not credit.is_over


def test_a_distributor_has_a_channel(scoped):
    company, channel = make_company(scoped, kind="distributor"), make_channel(scoped)
    assert channel_give(channel=channel, company=company)
    assert not channel_give(channel=channel, company=company)
    assert list(company.channels.all()) == [channel]
    assert names_of("customers.company_changed") == ["customers.company_changed"]


# --- merging, archive ---------------------------------------------------------------------------------------


def test_merging_moves_all_that_names_the_other(scoped):
    kept = make_company(scoped, "Kept", phone="+862162345678")
    gone = make_company(scoped, "Gone", external_id="erp-9", phone="+8613800138000", city="Wuxi", tags=["x"])
    child = make_company(scoped, "Child", parent=gone)
    both, only = make_customer(scoped, "Both"), make_customer(scoped, "Only")
    contact_add(company=kept, customer=both, roles=["buyer"], is_primary=True)
    contact_add(company=gone, customer=both, roles=["legal"])
    contact_add(company=gone, customer=only, is_primary=True)
    channel = make_channel(scoped)
    channel_give(channel=channel, company=gone)

    company_merge(survivor=kept, absorbed=gone)

    for row in (kept, gone, child, channel, only):
        row.refresh_from_db()
    assert (kept.city, kept.phone, kept.external_id, kept.tags) == ("Wuxi", "+862162345678", "erp-9", ["x"])
    assert (child.parent, channel.company, only.company) == (kept, kept, kept)
    links = {one.customer_id: one for one in CompanyContact.objects.filter(company=kept)}
    assert links[both.pk].roles == ["buyer", "legal"]
    assert [pk for pk, one in links.items() if one.is_primary] == [both.pk]
    assert gone.archived_at is not None
    assert gone.merged_into == kept
    found, outcome = company_upsert(merchant=scoped, source="test", external_id="erp-9", name="Kept")
    assert (found, outcome) == (kept, "unchanged")
    with pytest.raises(Rejected):
        company_restore(company=gone)
    with pytest.raises(Rejected):
        company_merge(survivor=kept, absorbed=gone)


def test_an_id_of_a_merged_company_leads_to_the_survivor(scoped):
    kept, gone = make_company(scoped, "K", external_id="a"), make_company(scoped, "G", external_id="b")
    company_merge(survivor=kept, absorbed=gone)
    found, outcome = company_upsert(merchant=scoped, source="test", external_id="b", name="K", city="Wuxi")
    assert (found, found.external_id, outcome) == (kept, "a", "updated")


def test_a_grandchild_that_takes_up_its_grandparent_makes_no_ring(scoped):
    top, middle, low = chain(scoped, 3)
    company_merge(survivor=low, absorbed=top)
    for row in (middle, low):
        row.refresh_from_db()
    assert low.parent_id is None
    assert middle.parent == low
    assert ancestor_ids(middle.pk) == [middle.pk, low.pk]


def test_a_company_is_deleted_only_when_nothing_hangs_on_it(scoped):
    company = make_company(scoped)
    person = make_customer(scoped, company=company)
    with pytest.raises(Rejected):
        company_delete(company=company)
    assert Company.objects.filter(pk=company.pk).exists()
    Customer.objects.filter(pk=person.pk).update(company=None)
    company_delete(company=company)
    assert not Company.objects.filter(pk=company.pk).exists()
    assert names_of("customers.company_deleted") == ["customers.company_deleted"]


def test_the_archive_and_back(scoped):
    company = make_company(scoped)
    company_archive(company=company)
    assert not Company.objects.active().exists()
    company_archive(company=company)
    company_restore(company=company)
    assert Company.objects.active().get() == company
    assert names_of("customers.company_") == [
        "customers.company_created",
        "customers.company_archived",
        "customers.company_restored",
    ]
