"""Scores are explained, the same one by one and all at once, and sensible from the first order."""

from datetime import timedelta

import pytest
from django.utils import timezone

from crm.lib.tenancy import merchant_scope
from customers.models import Metrics
from marketing.insight import scoring
from marketing.insight.models import Yardstick
from tests.factories.customers import make_customer

NOW = timezone.now()


def shop(merchant, size):
    return [
        make_customer(
            merchant,
            orders_count=1 + number % 5,
            net=100 + 37 * (number % 11),
            gross=100 + 37 * (number % 11),
            first_order_at=NOW - timedelta(days=300),
            last_order_at=NOW - timedelta(days=3 * number),
            open_tickets=number % 7 == 0,
            last_rating=(number % 5) + 1,
            last_sent_at=NOW - timedelta(days=9) if number % 2 else None,
            last_opened_at=NOW - timedelta(days=2) if number % 3 == 0 else None,
        )
        for number in range(size)
    ]


def rows(merchant):
    with merchant_scope(merchant):
        fields = ("customer_id", "score", "recency_bin", "frequency_bin", "monetary_bin")
        return list(Metrics.objects.order_by("customer_id").values_list(*fields))


def test_one_by_one_equals_all_at_once(merchant, rival):
    people = shop(merchant, 40)
    stranger = make_customer(rival, orders_count=1)
    with merchant_scope(merchant):
        scoring.measure(merchant_id=merchant.pk, now=NOW)
        for customer in people:
            scoring.refresh(merchant_id=merchant.pk, customer_ids=[customer.pk], now=NOW)
        single = rows(merchant)
        assert scoring.refresh(merchant_id=merchant.pk, now=NOW) == 0
        Metrics.objects.update(score=None, recency_bin=0, frequency_bin=0, monetary_bin=0)
        assert scoring.refresh(merchant_id=merchant.pk, now=NOW) == 40
    assert rows(merchant) == single
    assert rows(rival) == [(stranger.pk, None, 0, 0, 0)]


def test_the_explanation_adds_up_to_the_score(merchant):
    shop(merchant, 30)
    with merchant_scope(merchant):
        stick = scoring.measure(merchant_id=merchant.pk, now=NOW)
        scoring.refresh(merchant_id=merchant.pk, now=NOW)
        for metrics in Metrics.objects.all():
            explained = scoring.explain(metrics, stick, NOW)
            assert abs(explained.score - metrics.score) <= 1  # the last digit of exp()
            assert sum(part.most for part in explained.parts) == pytest.approx(100)
            assert all(0 <= part.points <= part.most + 1e-9 for part in explained.parts)


def test_better_facts_never_score_lower(merchant):
    base = {"orders_count": 2, "net": 200, "last_order_at": NOW - timedelta(days=50)}
    changes = [
        ("bought again", {"orders_count": 3, "net": 300, "last_order_at": NOW - timedelta(days=1)}),
        ("spends more", {"net": 900}),
        ("opened a mail", {"last_sent_at": NOW, "last_opened_at": NOW}),
        ("praised", {"last_rating": 5}),
    ]
    worse = [
        ("complains", {"open_tickets": 1}),
        ("angry", {"last_rating": 1}),
        ("silent", {"last_sent_at": NOW}),
    ]
    plain = make_customer(merchant, **base)
    made = {name: make_customer(merchant, **{**base, **change}) for name, change in changes + worse}
    with merchant_scope(merchant):
        scoring.measure(merchant_id=merchant.pk, now=NOW)
        scoring.refresh(merchant_id=merchant.pk, now=NOW)
    scores = {pk: score for pk, score, *_bins in rows(merchant)}
    for name, _change in changes:
        assert scores[made[name].pk] > scores[plain.pk], name
    for name, _change in worse:
        assert scores[made[name].pk] < scores[plain.pk], name


def test_a_shop_of_one_leans_on_the_prior_and_a_large_one_on_itself(merchant, rival):
    make_customer(merchant, orders_count=40, net=9, gross=9, last_order_at=NOW, first_order_at=NOW)
    with merchant_scope(merchant):
        small = scoring.measure(merchant_id=merchant.pk, now=NOW)
    assert small.usual_orders < 4
    shop(rival, 90)
    with merchant_scope(rival):
        large = scoring.measure(merchant_id=rival.pk, now=NOW)
    assert large.buyers == 90
    assert large.usual_orders > 2.5
    for stick in (small, large):
        for bounds in (stick.recency_bounds, stick.frequency_bounds, stick.monetary_bounds):
            assert bounds == sorted(bounds)
            assert len(bounds) == 4


def test_an_empty_shop_scores_without_trouble(merchant):
    make_customer(merchant)
    with merchant_scope(merchant):
        assert scoring.refresh(merchant_id=merchant.pk) == 1
        assert Yardstick.objects.get().buyers == 0
    ((_pk, score, *bins),) = rows(merchant)
    assert (0 < score < 25, bins) == (True, [0, 0, 0])
