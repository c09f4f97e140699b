"""The address of a list: what it means, what it forgets, and how the chips take parts of it away."""

import pytest
from django.http import QueryDict

from crm.lib.listing import Filter, read
from customers.models import Customer

FILTERS = [
    Filter("stage", "Stage", lambda rows, value: rows.filter(stage=value), lambda: Customer.Stage.choices),
    Filter("since", "Since", lambda rows, value: rows.filter(created_at__date__gte=value), kind="date"),
    Filter(
        "mine", "Mine", lambda rows, _value: rows, lambda: [("1", "yes")], chip=lambda _value: "My customers"
    ),
]
SORTS = [("recent", "Newest"), ("net", "Most spent")]


def listing(query):
    return read(QueryDict(query), "/customers/", FILTERS, SORTS)


@pytest.mark.parametrize(
    "case, query, on",
    [
        ("nothing", "", {}),
        ("a choice", "stage=repeat", {"stage": "repeat"}),
        ("no choice of ours", "stage=nonsense", {}),
        ("a day", "since=2026-02-28", {"since": "2026-02-28"}),
        ("no day", "since=2026-02-31", {}),
        ("words as a day", "since=soon", {}),
        ("unknown name", "drop=table", {}),
        ("two", "stage=lead&mine=1", {"stage": "lead", "mine": "1"}),
    ],
)
def test_what_the_address_turns_on(case, query, on):
    assert listing(query).on == on


def test_each_chip_takes_only_itself_away():
    found = listing("q=li&stage=repeat&mine=1&after=xyz")

    assert [str(chip.label) for chip in found.chips] == ["Stage: Repeat customer", "My customers"]
    assert found.chips[0].remove == "/customers/?q=li&mine=1"
    assert found.clear == "/customers/?q=li"
    assert found.more("abc") == "/customers/?q=li&stage=repeat&mine=1&after=abc"
    assert found.more("") == ""


def test_the_default_order_leaves_the_address_bare():
    assert [(href, current) for _label, href, current in listing("").sort_links] == [
        ("/customers/", True),
        ("/customers/?sort=net", False),
    ]
    assert [current for _label, _href, current in listing("sort=net").sort_links] == [False, True]
    assert listing("sort=drop").sort == ""


@pytest.mark.django_db
@pytest.mark.usefixtures("scoped")
def test_narrowing_applies_every_filter_that_is_on():
    sql = str(listing("stage=repeat&since=2026-01-01").narrow(Customer.objects.all()).query)

    assert "repeat" in sql
    assert "2026-01-01" in sql
