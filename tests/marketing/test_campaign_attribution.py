"""Revenue stands with the last click before the order, net, once, and follows refunds."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from django.utils import timezone

from crm.accounts.models import Merchant
from crm.events.delivering import deliver
from crm.events.emitting import emit
from crm.events.models import Delivery as Duty
from customers.models import Customer
from marketing.campaigns import services
from marketing.campaigns.attribution import attribute
from marketing.models import Attribution, Campaign, Delivery
from orders.importing.events import ORDER_WITHDRAWN
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
    found = attribute(order)
    assert (found is not None) is counts
    if found:
        assert (found.campaign_id, found.net) == (campaign.pk, Decimal("100"))


def test_the_last_click_wins_once(scoped: Merchant) -> None:
    person = make_subscriber(scoped)
    clicked(scoped, person, hours_ago=48, name="first")
    last = clicked(scoped, person, hours_ago=2, name="last")
    order = make_order(scoped, person, placed_at=NOW)
    for _ in range(3):
        attribute(order)
    assert Attribution.objects.get().campaign_id == last.pk


def test_a_refund_takes_the_revenue_back(scoped: Merchant) -> None:
    person = make_subscriber(scoped)
    clicked(scoped, person, hours_ago=2)
    order = make_order(scoped, person, lines=[("Tea", 1, "100")], placed_at=NOW)
    attribute(order)
    order.base_refunded = Decimal("40")
    attribute(order)
    assert Attribution.objects.get().net == Decimal("60")
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
    assert list(Attribution.objects.filter(campaign=campaign).values_list("order_id", flat=True)) == [kept.pk]
