"""Every condition of the registry against one small shop: whom it finds; none is without its case."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace

import pytest
from django.utils import timezone
from django.utils.translation import override

from crm.lib.tenancy import merchant_scope
from customers.companies.contacts import contact_add
from customers.consent import suppress
from customers.models import ConsentRequest, Customer, Region
from customers.profile_conditions import birthdays
from customers.segmenting import CONDITIONS, Scope, conditions_offered
from marketing.models import Campaign, Delivery, Segment, SegmentMember
from marketing.segments.compiling import compile_definition
from marketing.segments.counting import people_of
from marketing.segments.definition import BadDefinition, dump, parse
from marketing.segments.selectors import segment_sentence
from marketing.segments.sentences import Reader, clause_of
from reviews.models import Review
from tests.factories.accounts import make_member, make_merchant, make_team
from tests.factories.customers import make_company, make_customer
from tests.factories.fields import make_field
from tests.factories.orders import make_channel, make_order, make_product, make_return, make_shipment
from tests.factories.segments import make_segment
from tests.factories.service import make_ticket
from tests.marketing import test_segment_rules as rules
from tests.marketing.test_segment_rules import ago, found, rule

IS, NOT = {"is": "is"}, {"is": "not"}
EVERYONE = {"Anna", "Bo", "Cy", "Di"}


@pytest.fixture
def shop(merchant, rival):
    """Anna buys tea by the web and answers mails; Bo is a distributor who complains; Cy bought once, long
    ago, at the till; Di is known by name. The rival has a twin of Anna."""
    made = SimpleNamespace(merchant=merchant)
    made.team, made.owner = make_team(merchant, "East"), make_member(merchant, "agent")
    made.web, made.till = make_channel(merchant, "web"), make_channel(merchant, "till")
    made.tea = make_product(merchant, "Tea", category="Tea > Green")
    made.pot = make_product(merchant, "Pot", category="Ware")
    with merchant_scope(merchant):
        region = Region.objects.create(merchant=merchant, name="East", path="/x/", country="")
        Region.objects.filter(pk=region.pk).update(path=f"/{region.pk}/")
    made.region = region
    made.anna = make_customer(
        merchant,
        "Anna",
        stage="repeat",
        kind="person",
        grade="A",
        source="web",
        region="Zhejiang",
        language="zh-hans",
        team=made.team,
        owner=made.owner,
        created_at=ago(200),
        birthday_on=timezone.now().astimezone(merchant.zone).date().replace(year=1992),
        last_clicked_at=ago(3),
        last_sent_at=ago(4),
        reviews_count=2,
        first_order_at=ago(100),
    )
    made.bo = make_customer(
        merchant,
        "Bo",
        stage="lead",
        kind="distributor",
        grade="B",
        source="import",
        language="en",
        phone="+8613800138000",
        created_at=ago(20),
        last_sent_at=ago(50),
        tickets_count=3,
        profiling_stopped_at=ago(1),
    )
    made.cy = make_customer(merchant, "Cy", created_at=ago(400), first_order_at=ago(300), birthday_on=None)
    made.di = make_customer(merchant, "Di", email="", created_at=ago(5))
    _orders(made)
    _desk(made)
    _company(made)
    _mails(made)
    twin = make_customer(rival, "Twin", stage="repeat", grade="A", source="web")
    make_order(rival, twin, placed_at=ago(5), coupons=["WELCOME"], promised_on=ago(3).date())
    return made


def _orders(made):
    merchant = made.merchant
    lines = [(made.tea, 2, "100"), (made.pot, 1, "50")]
    first = make_order(
        merchant, made.anna, channel=made.web, lines=lines, placed_at=ago(100), coupons=["Welcome"]
    )
    with merchant_scope(merchant):
        Customer.objects.get(pk=made.anna.pk).metrics.__class__.objects.filter(customer=made.anna).update(
            first_order_at=first.placed_at
        )
    late = make_order(
        merchant,
        made.anna,
        channel=made.web,
        lines=[(made.tea, 1, "300")],
        placed_at=ago(10),
        promised_on=ago(3).date(),
        fulfilment="partial",
    )
    make_shipment(late, carrier="SF", state="transit")
    old = make_order(merchant, made.cy, channel=made.till, lines=[(made.pot, 1, "50")], placed_at=ago(300))
    make_shipment(old, carrier="YTO", state="delivered", delivered_at=ago(5), promised_on=ago(9).date())
    make_return(old, reason="damaged", requested_at=ago(4))
    make_order(merchant, made.bo, placed_at=ago(2), cancelled_at=ago(1), coupons=["WELCOME"])
    with merchant_scope(merchant):
        made.sku = made.tea.variants.get().sku
        first.lines.filter(product=made.tea).update(sku=made.sku)


def _desk(made):
    merchant = made.merchant
    with merchant_scope(merchant):
        for days, more in (
            (5, {"channel": "phone", "priority": "urgent", "first_response_due_at": ago(4)}),
            (6, {"channel": "email", "first_response_due_at": ago(5), "first_responded_at": ago(6)}),
            (200, {"channel": "email", "cause": "late_parcel"}),
        ):
            ticket = make_ticket(merchant, made.bo)
            type(ticket).objects.filter(pk=ticket.pk).update(opened_at=ago(days), **more)
        for rating, product, days in ((5, made.tea, 5), (2, made.pot, 100)):
            Review.objects.create(
                merchant=merchant, product=product, customer=made.anna, rating=rating, submitted_at=ago(days)
            )
        suppress(merchant=merchant, channel="email", value=made.cy.email, reason="bounce")
        suppress(merchant=merchant, channel="sms", value=made.bo.phone, reason="manual")
        for who, hours in ((made.di, 24), (made.cy, -1)):
            ConsentRequest.objects.create(
                merchant=merchant,
                customer=who,
                address="x@example.com",
                source="test",
                expires_at=timezone.now() + timedelta(hours=hours),
            )


def _company(made):
    merchant = made.merchant
    make_field(merchant, "Floor space", "number", key="space", applies_to="company")
    made.firm = make_company(
        merchant,
        "Acme",
        kind="distributor",
        price_group="Gold",
        credit_limit=Decimal(5000),
        tags=["fair"],
        attributes={"space": 80},
    )
    other = make_company(merchant, "Other", kind="supplier", credit_limit=Decimal(9000), currency="USD")
    with merchant_scope(merchant):
        contact_add(company=made.firm, customer=made.bo, roles=["buyer"])
        contact_add(company=other, customer=made.di, roles=["sales"])


def _mails(made):
    merchant = made.merchant
    with merchant_scope(merchant):
        campaign = Campaign.objects.create(merchant=merchant, name="Spring", state="sent", started_at=ago(4))
        made.campaign = campaign
        for at, (who, more) in enumerate(
            (
                (made.anna, {"state": "sent", "opened_at": ago(3), "clicked_at": ago(3)}),
                (made.bo, {"state": "sent", "opened_at": ago(3)}),
                (made.cy, {"state": "sent", "unsubscribed_at": ago(2)}),
                (made.di, {"state": "skipped", "reason": "no_address"}),
            )
        ):
            Delivery.objects.create(
                merchant=merchant,
                campaign=campaign,
                customer=who,
                address=f"{at}@x.cn",
                message_id=f"{at}",
                **more,
            )
    made.segment = make_segment(merchant, rule("customers.grade", **IS, values=["A"]), "Grade A")
    with merchant_scope(merchant):
        for who, days in ((made.anna, 2), (made.cy, 90)):
            SegmentMember.objects.create(
                merchant=merchant, segment=made.segment, customer=who, entered_at=ago(days)
            )


def matching(compare="min", orders=1, **details):
    return rule("orders.matching", compare=compare, orders=orders, **details)


def mail(did):
    return rule("marketing.campaign", did=did, values=["$campaign"])


def day(days):
    return ago(days).date().isoformat()


# (what it says, the definition, whom it finds); "$tea" is the number of the shop's tea, "$sku" its SKU
CASES = [
    ("stage", rule("customers.stage", **IS, values=["repeat"]), {"Anna"}),
    ("not a stage", rule("customers.stage", **NOT, values=["repeat"]), {"Bo", "Cy", "Di"}),
    ("kind", rule("customers.kind", **IS, values=["distributor"]), {"Bo"}),
    ("region", rule("customers.region", **IS, values=["Zhejiang"]), {"Anna"}),
    ("language", rule("customers.language", **IS, values=["en"]), {"Bo"}),
    ("place", rule("customers.place", **IS, values=["$region"]), set()),
    ("not in a place", rule("customers.place", **NOT, values=["$region"]), EVERYONE),
    ("created lately", rule("customers.created", when="last", days=30), {"Bo", "Di"}),
    ("created long ago", rule("customers.created", when="before", days=30), {"Anna", "Cy"}),
    ("clicked", rule("customers.clicked", did="did", days=30), {"Anna"}),
    ("not clicked", rule("customers.clicked", did="not", days=30), {"Bo", "Cy", "Di"}),
    ("mailed", rule("customers.mailed", did="did", days=7), {"Anna"}),
    ("owner", rule("customers.owner", **IS, values=["$owner"]), {"Anna"}),
    ("team", rule("customers.team", **IS, values=["$team"]), {"Anna"}),
    ("no team", rule("customers.team", **IS, values=["0"]), {"Bo", "Cy", "Di"}),
    (
        "another team or none",
        rule("customers.team", **NOT, values=["$team"]),
        {"Bo", "Cy", "Di"},
    ),
    ("grade", rule("customers.grade", **IS, values=["A", "B"]), {"Anna", "Bo"}),
    ("source", rule("customers.source", **NOT, values=["web"]), {"Bo", "Cy", "Di"}),
    ("birthday today", rule("customers.birthday_soon", days=0), {"Anna"}),
    ("suppressed by mail", rule("customers.suppressed", has="is", channel="email"), {"Cy"}),
    ("suppressed by number", rule("customers.suppressed", has="is", channel="sms"), {"Bo"}),
    ("not suppressed", rule("customers.suppressed", has="not", channel="email"), {"Anna", "Bo", "Di"}),
    ("not confirmed, and may still", rule("customers.unconfirmed", purpose="marketing"), {"Di"}),
    ("refused profiling", rule("customers.profiling", did="did"), {"Bo"}),
    ("did not refuse profiling", rule("customers.profiling", did="not"), {"Anna", "Cy", "Di"}),
    ("belongs to a company", rule("companies.member", belongs="does"), {"Bo", "Di"}),
    ("belongs to none", rule("companies.member", belongs="not"), {"Anna", "Cy"}),
    ("a company", rule("companies.company", **IS, values=["$firm"]), {"Bo"}),
    (
        "not a company",
        rule("companies.company", **NOT, values=["$firm"]),
        {"Anna", "Cy", "Di"},
    ),
    ("kind of company", rule("companies.kind", **IS, values=["supplier"]), {"Di"}),
    ("tag of the company", rule("companies.tag", **IS, values=["fair"]), {"Bo"}),
    ("price group", rule("companies.price_group", **IS, values=["Gold"]), {"Bo"}),
    ("credit in the shop's money", rule("companies.credit", compare="min", value="1000"), {"Bo"}),
    ("role", rule("companies.role", values=["sales", "legal"]), {"Di"}),
    ("a field of the company", rule("companies.field:number:space", compare="min", value=50), {"Bo"}),
    ("tickets altogether", rule("service.tickets", compare="min", value=1), {"Bo"}),
    ("tickets in a window", rule("service.tickets_in", compare="min", tickets=2, days=30), {"Bo"}),
    (
        "at least no ticket",
        rule("service.tickets_in", compare="min", tickets=0, days=30),
        {"Anna", "Bo", "Cy", "Di"},
    ),
    (
        "at most so many tickets",
        rule("service.tickets_in", compare="max", tickets=1, days=30),
        {"Anna", "Cy", "Di"},
    ),
    (
        "tickets by phone",
        rule("service.tickets_in", compare="min", tickets=2, days=30, channels=["phone"]),
        set(),
    ),
    ("urgent", rule("service.tickets_in", compare="min", tickets=1, days=30, priorities=["urgent"]), {"Bo"}),
    (
        "about a parcel",
        rule("service.tickets_in", compare="min", tickets=1, days=365, causes=["late_parcel"]),
        {"Bo"},
    ),
    (
        "about a parcel lately",
        rule("service.tickets_in", compare="min", tickets=1, days=30, causes=["late_parcel"]),
        set(),
    ),
    ("answered late", rule("service.tickets_in", compare="min", tickets=1, days=30, late="late"), {"Bo"}),
    ("two answered late", rule("service.tickets_in", compare="min", tickets=2, days=30, late="late"), set()),
    (
        "answered in time",
        rule("service.tickets_in", compare="min", tickets=1, days=30, late="in_time"),
        {"Bo"},
    ),
    ("reviews", rule("reviews.count", compare="min", value=2), {"Anna"}),
    ("no reviews", rule("reviews.count", compare="max", value=0), {"Bo", "Cy", "Di"}),
    ("average", rule("reviews.average", compare="min", tenths="35"), {"Anna"}),
    ("a better average", rule("reviews.average", compare="min", tenths="40"), set()),
    ("low average", rule("reviews.average", compare="max", tenths="35"), {"Anna"}),
    ("wrote a review", rule("reviews.written", did="did", days=30), {"Anna"}),
    ("wrote none", rule("reviews.written", did="not", days=30), {"Bo", "Cy", "Di"}),
    (
        "reviewed the pot",
        rule("reviews.written", did="did", days=365, products=["$pot"]),
        {"Anna"},
    ),
    (
        "reviewed the pot lately",
        rule("reviews.written", did="did", days=30, products=["$pot"]),
        set(),
    ),
    ("with few stars", rule("reviews.written", did="did", days=365, stars=2, stars_compare="max"), {"Anna"}),
    (
        "with few stars lately",
        rule("reviews.written", did="did", days=30, stars=2, stars_compare="max"),
        set(),
    ),
    (
        "bought a product",
        rule("orders.product", did="did", pieces=3, values=["$tea"], days=365),
        {"Anna"},
    ),
    ("channel", rule("orders.channel", did="did", values=["$till"], days=365), {"Cy"}),
    (
        "not by a channel",
        rule("orders.channel", did="not", values=["$web"], days=365),
        {"Bo", "Cy", "Di"},
    ),
    ("first order between", rule("orders.first_between", start=day(101), end=day(99)), {"Anna"}),
    ("late parcel", rule("orders.late_parcel", has="has"), {"Anna"}),
    ("no late parcel", rule("orders.late_parcel", has="not"), {"Bo", "Cy", "Di"}),
    ("on its way", rule("orders.parcel_state", has="has", values=["transit"]), {"Anna"}),
    (
        "on its way by another",
        rule("orders.parcel_state", has="has", values=["transit"], carriers=["YTO"]),
        set(),
    ),
    ("nothing on its way", rule("orders.parcel_state", has="not", values=["transit"]), {"Bo", "Cy", "Di"}),
    ("delivered lately", rule("orders.delivered", did="did", days=14), {"Cy"}),
    ("delivered by", rule("orders.delivered", did="did", days=14, carriers=["SF"]), set()),
    ("nothing delivered", rule("orders.delivered", did="not", days=14), {"Anna", "Bo", "Di"}),
    ("returned", rule("orders.returned", did="did", days=30), {"Cy"}),
    (
        "returned damaged",
        rule("orders.returned", did="did", days=30, reasons=["damaged"], states=["requested"]),
        {"Cy"},
    ),
    ("returned by size", rule("orders.returned", did="did", days=30, reasons=["size"]), set()),
    ("returned nothing", rule("orders.returned", did="not", days=30), {"Anna", "Bo", "Di"}),
    ("got the campaign", mail("got"), {"Anna", "Bo", "Cy"}),
    ("opened it", mail("opened"), {"Anna", "Bo"}),
    ("clicked in it", mail("clicked"), {"Anna"}),
    ("got and did not open", mail("unopened"), {"Cy"}),
    ("got and did not click", mail("unclicked"), {"Bo", "Cy"}),
    ("left by it", mail("left"), {"Cy"}),
    ("did not get it", mail("missed"), {"Di"}),
    ("unsubscribed", rule("marketing.unsubscribed", did="did", days=30), {"Cy"}),
    ("not unsubscribed", rule("marketing.unsubscribed", did="not", days=30), {"Anna", "Bo", "Di"}),
    (
        "in a segment",
        rule("marketing.segment", **{"in": "in"}, values=["$segment"]),
        {"Anna"},
    ),
    (
        "entered it lately",
        rule("marketing.entered", values=["$segment"], days=30),
        {"Anna"},
    ),
    (
        "entered it",
        rule("marketing.entered", values=["$segment"], days=365),
        {"Anna", "Cy"},
    ),
    # --- orders that are all of this
    ("any order", matching(), {"Anna", "Cy"}),
    ("no order at all", matching("max", 0), {"Bo", "Di"}),
    ("at most one", matching("max", 1), {"Bo", "Cy", "Di"}),
    ("two, lately", matching(orders=2, days=30), set()),
    ("one, lately", matching(days=30), {"Anna"}),
    ("none lately", matching("max", 0, days=30), {"Bo", "Cy", "Di"}),
    ("between two days", matching(start=day(301), end=day(299)), {"Cy"}),
    ("worth altogether", matching(worth="550", worth_compare="min"), {"Anna"}),
    ("worth more", matching(worth="551", worth_compare="min"), set()),
    ("few and cheap", matching("max", 1, worth="50", worth_compare="max"), {"Bo", "Cy", "Di"}),
    ("each worth", matching(each="300", each_compare="min"), {"Anna"}),
    ("two each worth", matching(orders=2, each="300", each_compare="min"), set()),
    ("one small order", matching(each="50", each_compare="max"), {"Cy"}),
    ("with a product", matching(products=["$pot"]), {"Anna", "Cy"}),
    (
        "spent on a product",
        matching(products=["$tea"], worth="500", worth_compare="min"),
        {"Anna"},
    ),
    (
        "more on a product",
        matching(products=["$tea"], worth="501", worth_compare="min"),
        set(),
    ),
    (
        "an order counts once",
        matching(orders=3, products=["$tea", "$pot"]),
        set(),
    ),
    (
        "never a product",
        matching("max", 0, products=["$tea"]),
        {"Bo", "Cy", "Di"},
    ),
    ("a category with what lies below", matching(categories=["Tea"]), {"Anna"}),
    ("no such category", matching(categories=["Te"]), set()),
    ("by SKU", matching(skus=["$sku"]), {"Anna"}),
    ("by SKU lately", matching(skus=["$sku"], days=30), set()),
    ("through a channel", matching(channels=["$till"]), {"Cy"}),
    ("two through a channel", matching(orders=2, channels=["$web"]), {"Anna"}),
    ("a coupon, however typed", matching(coupon="WELCOME"), {"Anna"}),
    ("any coupon", matching(coupons="any"), {"Anna"}),
    ("without a coupon", matching(coupons="none"), {"Anna", "Cy"}),
    ("two without a coupon", matching(orders=2, coupons="none"), set()),
    (
        "first order through a channel",
        matching(channels=["$web"], position="first"),
        {"Anna"},
    ),
    (
        "later orders through a channel",
        matching(orders=2, channels=["$web"], position="later"),
        set(),
    ),
    (
        "the old coupon condition, however typed",
        rule("orders.coupon", did="did", code="welcome", days=365),
        {"Anna"},
    ),
]

# Conditions whose behaviour another test of ours tells.
ELSEWHERE = {
    "customers.random": rules.test_random_share_is_steady_and_about_right,
    "customers.visited": rules.test_who_looked_around_in_the_shop,
}


def definition_of(made, shop):
    """The definition with the shop's own rows in it."""
    if isinstance(made, dict):
        return {name: definition_of(one, shop) for name, one in made.items()}
    if isinstance(made, list):
        return [definition_of(one, shop) for one in made]
    if isinstance(made, str) and made.startswith("$"):
        named = getattr(shop, made[1:])
        return named if isinstance(named, str) else str(named.pk)
    return made


def test_each_condition_finds_whom_it_says(shop):
    wrong = {}
    for case, made, expected in CASES:
        answer = found(shop.merchant, definition_of(made, shop))
        if answer != expected:
            wrong[case] = (answer, expected)
    assert wrong == {}


def keys(definition):
    for one in definition.get("rules", ()):
        yield from [one["if"]] if "if" in one else keys(one)


def test_no_condition_is_without_its_case(shop):
    told = {key for _case, made, _people in CASES for key in keys(definition_of(made, shop))}
    told |= {key for _case, definition, _people in rules.CASES for key in keys(definition)}
    assert set(CONDITIONS) - told - set(ELSEWHERE) == set()


def test_no_detail_is_without_its_case(shop):
    said = {
        (one["if"], name)
        for _case, made, _people in CASES
        for one in definition_of(made, shop)["rules"]
        for name in one
    }
    details = {(key, detail.fields[0].name) for key, one in CONDITIONS.items() for detail in one.details}
    assert details - said == set()


# --- details ------------------------------------------------------------------------------------------------


def test_a_detail_is_said_whole_or_not_at_all(scoped):
    once = dump(parse(rule("orders.matching", compare="min", orders=1, worth="100")))
    assert once["rules"][0] == {
        "if": "orders.matching",
        "compare": "min",
        "orders": 1,
        "worth": "100.0000",
        "worth_compare": "min",
    }
    assert dump(parse(once)) == once
    with pytest.raises(BadDefinition) as refused:
        parse(rule("orders.matching", compare="min", orders=1, start="2026-01-01"))
    assert "rules.0.end" in refused.value.fields
    with pytest.raises(BadDefinition):
        parse(rule("orders.matching", compare="min", orders=1, products=[]))


def test_a_sentence_tells_the_details_that_are_said(shop):
    definition = rule(
        "orders.matching", compare="min", orders=2, worth="300", worth_compare="min", days=90, coupons="any"
    )
    with merchant_scope(shop.merchant):
        said = segment_sentence(Segment(merchant=shop.merchant, definition=definition), None)
    assert said == (
        "People who placed at least 2 orders in the last 90 days"
        " worth at least ¥300 altogether with any coupon"
    )


@pytest.mark.parametrize("language", ["en", "zh-hans", "zh-hant"])
def test_every_condition_says_itself_in_every_language(shop, language):
    """No hole is left in any sentence, whatever the language makes of its order: each value is told."""
    with override(language), merchant_scope(shop.merchant):
        for case, made, _people in CASES:
            for one in parse(definition_of(made, shop), stored=True).rules:
                said = clause_of(one, Reader("CNY", None))
                assert said, case
                assert "{" not in said, (case, said)
                assert "…" not in said, (case, said)


def test_a_translation_that_drops_a_value_is_seen():
    """Every phrase names each of its fields once, in each language that translates it."""
    for language in ("en", "zh-hans", "zh-hant"):
        with override(language):
            for condition in CONDITIONS.values():
                for text, fields in (
                    (condition.phrase, condition.fields),
                    *((detail.clause, detail.fields) for detail in condition.details),
                ):
                    for field in fields:
                        assert str(text).count("{" + field.name + "}") == 1, (language, condition.key)


# --- days and zones -----------------------------------------------------------------------------------------


@pytest.fixture
def kiritimati(db):
    """14 hours ahead of Greenwich: its days are over when Europe has lunch the day before."""
    return make_merchant("kiritimati", time_zone="Pacific/Kiritimati")


def at(*parts):
    return datetime(*parts, tzinfo=UTC)


def names(merchant, definition, now):
    with merchant_scope(merchant):
        sql = compile_definition(dump(parse(definition)), Scope(merchant, now=now))
        return set(people_of(sql).values_list("name", flat=True))


def test_days_begin_at_the_shops_midnight(kiritimati):
    """There, 11:00 UTC of the 9th is 01:00 of the 10th."""
    before, after = make_customer(kiritimati, "Before"), make_customer(kiritimati, "After")
    make_order(kiritimati, before, placed_at=at(2026, 3, 8, 9, 59))
    make_order(kiritimati, after, placed_at=at(2026, 3, 8, 10, 0))
    one_day = rule("orders.times", times=1, days=1)
    assert names(kiritimati, one_day, at(2026, 3, 9, 11)) == {"After"}, "since 00:00 of the 9th there"
    assert names(kiritimati, one_day, at(2026, 3, 9, 9)) == {"Before", "After"}, "still the 9th there"
    window = rule("orders.matching", compare="min", orders=1, start="2026-03-09", end="2026-03-09")
    assert names(kiritimati, window, at(2026, 3, 20)) == {"After"}
    day_before = rule("orders.matching", compare="min", orders=1, start="2026-03-08", end="2026-03-08")
    assert names(kiritimati, day_before, at(2026, 3, 20)) == {"Before"}


def test_a_birthday_is_of_the_shops_day(kiritimati):
    make_customer(kiritimati, "Tenth", birthday_on=datetime(1990, 3, 10).date())
    today = rule("customers.birthday_soon", days=0)
    assert names(kiritimati, today, at(2026, 3, 9, 11)) == {"Tenth"}
    assert names(kiritimati, today, at(2026, 3, 9, 9)) == set()


def test_a_day_that_summer_time_makes_shorter_begins_at_its_own_midnight(db):
    """Berlin, 29 March 2026: the day begins at 23:00 UTC of the 28th and is 23 hours long."""
    berlin = make_merchant("berlin", time_zone="Europe/Berlin")
    make_order(berlin, make_customer(berlin, "Saturday"), placed_at=at(2026, 3, 28, 22, 59))
    make_order(berlin, make_customer(berlin, "Sunday"), placed_at=at(2026, 3, 28, 23, 0))
    make_order(berlin, make_customer(berlin, "Monday"), placed_at=at(2026, 3, 29, 22, 0))
    sunday = rule("orders.matching", compare="min", orders=1, start="2026-03-29", end="2026-03-29")
    assert names(berlin, sunday, at(2026, 4, 20)) == {"Sunday"}


def test_birthdays_over_new_year_and_on_29_february():
    assert birthdays(datetime(2026, 12, 30).date(), 3) == [101, 102, 1230, 1231]
    assert 229 in birthdays(datetime(2026, 2, 28).date(), 0), "2026 has no 29th"
    assert 229 not in birthdays(datetime(2028, 2, 28).date(), 0)
    assert 229 in birthdays(datetime(2028, 2, 28).date(), 1)


def test_fields_of_companies_are_offered_by_their_own_key(shop):
    with merchant_scope(shop.merchant):
        offered = {one.key for one in conditions_offered()}
    assert "companies.field:number:space" in offered
    assert "customers.field:number:space" not in offered
