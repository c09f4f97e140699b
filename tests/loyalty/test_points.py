"""Points follow the orders, whatever order the news come in; nobody refunds and keeps them."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.events.delivering import deliver
from crm.events.models import Delivery, Event
from crm.lib.errors import Rejected
from crm.lib.tenancy import merchant_scope
from customers.identities import Contact
from customers.models import Metrics
from marketing.loyalty import services, settling
from marketing.loyalty.models import PointsEntry, Program
from orders.drafts import OrderDraft, RefundDraft
from orders.models import Order
from orders.upsert import order_upsert
from tests.factories.customers import make_customer
from tests.factories.loyalty import make_program
from tests.factories.orders import make_channel, make_order, make_refund

NOW = timezone.now()


def settle(merchant, *customers):
    with merchant_scope(merchant):
        return settling.settle(merchant=merchant, customer_ids=[customer.pk for customer in customers])


def balance(customer):
    with merchant_scope(customer.merchant_id):
        return tuple(Metrics.objects.values_list("points", "tier").get(customer=customer))


def refund(order, amount):
    """As orders keep it: the row and the order's own sum."""
    with merchant_scope(order.merchant_id):
        order.refunded += Decimal(amount)
        order.base_refunded = order.refunded
        order.save()


@pytest.fixture
def anna(merchant):
    return make_customer(merchant, "Anna")


def test_earned_once_however_often_it_is_told(merchant, anna):
    make_program(merchant, points_per_unit=Decimal("1.5"))
    make_order(merchant, anna, lines=[("Pot", 1, "99.99")])
    assert settle(merchant, anna) == 1
    assert settle(merchant, anna) == 0
    assert balance(anna) == (149, "")
    with merchant_scope(merchant):
        assert PointsEntry.objects.count() == 1
        assert Event.objects.filter(name="loyalty.points_earned", customer_id=anna.pk).count() == 1


def test_no_programme_no_points(merchant, anna):
    make_order(merchant, anna)
    assert settle(merchant, anna) == 0
    make_program(merchant, is_active=False)
    assert settle(merchant, anna) == 0
    assert balance(anna) == (0, "")


def test_unpaid_earlier_and_unpriced_orders_earn_nothing(merchant, anna):
    make_program(merchant)
    make_order(merchant, anna, paid=False)
    make_order(merchant, anna, placed_at=NOW - timedelta(days=400))
    make_order(merchant, anna, currency="XAF", rate=None, base_total=None)
    settle(merchant, anna)
    assert balance(anna) == (0, "")


def test_a_refund_takes_its_share_and_a_full_one_all(merchant, anna):
    make_program(merchant)
    order = make_order(merchant, anna, lines=[("Pot", 1, "300")])
    settle(merchant, anna)
    refund(order, "100")
    settle(merchant, anna)
    assert balance(anna)[0] == 200
    refund(order, "200")
    settle(merchant, anna)
    assert balance(anna)[0] == 0
    with merchant_scope(merchant):
        assert list(PointsEntry.objects.order_by("pk").values_list("points", flat=True)) == [300, -100, -200]


def test_a_refund_that_comes_before_the_payment(merchant, anna):
    make_program(merchant)
    order = make_order(merchant, anna, lines=[("Pot", 1, "300")], paid=False)
    refund(order, "100")
    settle(merchant, anna)
    assert balance(anna)[0] == 0
    with merchant_scope(merchant):
        Order.objects.filter(pk=order.pk).update(payment="partly", paid_at=NOW)
    settle(merchant, anna)
    assert balance(anna)[0] == 200


def test_cancelled_takes_all_and_coming_back_gives_again(merchant, anna):
    make_program(merchant)
    order = make_order(merchant, anna)
    settle(merchant, anna)
    for cancelled_at, points in ((NOW, 0), (None, 100), (NOW, 0)):
        with merchant_scope(merchant):
            Order.objects.filter(pk=order.pk).update(cancelled_at=cancelled_at)
        settle(merchant, anna)
        assert balance(anna)[0] == points


def test_a_refund_without_an_order_takes_what_it_would_have_earned(merchant, anna):
    make_program(merchant)
    order = make_order(merchant, anna, lines=[("Pot", 1, "300")])
    lone = make_refund(order, "50")
    with merchant_scope(merchant):
        lone.order = None
        lone.save()
    settle(merchant, anna)
    settle(merchant, anna)
    assert balance(anna)[0] == 250


def test_the_multiplier_stays_with_its_order(merchant, anna):
    make_program(merchant, tiers=(("Silver", 0, "1"), ("Gold", 300, "2")))
    first = make_order(merchant, anna, lines=[("Pot", 1, "300")])
    settle(merchant, anna)
    assert balance(anna) == (300, "Gold")
    second = make_order(merchant, anna, lines=[("Pot", 1, "100")])
    settle(merchant, anna)
    assert balance(anna)[0] == 500
    refund(first, "300")
    settle(merchant, anna)
    assert balance(anna) == (200, "Silver")
    refund(second, "50")
    settle(merchant, anna)
    assert balance(anna)[0] == 100, "taken back at the rate at which it was given"


def test_a_tier_change_is_announced(merchant, anna):
    make_program(merchant, tiers=(("Gold", 300, "1"),))
    make_order(merchant, anna, lines=[("Pot", 1, "300")])
    settle(merchant, anna)
    with merchant_scope(merchant):
        event = Event.objects.get(name="loyalty.tier_changed")
    assert (event.customer_id, event.data) == (anna.pk, {"tier": "Gold", "before": "–"})


def test_points_expire_and_a_late_refund_takes_nothing_more(merchant, anna):
    make_program(merchant, expiry_months=6)
    old = make_order(merchant, anna, lines=[("Pot", 1, "300")], placed_at=NOW - timedelta(days=170))
    make_order(merchant, anna, lines=[("Pot", 1, "50")])
    settle(merchant, anna)
    assert balance(anna)[0] == 350
    with merchant_scope(merchant):
        past = NOW - timedelta(days=200)
        Order.objects.filter(pk=old.pk).update(paid_at=past)
        PointsEntry.objects.filter(order_id=old.pk).update(expires_at=NOW - timedelta(days=1), lot_at=past)
    settle(merchant, anna)
    assert balance(anna)[0] == 50
    with merchant_scope(merchant):
        old.refresh_from_db()
    refund(old, "300")
    settle(merchant, anna)
    assert balance(anna)[0] == 50
    with merchant_scope(merchant):
        assert PointsEntry.objects.filter(kind="expire").count() == 1


def test_what_was_taken_by_hand_does_not_expire_again(merchant, anna):
    make_program(merchant, expiry_months=6)
    order = make_order(merchant, anna, lines=[("Pot", 1, "300")], placed_at=NOW - timedelta(days=100))
    settle(merchant, anna)
    with merchant_scope(merchant):
        services.points_correct(merchant=merchant, customer=anna, points=-200, reason="Gift taken")
        PointsEntry.objects.filter(order_id=order.pk).update(expires_at=NOW - timedelta(days=1))
        Order.objects.filter(pk=order.pk).update(paid_at=NOW - timedelta(days=300))
    settle(merchant, anna)
    assert balance(anna)[0] == 0


def test_the_whole_thread_through_orders_and_events(merchant):
    """The doors of life: an upsert announces, the handler settles, a refund comes as a newer version."""
    make_program(merchant)
    channel = make_channel(merchant)
    paid = OrderDraft(
        external_id="1",
        placed_at=NOW,
        currency="CNY",
        total=Decimal(200),
        payment="paid",
        version=1,
        contact=Contact(name="Li", email="li@example.com"),
    )
    back = RefundDraft("r1", Decimal(200), NOW)
    with merchant_scope(merchant):
        order = order_upsert(merchant=merchant, channel=channel, draft=paid, source="test").order
        work()
        assert balance(order.customer)[0] == 200
        order_upsert(
            merchant=merchant,
            channel=channel,
            source="test",
            draft=OrderDraft(**{**paid.__dict__, "refunds": (back,), "payment": "refunded", "version": 2}),
        )
        work()
        work()
        assert balance(order.customer)[0] == 0


def work():
    for pk in Delivery.objects.filter(state="pending").order_by("pk").values_list("pk", flat=True):
        deliver(pk)


# --- incremental equals full ------------------------------------------------------------------------------

moves = st.lists(
    st.tuples(
        st.sampled_from(["pay", "refund", "cancel", "uncancel", "raise"]),
        st.integers(0, 3),
        st.integers(1, 90),
        st.booleans(),
    ),
    max_size=12,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=moves)
def test_step_by_step_equals_all_at_once(merchant, moves):
    """Any sequence of changes, settled whenever, ends where a single settling from nothing ends."""
    with transaction.atomic():
        make_program(
            merchant, points_per_unit=Decimal("0.7"), tiers=(("Silver", 50, "1"), ("Gold", 150, "1"))
        )
        one, two = make_customer(merchant), make_customer(merchant)
        orders = [
            make_order(merchant, customer, lines=[("Pot", 1, "99.90")], paid=False)
            for customer in (one, one, two, two)
        ]
        for move, place, amount, now in moves:
            change(orders[place], move, amount)
            if now:
                settle(merchant, one, two)
        settle(merchant, one, two)
        step_by_step = [balance(one), balance(two)]
        with merchant_scope(merchant):
            assert settling.recalculate_merchant(merchant=merchant, program=Program.objects.get()) == 0
            PointsEntry.objects.all().delete()
            Metrics.objects.update(points=0, tier="")
            settling.recalculate_merchant(merchant=merchant, program=Program.objects.get())
        assert [balance(one), balance(two)] == step_by_step
        with merchant_scope(merchant):
            for customer in (one, two):
                kept = sum(
                    int(max(order.base_total - (order.base_refunded or 0), Decimal(0)) * Decimal("0.7"))
                    for order in Order.objects.filter(
                        customer=customer, paid_at__isnull=False, cancelled_at=None
                    )
                )
                assert balance(customer)[0] == kept
        transaction.set_rollback(True)


def change(order: Order, move: str, amount: int) -> None:
    with merchant_scope(order.merchant_id):
        order.refresh_from_db()
        if move == "pay":
            order.payment, order.paid_at = "paid", order.paid_at or NOW
        elif move == "refund":
            order.refunded = min(order.total, order.refunded + amount)
            order.base_refunded = order.refunded
        elif move == "raise":
            order.total = order.base_total = order.total + amount
        else:
            order.cancelled_at = NOW if move == "cancel" else None
        order.save()


# --- staff ------------------------------------------------------------------------------------------------


def test_a_correction_needs_a_reason_and_leaves_no_debt(merchant, anna):
    with merchant_scope(merchant):
        for points, reason in ((10, " "), (0, "why"), (-1, "nothing there"), (10_000_000, "too kind")):
            with pytest.raises(Rejected):
                services.points_correct(merchant=merchant, customer=anna, points=points, reason=reason)
        assert not PointsEntry.objects.exists()
        services.points_correct(
            merchant=merchant, customer=anna, points=30, reason="Sorry for the delay", key="a"
        )
        services.points_correct(
            merchant=merchant, customer=anna, points=30, reason="Sorry for the delay", key="a"
        )
    assert balance(anna)[0] == 30
    make_program(merchant)
    make_order(merchant, anna)
    settle(merchant, anna)
    assert balance(anna)[0] == 130


def test_a_rivals_orders_give_nothing(merchant, rival, anna):
    make_program(merchant)
    make_program(rival)
    twin = make_customer(rival, "Anna")
    make_order(rival, twin)
    settle(merchant, anna, twin)
    assert (balance(anna)[0], balance(twin)[0]) == (0, 0)
    assert settling.recalculate() == 1
    assert balance(twin)[0] == 100


def test_program_save_keeps_one_programme_and_refuses_twin_tiers(merchant):
    with merchant_scope(merchant):
        for name in ("Club", "Tea club"):
            services.program_save(merchant=merchant, values={"name": name}, tiers=[("Gold", 100, Decimal(2))])
        assert Program.objects.get().name == "Tea club"
        with pytest.raises(Rejected):
            services.program_save(
                merchant=merchant, values={"name": "X"}, tiers=[("A", 1, Decimal(1)), ("B", 1, Decimal(1))]
            )
