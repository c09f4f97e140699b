"""Each condition finds whom it says, and groups combine them as a person would expect."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.lib.errors import Rejected
from crm.lib.tenancy import merchant_scope
from customers.models import Customer
from customers.segmenting import CONDITIONS, Scope
from customers.visits.services import Seen, visitor_recognise, visits_take
from marketing.models import Segment
from marketing.segments.compiling import compile_definition
from marketing.segments.counting import TooDear, patience, people_of
from marketing.segments.definition import BadDefinition, dump, parse
from marketing.segments.explaining import segment_contains
from marketing.segments.selectors import segment_count, segment_sample, segment_sentence
from marketing.segments.touching import memberships
from tests.factories.accounts import make_member
from tests.factories.customers import make_consent, make_customer
from tests.factories.orders import make_order, make_product, make_return
from tests.factories.segments import LOYAL, make_segment

NOW = timezone.now()


def ago(days):
    return NOW - timedelta(days=days)


def found(merchant, definition):
    with merchant_scope(merchant):
        stored = dump(parse(definition))
        names = set(people_of(compile_definition(stored, Scope(merchant))).values_list("name", flat=True))
        assert touched(merchant, stored) == names, "the two ways of asking agree"
        return names


def touched(merchant, stored):
    """The same by the statement for touched customers (marketing/segments/touching.py)."""
    everybody = dict(Customer.objects.values_list("pk", "name"))
    segment = Segment(pk=0, merchant=merchant, definition=stored)
    answer = memberships([segment], Scope(merchant, customer_ids=tuple(everybody)))
    return {everybody[pk] for pk in answer[0]}


def rule(key, **values):
    return {"rules": [{"if": key, **values}]}


@pytest.fixture
def people(merchant, rival):
    """Anna bought twice lately, Bo long ago, Cy once and complains, Di never; the rival's twin of Anna
    too."""
    tea = make_product(merchant, "Tea", category="tea")
    anna = make_customer(
        merchant,
        "Anna",
        country="CN",
        city="上海",
        tags=["vip", "tea"],
        orders_count=2,
        net=300,
        gross=400,
        refunded=100,
        last_order_at=ago(5),
        first_order_at=ago(40),
        score=80,
        recency_bin=5,
        tier="Gold",
        last_opened_at=ago(3),
        points=120,
    )
    bo = make_customer(
        merchant,
        "Bo",
        country="DE",
        orders_count=3,
        net=900,
        gross=900,
        last_order_at=ago(200),
        first_order_at=ago(400),
        score=30,
        recency_bin=1,
        last_opened_at=ago(300),
        birthday_on=NOW.date(),
    )
    cy = make_customer(
        merchant,
        "Cy",
        country="CN",
        orders_count=1,
        net=50,
        gross=50,
        open_tickets=1,
        tickets_count=1,
        last_order_at=ago(2),
        first_order_at=ago(2),
        last_rating=1,
        last_rating_at=ago(1),
    )
    make_customer(merchant, "Di", email="", phone="+8613800138000", stage="lead")
    for days in (5, 40):
        make_order(merchant, anna, lines=[(tea, 1, "150")], placed_at=ago(days), coupons=["WELCOME"])
    for days in (200, 300, 400):
        make_order(merchant, bo, placed_at=ago(days))
    bought = make_order(merchant, cy, lines=[(tea, 3, "20")], placed_at=ago(2))
    make_return(bought)
    make_order(merchant, cy, placed_at=ago(3), cancelled_at=ago(3))
    make_consent(anna)
    make_consent(bo)
    make_consent(bo, granted=False)
    twin = make_customer(rival, "Rival Anna", country="CN", orders_count=2, net=300, tags=["vip"])
    for days in (5, 40):
        make_order(rival, twin, placed_at=ago(days))
    make_customer(merchant, "Gone", country="CN", orders_count=9, net=900, erased_at=NOW, tags=["vip"])
    return tea


EVERYONE = {"Anna", "Bo", "Cy", "Di"}
CASES = [
    ("everybody", {}, EVERYONE),
    ("bought twice in 90 days", rule("orders.times", times=2, days=90), {"Anna"}),
    ("cancelled orders don't count", rule("orders.times", times=1, days=90), {"Anna", "Cy"}),
    ("spent in a period", rule("orders.spent_in", value="100", days=90), {"Anna"}),
    ("order count", rule("orders.count", compare="min", value=2), {"Anna", "Bo"}),
    ("few orders", rule("orders.count", compare="max", value=0), {"Di"}),
    ("spent", rule("orders.spent", compare="min", value="300"), {"Anna", "Bo"}),
    ("average", rule("orders.average", compare="min", value="200"), {"Anna", "Bo"}),
    ("refund share", rule("orders.refund_share", compare="min", percent=25), {"Anna"}),
    ("last order recent", rule("orders.last", when="last", days=30), {"Anna", "Cy"}),
    ("last order long ago", rule("orders.last", when="before", days=30), {"Bo"}),
    ("first order", rule("orders.first", when="last", days=10), {"Cy"}),
    ("category", rule("orders.category", did="did", pieces=2, values=["tea"], days=90), {"Anna", "Cy"}),
    ("not category", rule("orders.category", did="not", pieces=1, values=["tea"], days=90), {"Bo", "Di"}),
    ("coupon", rule("orders.coupon", did="did", code="WELCOME", days=90), {"Anna"}),
    ("open return", rule("orders.open_return"), {"Cy"}),
    ("country", rule("customers.country", **{"is": "is"}, values=["CN"]), {"Anna", "Cy"}),
    ("not country", rule("customers.country", **{"is": "not"}, values=["CN"]), {"Bo", "Di"}),
    ("city", rule("customers.city", **{"is": "is"}, values=["上海"]), {"Anna"}),
    ("tag", rule("customers.tag", has="has", values=["vip"]), {"Anna"}),
    ("no tag", rule("customers.tag", has="not", values=["vip"]), {"Bo", "Cy", "Di"}),
    ("consent", rule("customers.consent", state="granted", purpose="marketing", channel="email"), {"Anna"}),
    ("withdrawn", rule("customers.consent", state="withdrawn", purpose="marketing", channel="email"), {"Bo"}),
    (
        "never asked",
        rule("customers.consent", state="never", purpose="marketing", channel="email"),
        {"Cy", "Di"},
    ),
    ("reachable by mail", rule("customers.reachable", channel="email"), {"Anna", "Bo", "Cy"}),
    ("reachable by sms", rule("customers.reachable", channel="sms"), {"Di"}),
    ("reachable by wechat", rule("customers.reachable", channel="wechat"), set()),
    ("score", rule("customers.score", compare="min", value=70), {"Anna"}),
    ("rfm", rule("customers.rfm", bin="r", low=4, high=5), {"Anna"}),
    ("tier", rule("customers.tier", **{"is": "is"}, values=["Gold"]), {"Anna"}),
    ("points", rule("customers.points", compare="min", value=100), {"Anna"}),
    ("opened", rule("customers.opened", did="did", days=30), {"Anna"}),
    ("not opened", rule("customers.opened", did="not", days=30), {"Bo", "Cy", "Di"}),
    ("birthday this month", rule("customers.birthday", month="0"), {"Bo"}),
    ("open ticket", rule("service.open_ticket", has="has"), {"Cy"}),
    ("no open ticket", rule("service.open_ticket", has="not"), {"Anna", "Bo", "Di"}),
    ("low rating", rule("reviews.last_rating", compare="max", stars=2, days=30), {"Cy"}),
    ("all", LOYAL, {"Anna"}),
    (
        "any, sets and rows",
        {"match": "any", "rules": [*LOYAL["rules"][:1], {"if": "service.open_ticket", "has": "has"}]},
        {"Anna", "Cy"},
    ),
    (
        "none, sets and rows",
        {"match": "none", "rules": [*LOYAL["rules"][:1], {"if": "service.open_ticket", "has": "has"}]},
        {"Bo", "Di"},
    ),
    (
        "nested",
        {
            "rules": [
                {"match": "none", "rules": [{"if": "orders.times", "times": 2, "days": 90}]},
                {
                    "match": "any",
                    "rules": [
                        {"if": "orders.count", "compare": "min", "value": 3},
                        {"match": "none", "rules": [{"if": "customers.reachable", "channel": "email"}]},
                    ],
                },
            ]
        },
        {"Bo", "Di"},
    ),
]


def test_each_rule_finds_whom_it_says(people, merchant):
    wrong = {
        case: answer
        for case, definition, expected in CASES
        if (answer := found(merchant, definition)) != expected
    }
    assert wrong == {}


def test_one_customer_gives_the_same_answer_as_the_whole(people, merchant):
    with merchant_scope(merchant):
        customers = list(Customer.objects.all())
        for case, definition, expected in CASES:
            segment = Segment(merchant=merchant, definition=definition)
            for customer in customers:
                inside = segment_contains(segment, customer, None).inside
                assert inside is (customer.name in expected), (case, customer.name)
                one = Scope(merchant, customer_ids=(customer.pk,))
                assert people_of(compile_definition(definition, one)).exists() is inside, case


def test_product_rule_counts_pieces(people, merchant):
    values = {"did": "did", "pieces": 3, "values": [str(people.pk)], "days": 30}
    assert found(merchant, rule("orders.product", **values)) == {"Cy"}


def test_owner_and_nobody(people, merchant):
    member = make_member(merchant, "agent")
    with merchant_scope(merchant):
        Customer.objects.filter(name="Bo").update(owner=member)
    assert found(merchant, rule("customers.owner", **{"is": "is"}, values=[str(member.pk)])) == {"Bo"}
    assert found(merchant, rule("customers.owner", **{"is": "is"}, values=["0"])) == EVERYONE - {"Bo"}


def test_random_share_is_steady_and_about_right(merchant):
    for _number in range(60):
        make_customer(merchant)
    drawn = found(merchant, rule("customers.random", percent=50, draw=7))
    assert drawn == found(merchant, rule("customers.random", percent=50, draw=7))
    assert 15 <= len(drawn) <= 45
    assert drawn != found(merchant, rule("customers.random", percent=50, draw=8))


# --- groups against plain Python ----------------------------------------------------------------------------

ATOMS = {
    "set": ({"if": "orders.times", "times": 2, "days": 90}, {"Anna"}),
    "set2": ({"if": "orders.times", "times": 1, "days": 90}, {"Anna", "Cy"}),
    "row m": ({"if": "orders.count", "compare": "min", "value": 2}, {"Anna", "Bo"}),
    "row c": ({"if": "customers.country", "is": "is", "values": ["CN"]}, {"Anna", "Cy"}),
    "never": (
        {"if": "customers.consent", "state": "never", "purpose": "marketing", "channel": "email"},
        {"Cy", "Di"},
    ),
}
atoms = st.sampled_from(list(ATOMS))
trees = st.recursive(
    atoms,
    lambda inner: st.tuples(st.sampled_from(["all", "any", "none"]), st.lists(inner, min_size=1, max_size=3)),
    max_leaves=8,
)


def as_definition(tree):
    if isinstance(tree, str):
        return ATOMS[tree][0]
    match, rules = tree
    return {"match": match, "rules": [as_definition(one) for one in rules]}


def as_names(tree):
    if isinstance(tree, str):
        return ATOMS[tree][1]
    match, rules = tree
    sets = [as_names(one) for one in rules]
    if match == "all":
        return EVERYONE.intersection(*sets)
    either = set().union(*sets)
    return either if match == "any" else EVERYONE - either


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tree=trees)
def test_any_nest_equals_plain_sets(people, merchant, tree):
    definition = {"match": "all", "rules": [as_definition(tree)]}
    try:
        parse(definition, stored=True)
    except BadDefinition:
        return  # deeper than allowed
    assert found(merchant, definition) == as_names(tree)


# --- refusals ---------------------------------------------------------------------------------------------

BAD = [
    ("unknown condition", rule("orders.nonsense"), "rules.0"),
    ("number too large", rule("orders.times", times=0, days=90), "rules.0.times"),
    ("number as text", rule("orders.times", times="many", days=90), "rules.0.times"),
    ("yes is no number", rule("orders.times", times=True, days=90), "rules.0.times"),
    ("unknown choice", rule("service.open_ticket", has="perhaps"), "rules.0.has"),
    ("a list as choice", rule("service.open_ticket", has=["not"]), "rules.0.has"),
    ("no values", rule("customers.tag", has="has", values=[]), "rules.0.values"),
    ("NUL", rule("customers.tag", has="has", values=["a\x00"]), "rules.0.values"),
    (
        "too many values",
        rule("customers.tag", has="has", values=[str(n) for n in range(101)]),
        "rules.0.values",
    ),
    ("not an id", rule("orders.product", values=["1; DROP TABLE"]), "rules.0.values"),
    ("infinite money", rule("orders.spent", compare="min", value="Infinity"), "rules.0.value"),
    ("unknown field", rule("orders.times", times=2, days=90, sql="1=1"), "rules.0"),
    ("empty group", {"rules": [{"match": "any", "rules": []}]}, "rules.0"),
    ("bad match", {"match": "xor", "rules": []}, "match"),
    ("list at the top", [1, 2], "definition"),
    ("text at the top", "everyone", "definition"),
    ("too many conditions", {"rules": [{"if": "orders.open_return"}] * 51}, "definition"),
    (
        "too deep",
        {
            "rules": [
                {"rules": [{"rules": [{"rules": [{"rules": [{"rules": [{"if": "orders.open_return"}]}]}]}]}]}
            ]
        },
        "rules.0.rules.0.rules.0.rules.0.rules.0",
    ),
]


def test_refuses_with_the_place_of_the_fault(scoped):
    for case, definition, path in BAD:
        with pytest.raises(BadDefinition) as refused:
            parse(definition)
        assert path in refused.value.fields, case


def test_values_never_reach_the_sql_text(scoped):
    evil = "'; DROP TABLE customers_customer; --"
    sql, params = compile_definition(rule("customers.tag", has="has", values=[evil]), Scope(scoped))
    assert evil not in sql
    assert [evil] in params


def test_the_stored_tree_is_read_back_the_same(scoped):
    once = dump(parse(rule("orders.spent", compare="min", value="12.5")))
    assert dump(parse(once)) == once


def test_a_segment_inside_another(people, merchant):
    inner = make_segment(merchant, LOYAL)
    assert found(merchant, rule("marketing.segment", **{"in": "in"}, values=[str(inner.pk)])) == {"Anna"}
    outside = found(merchant, rule("marketing.segment", **{"in": "out"}, values=[str(inner.pk)]))
    assert outside == EVERYONE - {"Anna"}


def test_a_circle_of_segments_is_refused(merchant):
    first = make_segment(merchant)
    second = make_segment(merchant, rule("marketing.segment", **{"in": "in"}, values=[str(first.pk)]))
    from marketing.segments.services import segment_save

    with merchant_scope(merchant), pytest.raises(Rejected, match="inside itself"):
        segment_save(
            merchant=merchant,
            name=first.name,
            segment=first,
            definition=rule("marketing.segment", **{"in": "in"}, values=[str(second.pk)]),
        )
    with merchant_scope(merchant):
        assert Segment.objects.get(pk=first.pk).definition["rules"][0]["if"] == "orders.times"


def test_the_rivals_segment_is_not_there(merchant, rival):
    theirs = make_segment(rival)
    with merchant_scope(merchant), pytest.raises(BadDefinition):
        parse(rule("marketing.segment", **{"in": "in"}, values=[str(theirs.pk)]))


# --- asking -----------------------------------------------------------------------------------------------


def test_count_sample_and_sentence(people, merchant, django_assert_num_queries):
    segment = make_segment(merchant, LOYAL)
    with merchant_scope(merchant):
        with django_assert_num_queries(1):
            assert segment_count(segment) == 1
        assert [customer.name for customer in segment_sample(segment)] == ["Anna"]
        assert segment_sentence(segment, None) == (
            "People who bought at least 2 times in the last 90 days and who have no open ticket"
        )


def test_why_in_one_statement(people, merchant, django_assert_num_queries):
    segment = make_segment(merchant, LOYAL)
    with merchant_scope(merchant):
        cy = Customer.objects.get(name="Cy")
        with django_assert_num_queries(1):
            answer = segment_contains(segment, cy, None)
    assert not answer.inside
    assert [(one.holds, one.level) for one in answer.reasons] == [(False, 0), (False, 1), (False, 1)]
    assert "no open ticket" in answer.reasons[2].text


def test_every_condition_says_itself_in_words(merchant, scoped):
    for condition in CONDITIONS.values():
        names = {one.name for one in condition.fields}
        phrase = str(condition.phrase)
        assert all(f"{{{name}}}" in phrase for name in names), condition.key


def test_a_slow_rule_is_stopped(scoped):
    from django.db import connection

    with pytest.raises(TooDear), patience(50), connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(2)")
    assert Customer.objects.count() == 0  # the connection is usable


def test_money_is_shown_in_the_shops_currency(merchant, scoped):
    definition = rule("orders.spent", compare="min", value=str(Decimal("1500")))
    assert "¥1,500" in segment_sentence(Segment(merchant=merchant, definition=definition), None)


def test_who_looked_around_in_the_shop(merchant):
    with merchant_scope(merchant):
        for name, kind, days in (("Anna", "product", 3), ("Bo", "product", 40), ("Cy", "cart", 3)):
            visitor = name.lower() * 16
            at = timezone.now() - timedelta(days=days)
            visits_take(merchant=merchant, seen=[Seen(visitor, kind, at, title="Tea")])
            who = make_customer(merchant, name)
            visitor_recognise(merchant=merchant, customer=who, visitor=visitor, source="portal")
    assert found(merchant, rule("customers.visited", what="product", days=30)) == {"Anna"}
    assert found(merchant, rule("customers.visited", what="cart", days=30)) == {"Cy"}
    assert found(merchant, rule("customers.visited", what="product", days=90)) == {"Anna", "Bo"}
