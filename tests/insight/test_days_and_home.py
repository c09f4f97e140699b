"""Daily figures follow the shop's own days; Home and the reports show them to whoever may."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from crm.events.delivering import deliver
from crm.events.models import Delivery
from crm.lib.tenancy import merchant_scope
from customers.identities import Contact
from customers.models import Metrics
from marketing.insight import home as homes
from marketing.insight import rollups
from marketing.insight.models import Day, DirtyDay
from orders import metrics
from orders.drafts import OrderDraft
from orders.upsert import order_upsert
from tests.factories.accounts import make_member
from tests.factories.customers import make_customer
from tests.factories.orders import make_channel, make_order, make_refund, make_return

NOW = timezone.now()


def days(merchant):
    with merchant_scope(merchant):
        rollups.recount_all(merchant=merchant)
        return {
            (row.on, row.channel_id): (row.orders, row.revenue, row.refunded)
            for row in Day.objects.order_by("on")
        }


def test_a_day_is_the_shops_own(merchant, rival):
    """23:30 UTC is the next morning in Shanghai."""
    channel = make_channel(merchant)
    late = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
    order = make_order(merchant, make_customer(merchant, created_at=late), placed_at=late)
    make_order(merchant, None, placed_at=late, cancelled_at=late)
    make_order(rival, None, placed_at=late)
    make_refund(order, "40", refunded_at=datetime(2026, 3, 5, 1, tzinfo=UTC))
    found = days(merchant)
    assert found[(date(2026, 3, 2), channel.pk)] == (1, Decimal(100), 0)
    assert found[(date(2026, 3, 5), channel.pk)] == (0, 0, Decimal(40))
    assert (date(2026, 3, 1), channel.pk) not in found


def test_counting_again_changes_nothing(merchant):
    make_order(merchant, make_customer(merchant))
    assert days(merchant) == days(merchant)


def test_an_order_has_its_day_counted_again(merchant):
    channel = make_channel(merchant)
    draft = OrderDraft(
        external_id="1", placed_at=NOW - timedelta(days=3), currency="CNY", total=Decimal(70), payment="paid",
        contact=Contact(email="li@example.com"),
    )  # fmt: skip
    with merchant_scope(merchant):
        order_upsert(merchant=merchant, channel=channel, draft=draft, source="test")
        for pk in Delivery.objects.filter(handler="insight.touch_days").values_list("pk", flat=True):
            deliver(pk)
        assert DirtyDay.objects.exists()
    rollups.sweep()
    with merchant_scope(merchant):
        assert not DirtyDay.objects.exists()
        assert Day.objects.get(channel_id=channel.pk).revenue == 70
        assert Day.objects.filter(new_customers=1).exists()


def test_the_sentence_compares_weeks(merchant, scoped):
    today = date(2026, 6, 15)

    def said(this_week, week_before, first=(0, 0)):
        known = {
            today - timedelta(days=2): homes.DaySum(Decimal(this_week), 1, Decimal(first[0])),
            today - timedelta(days=9): homes.DaySum(Decimal(week_before), 1, Decimal(first[1])),
        }
        return homes._sentence(known, today)

    assert "up 50" in said(150, 100)
    assert "mostly from returning customers" in said(150, 100)
    assert "mostly from new customers" in said(150, 100, first=(60, 10))
    assert "down 50" in said(50, 100)
    assert "as in the week before" in said(100, 100)
    assert homes._sentence({}, today) == "No orders in the last two weeks."


def test_home_shows_today_and_what_waits(merchant, rival, member_client):
    order = make_order(merchant, make_customer(merchant, "Anna"), lines=[("Pot", 1, "250")])
    make_order(rival, None, lines=[("Pot", 1, "9999")])
    make_return(order)
    days(merchant)
    page = member_client("owner").get(reverse("home")).content.decode()
    assert "¥250" in page
    assert "9,999" not in page
    assert "1 return to decide" in page


def test_home_teaches_a_new_shop(merchant, member_client):
    page = member_client("owner").get(reverse("home")).content.decode()
    assert "Let the orders in" in page


def test_roles_see_their_part(merchant, member_client, client, rival_client):
    make_order(merchant, make_customer(merchant))
    assert "Open tickets" not in member_client("marketer").get(reverse("home")).content.decode()
    assert "Open tickets" in member_client("agent").get(reverse("home")).content.decode()
    assert member_client("agent").get(reverse("insight")).status_code == 403
    assert member_client("analyst").get(reverse("insight")).status_code == 200
    assert client.get(reverse("home")).status_code == 302
    customer = make_customer(merchant)
    for name in ("customer_score", "customer_points", "points_record"):
        assert rival_client.get(reverse(name, args=[customer.pk])).status_code == 404


@pytest.mark.parametrize("page", ["home", "insight", "insight_cohorts", "insight_products", "loyalty"])
def test_pages_cost_the_same_for_few_and_for_many(
    merchant, member_client, django_assert_max_num_queries, page
):
    client = member_client("owner")

    def grow(size):
        for number in range(size):
            make_order(merchant, make_customer(merchant), placed_at=NOW - timedelta(days=number))
        with merchant_scope(merchant):
            metrics.refresh(merchant_id=merchant.pk)
            Metrics.objects.update(points=5, recency_bin=3, frequency_bin=1)
        days(merchant)

    grow(2)
    client.get(reverse(page))
    with django_assert_max_num_queries(40) as few:
        client.get(reverse(page))
    grow(10)
    with django_assert_max_num_queries(len(few)):
        assert client.get(reverse(page)).status_code == 200


def test_a_cell_opens_its_people_as_a_segment(merchant, member_client):
    make_customer(merchant, recency_bin=5, frequency_bin=2, orders_count=2)
    client = member_client("owner")
    page = client.get(reverse("insight")).content.decode()
    link = page.split('class="gx-heat__link" href="')[1].split('"')[0].replace("&amp;", "&")
    builder = client.get(link)
    assert builder.status_code == 200
    assert "customers.rfm" in builder.content.decode()


def test_own_visibility_lists_no_others_points(merchant):
    from marketing.loyalty import selectors

    make_customer(merchant, points=5)
    member = make_member(merchant, "agent", visibility="own")
    with merchant_scope(merchant):
        assert selectors.members(member).count() == 0


def test_an_empty_shop_reads_where_figures_come_from(member_client):
    page = member_client("owner").get(reverse("insight"))
    assert "appear with the first orders" in page.content.decode()
    assert "gx-heat" not in page.content.decode()
