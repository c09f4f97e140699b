"""The search box finds people however they are remembered."""

import pytest
from django.db import connection

from crm.lib.tenancy import merchant_scope
from customers.models import Customer, Identity, SearchDocument
from customers.searching import customer_ids_found, rebuilding_once, search_rebuild, search_rebuild_all
from customers.tokens import document_of, search_terms
from tests.factories.customers import make_company, make_customer, make_identity

pytestmark = pytest.mark.django_db


@pytest.fixture
def people(scoped):
    """Five people whose documents are built."""
    tea = make_company(scoped, "上海清河茶叶有限公司")
    found = {
        "li": make_customer(
            scoped, "李晓梅", email="xiaomei.li@example.cn", phone="+8613800138000", company=tea
        ),
        "zeng": make_customer(scoped, "曾志伟", email="z@example.hk", phone="+85251234567"),
        "anna": make_customer(scoped, "Anna Müller-de Vries", email="anna+shop@wolle.example"),
        "obrien": make_customer(scoped, "Seán O’Brien", email="100%_real@example.ie"),
        "guest": make_customer(scoped, "", email="nobody@example.com"),
    }
    make_identity(found["guest"], kind=Identity.Kind.MEMBER, value="VIP-000777", scope="channel:1")
    search_rebuild_all()
    return found


@pytest.mark.parametrize(
    "case, text, names",
    [
        ("whole Chinese name", "李晓梅", {"li"}),
        ("two letters", "晓梅", {"li"}),
        ("one letter, the last", "梅", {"li"}),
        ("family name", "李", {"li"}),
        ("pinyin joined", "lixiaomei", {"li"}),
        ("pinyin in words", "Li Xiao", {"li"}),
        ("pinyin of the given name", "xiaom", {"li"}),
        ("initials", "lxm", {"li"}),
        ("a surname read in its own way", "zengzhiwei", {"zeng"}),
        ("inside a company's name", "清河茶叶", {"li"}),
        ("letters of both but not beside each other", "梅李", set()),
        ("Latin, any word, any case", "VRIES", {"anna"}),
        ("accent left out", "muller", {"anna"}),
        ("accent written", "Müller", {"anna"}),
        ("two words in any order", "vries anna", {"anna"}),
        ("e-mail from its start", "xiaomei.li@exa", {"li"}),
        ("a word of an e-mail", "wolle", {"anna"}),
        ("with its plus tag", "anna+shop@wolle", {"anna"}),
        ("last four of a phone", "8000", {"li"}),
        ("national number, as it is written", "138 0013-8000", {"li"}),
        ("international number", "+852 5123", {"zeng"}),
        ("store member id", "vip-000777", {"guest"}),
        ("percent sign is a sign", "100%", {"obrien"}),
        ("apostrophe", "o'brien", {"obrien"}),
        ("a typing error", "seam o'brien", {"obrien"}),
        ("a letter left out", "ana vries", {"anna"}),
        ("nothing alike", "qqqqqq", set()),
        ("an address that nobody has", "somebody@example.com", set()),
        ("empty", "  ", set()),
        ("signs only", "%_\\", set()),
    ],
)
def test_finds(case, text, names, people):
    found = customer_ids_found(text)

    assert {name for name, row in people.items() if row.pk in found} == names


def test_sees_only_its_own_shop(people, rival):
    make_customer(rival, "李晓梅")
    with merchant_scope(rival):
        search_rebuild_all()
        assert len(customer_ids_found("李晓梅")) == 1
    assert customer_ids_found("李晓梅") == [people["li"].pk]


def test_writes_only_what_changed_and_in_three_queries(people, django_assert_num_queries):
    with django_assert_num_queries(
        2 + 2
    ):  # identities, customers, in a savepoint; the upsert goes past Django
        assert search_rebuild([row.pk for row in people.values()]) == 0
    people["anna"].name = "Anna Schmidt"
    people["anna"].save()

    assert search_rebuild([row.pk for row in people.values()]) == 1
    assert customer_ids_found("schmidt") == [people["anna"].pk]


def test_documents_are_rebuilt_together_at_the_end(people, django_assert_num_queries):
    people["anna"].name = "Anna Schmidt"
    people["anna"].save()
    with django_assert_num_queries(4), rebuilding_once(), rebuilding_once():
        assert [search_rebuild([row.pk]) for row in people.values()] == [0] * 5
    assert customer_ids_found("schmidt") == [people["anna"].pk]
    assert search_rebuild([people["anna"].pk]) == 0, "outside at once again"


def test_nothing_is_rebuilt_after_an_error(people, django_assert_num_queries):
    def breaks():
        with rebuilding_once():
            search_rebuild([people["anna"].pk])
            raise ZeroDivisionError

    with django_assert_num_queries(0), pytest.raises(ZeroDivisionError):
        breaks()


def test_an_erased_person_is_not_found(people):
    people["li"].erased_at = people["li"].created_at
    people["li"].save()
    search_rebuild([people["li"].pk])

    assert customer_ids_found("李晓梅") == []
    assert SearchDocument.objects.get(pk=people["li"].pk).document == ""


def test_the_index_serves_the_search(people):
    merchant = people["li"].merchant
    crowd = Customer.objects.bulk_create(Customer(merchant=merchant, name=f"N{n}") for n in range(3_000))
    SearchDocument.objects.bulk_create(
        SearchDocument(
            merchant=merchant, customer=one, document=document_of(names=[one.name], emails=["a@b.cn"])
        )
        for one in crowd
    )
    with connection.cursor() as cursor:
        # What autovacuum does: fresh rows wait in a list that the planner counts as dear.
        cursor.execute("SELECT gin_clean_pending_list('customers_search_document')")
        cursor.execute("ANALYZE customers_searchdocument")
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(
            "EXPLAIN SELECT customer_id FROM customers_searchdocument"
            " WHERE merchant_id = %s::bigint AND document LIKE %s",
            [people["li"].merchant_id, "% 晓梅%"],
        )
        plan = "\n".join(row[0] for row in cursor.fetchall())
        cursor.execute("SELECT show_trgm('晓梅')")
        (trigrams,) = cursor.fetchone()
    assert "customers_search_document" in plan
    assert trigrams, "LC_CTYPE is C: Chinese letters are invisible to pg_trgm"


def test_the_document_says_each_token_once():
    document = document_of(names=["李梅", "李梅"], emails=["a@b.cn"], phones=["+8613800138000"])

    tokens = document.split(" ")[1:]
    assert len(tokens) == len(set(tokens))
    assert {"李梅", "limei", "lm", "a@b.cn", "b", "13800138000", "#0008310083168"} <= set(tokens)


def test_a_long_search_is_cut():
    assert len(search_terms("word " * 500)) == 8
