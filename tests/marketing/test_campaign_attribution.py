"""Revenue stands with the last click before the order, net, once, and follows refunds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal

import pytest
from django.utils import timezone

from crm.accounts.models import Membership, Merchant
from crm.events.delivering import deliver
from crm.events.emitting import emit
from crm.events.models import Delivery as Duty
from customers.models import Customer
from marketing.campaigns import services
from marketing.campaigns.attribution import attribute
from marketing.campaigns.revenue import Revenue, Rule, revenue
from marketing.models import Attribution, Campaign, Delivery, Engagement
from orders.importing.events import ORDER_WITHDRAWN
from tests.factories.accounts import make_member
from tests.factories.marketing_mail import make_campaign, make_subscriber
from tests.factories.orders import make_order

NOW = timezone.now()


def clicked(merchant: Merchant, customer: Customer, *, hours_ago: float | None, name: str = "A") -> Campaign:
    campaign = services.campaign_start(campaign=make_campaign(merchant, name=name))
    at = None if hours_ago is None else NOW - dt.timedelta(hours=hours_ago)
    Delivery.objects.filter(campaign=campaign).update(
        state="sent", opened_at=NOW - dt.timedelta(days=1), clicked_at=at
    )
    return campaign


def brought(
    campaigns: Sequence[Campaign], rule: Rule | None = None, membership: Membership | None = None
) -> dict[int, Revenue]:
    return revenue(
        [one.pk for one in campaigns],
        rule=rule or Rule(),
        membership=membership,
    )


@pytest.mark.parametrize(
    "name, hours_ago, paid, counts",
    [
        ("clicked yesterday", 24, True, True),
        ("only opened", None, True, False),
        ("clicked six days ago", 144, True, False),
        ("clicked after the order", -1, True, False),
        ("not paid", 24, False, False),
    ],
)
def test_what_counts(scoped: Merchant, name: str, hours_ago: float | None, paid: bool, counts: bool) -> None:
    person = make_subscriber(scoped)
    campaign = clicked(scoped, person, hours_ago=hours_ago)
    order = make_order(scoped, person, lines=[("Tea", 2, "50")], placed_at=NOW, paid=paid)
    attribute(order)
    expected = {campaign.pk: Revenue(Decimal("100"), 1)} if counts else {}
    assert brought([campaign]) == expected


@pytest.mark.parametrize(
    "model, shares",
    [
        ("last", ["0", "0", "0", "100"]),
        ("first", ["100", "0", "0", "0"]),
        ("linear", ["25", "25", "25", "25"]),
        ("position", ["40", "10", "10", "40"]),
    ],
)
def test_four_mails_share_an_order(scoped: Merchant, model: str, shares: list[str]) -> None:
    person = make_subscriber(scoped)
    campaigns = [clicked(scoped, person, hours_ago=hours, name=f"{hours}") for hours in (72, 48, 24, 2)]
    order = make_order(scoped, person, lines=[("Tea", 1, "100")], placed_at=NOW)
    for _ in range(3):
        attribute(order)
    found = brought(campaigns, Rule(model, 5))
    assert [found.get(one.pk, Revenue()).net for one in campaigns] == [Decimal(share) for share in shares]
    assert sum(one.orders for one in found.values()) == sum(share != "0" for share in shares)


@pytest.mark.parametrize("model", ["last", "first", "linear", "position"])
@pytest.mark.parametrize("mails", [1, 2, 3])
def test_the_shares_are_the_whole(scoped: Merchant, model: str, mails: int) -> None:
    person = make_subscriber(scoped)
    campaigns = [clicked(scoped, person, hours_ago=hours, name=f"{hours}") for hours in range(1, mails + 1)]
    attribute(make_order(scoped, person, lines=[("Tea", 1, "90")], placed_at=NOW))
    whole = sum((one.net for one in brought(campaigns, Rule(model, 5)).values()), Decimal(0))
    assert round(whole, 6) == Decimal("90")


def test_the_window_and_opens_are_chosen_when_asking(scoped: Merchant) -> None:
    person = make_subscriber(scoped)
    old = clicked(scoped, person, hours_ago=24 * 20, name="old")
    opened = clicked(scoped, person, hours_ago=None, name="opened")
    attribute(make_order(scoped, person, lines=[("Tea", 1, "100")], placed_at=NOW))
    assert brought([old, opened], Rule("last", 5)) == {}
    assert set(brought([old, opened], Rule("last", 30))) == {old.pk}
    assert set(brought([old, opened], Rule("last", 5, opens=True))) == {opened.pk}


def test_a_second_click_inside_the_window_counts(scoped: Merchant) -> None:
    """Clicked long ago and again yesterday: the mail's own row knows only the first time."""
    person = make_subscriber(scoped)
    campaign = clicked(scoped, person, hours_ago=24 * 20)
    Engagement.objects.create(
        merchant=scoped, delivery=Delivery.objects.get(), kind="click", at=NOW - dt.timedelta(days=1)
    )
    attribute(make_order(scoped, person, lines=[("Tea", 1, "100")], placed_at=NOW))
    assert brought([campaign], Rule("last", 5))[campaign.pk].orders == 1


def test_a_bound_member_sees_the_revenue_of_their_customers(scoped: Merchant) -> None:
    campaign = clicked(scoped, make_subscriber(scoped), hours_ago=2)
    attribute(make_order(scoped, Customer.objects.get(), lines=[("Tea", 1, "100")], placed_at=NOW))
    nobodys = make_member(scoped, role="marketer", visibility="own")
    assert brought([campaign], membership=nobodys) == {}


def test_a_refund_takes_the_revenue_back(scoped: Merchant) -> None:
    person = make_subscriber(scoped)
    clicked(scoped, person, hours_ago=2)
    order = make_order(scoped, person, lines=[("Tea", 1, "100")], placed_at=NOW)
    attribute(order)
    order.base_refunded = Decimal("40")
    attribute(order)
    assert {one.net for one in Attribution.objects.all()} == {Decimal("60")}
    order.base_refunded = Decimal("100")
    attribute(order)
    assert not Attribution.objects.exists()


def test_a_withdrawn_orders_revenue_goes_with_it(scoped: Merchant) -> None:
    person = make_subscriber(scoped)
    campaign = clicked(scoped, person, hours_ago=24)
    gone, kept = [make_order(scoped, person, lines=[("Tea", 2, "50")], placed_at=NOW) for _n in range(2)]
    for order in (gone, kept):
        attribute(order)
    emit(ORDER_WITHDRAWN, merchant=scoped, customer=person, subject=gone, data={"number": gone.number})
    for pk in Duty.objects.filter(state="pending", handler="marketing.withdraw_attribution").values_list(
        "pk", flat=True
    ):
        assert deliver(pk)
    assert set(Attribution.objects.filter(campaign=campaign).values_list("order_id", flat=True)) == {kept.pk}
