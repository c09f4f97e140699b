"""RFM bins and one score of 0–100, explained: the same statement for a touched customer and for everybody.

Each part lies between 0 and 1 and reaches it gently, so that no order makes anybody jump:
- recency: exp(-days since the last order / (2 × the usual gap between orders))
- frequency: 1 - exp(-orders / usual orders)
- money: net / (net + usual net), the saturating form of Michaelis and Menten
- engagement with mail: 0.5 unknown, up by opens and clicks of 30 days, down when mails stay unopened
- service: 0.75 quiet, down by open tickets and low ratings, up by good ones
Usual values are the shop's own, shrunk towards plain priors (Yardstick), which is empirical Bayes in its
simplest form: prior weight / (prior weight + buyers).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.accounts.models import Merchant
from crm.lib.tenancy import all_merchants, merchant_scope
from customers.models import Customer, Metrics
from marketing.insight.models import Yardstick

WEIGHTS = {"recency": 0.35, "frequency": 0.20, "money": 0.25, "engagement": 0.10, "service": 0.10}
# How many buyers of its own a shop needs until they count as much as the priors.
PRIOR_BUYERS = 30
PRIOR_GAP_DAYS = 90.0
PRIOR_ORDERS = 2.0
# Bounds between the five bins: days since the last order, number of orders, multiples of a mean order.
PRIOR_RECENCY = (30.0, 60.0, 120.0, 240.0)
PRIOR_FREQUENCY = (2.0, 3.0, 4.0, 6.0)
PRIOR_MONEY = (0.75, 1.5, 3.0, 6.0)
ENGAGED_DAYS = 30
TABLE = Metrics._meta.db_table

YARDSTICK_SQL = f"""
    SELECT count(*), sum(orders_count), sum(gross), sum(net),
           percentile_cont(ARRAY[.2, .4, .6, .8]) WITHIN GROUP (
               ORDER BY date_part('epoch', %(now)s - last_order_at) / 86400.0),
           percentile_cont(ARRAY[.2, .4, .6, .8]) WITHIN GROUP (ORDER BY orders_count::float8),
           percentile_cont(ARRAY[.2, .4, .6, .8]) WITHIN GROUP (ORDER BY net::float8),
           sum(date_part('epoch', last_order_at - first_order_at) / 86400.0) FILTER (WHERE orders_count > 1),
           sum(orders_count - 1) FILTER (WHERE orders_count > 1)
    FROM {TABLE} WHERE merchant_id = %(merchant)s::bigint AND orders_count > 0
"""

# Neither the erased nor those who said "do not profile me"; each set is small and has its index.
PROFILED = " AND ".join(
    f"NOT EXISTS (SELECT 1 FROM {Customer._meta.db_table} c WHERE c.merchant_id = m.merchant_id"
    f" AND c.id = m.customer_id AND c.{column} IS NOT NULL)"
    for column in ("erased_at", "profiling_stopped_at")
)
# float8 throughout: numeric makes exp() ten times slower (../shared/SCALE.md).
PARTS = """
    CASE WHEN m.last_order_at IS NULL THEN 0 ELSE
        exp(-greatest(date_part('epoch', %(now)s - m.last_order_at), 0) / 86400.0 / (2 * %(gap)s)) END
"""
SCORE_SQL = f"""
    WITH parts AS (
        SELECT m.customer_id, m.orders_count, greatest(m.net, 0)::float8 AS net,
               greatest(date_part('epoch', %(now)s - m.last_order_at), 0) / 86400.0 AS days,
               {PARTS} AS recency,
               1 - exp(-m.orders_count / %(orders)s) AS frequency,
               CASE WHEN m.net > 0 THEN m.net::float8 / (m.net::float8 + %(net)s) ELSE 0 END AS money,
               CASE WHEN m.last_sent_at IS NULL THEN 0.5
                    WHEN m.last_clicked_at >= %(since)s THEN 1.0
                    WHEN m.last_opened_at >= %(since)s THEN 0.75
                    WHEN m.last_opened_at IS NULL THEN 0.2 ELSE 0.4 END AS engagement,
               greatest(0, least(1, 0.75 - 0.4 * least(m.open_tickets, 1)
                   + CASE WHEN m.last_rating <= 2 THEN -0.4 WHEN m.last_rating >= 4 THEN 0.25 ELSE 0 END))
                   AS service
        FROM {TABLE} m WHERE m.merchant_id = %(merchant)s::bigint {{some}} AND {PROFILED}
    ), fresh AS (
        SELECT p.customer_id,
               CASE WHEN p.orders_count = 0 THEN 0 ELSE 5 - width_bucket(p.days, %(r)s::float8[]) END AS r,
               CASE WHEN p.orders_count = 0 THEN 0
                    ELSE width_bucket(p.orders_count::float8, %(f)s::float8[]) + 1 END AS f,
               CASE WHEN p.orders_count = 0 THEN 0 ELSE width_bucket(p.net, %(m)s::float8[]) + 1 END AS m,
               round((100 * ({WEIGHTS["recency"]} * p.recency + {WEIGHTS["frequency"]} * p.frequency
                   + {WEIGHTS["money"]} * p.money + {WEIGHTS["engagement"]} * p.engagement
                   + {WEIGHTS["service"]} * p.service))::numeric) AS score
        FROM parts p
    )
    UPDATE {TABLE} m
    SET recency_bin = f.r, frequency_bin = f.f, monetary_bin = f.m, score = f.score,
        score_change = coalesce(f.score - m.score, 0)
    FROM fresh f
    WHERE m.merchant_id = %(merchant)s::bigint AND m.customer_id = f.customer_id
      AND (m.recency_bin, m.frequency_bin, m.monetary_bin, m.score)
          IS DISTINCT FROM (f.r::int2, f.f::int2, f.m::int2, f.score::int2)
"""


def refresh(
    *, merchant_id: int, customer_ids: Sequence[int] | None = None, now: datetime | None = None
) -> int:
    """Bins and score of these customers, or of all of the merchant; rows that changed. Two statements."""
    stick = Yardstick.objects.filter(merchant_id=merchant_id).first() or measure(merchant_id=merchant_id)
    values = _values(stick, merchant_id, now or timezone.now())
    values["ids"] = list(customer_ids or [])
    some = "" if customer_ids is None else "AND m.customer_id = ANY(%(ids)s::bigint[])"
    with connection.cursor() as cursor:
        cursor.execute(SCORE_SQL.format(some=some), values)
        return int(cursor.rowcount)


def forget(*, customer_ids: Sequence[int]) -> int:
    """Takes score and bins away; rows that changed. One statement."""
    scored = Metrics.objects.filter(customer_id__in=customer_ids).exclude(score=None, recency_bin=0)
    return int(scored.update(score=None, score_change=0, recency_bin=0, frequency_bin=0, monetary_bin=0))


def _values(stick: Yardstick, merchant_id: int, now: datetime) -> dict[str, Any]:
    return {
        "merchant": merchant_id,
        "now": now,
        "since": now - timedelta(days=ENGAGED_DAYS),
        "gap": stick.usual_gap_days,
        "orders": stick.usual_orders,
        "net": stick.usual_net,
        "r": stick.recency_bounds,
        "f": stick.frequency_bounds,
        "m": stick.monetary_bounds,
    }


@transaction.atomic
def measure(*, merchant_id: int, now: datetime | None = None) -> Yardstick:
    """The shop's yardstick, computed and kept. One scan of the metrics."""
    now = now or timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(YARDSTICK_SQL, {"merchant": merchant_id, "now": now})
        buyers, orders, gross, net, recency, frequency, money, span, gaps = cursor.fetchone()
    orders, gross, net = int(orders or 0), float(gross or 0), float(net or 0)
    mean_order = gross / orders if orders and gross > 0 else 100.0
    own = buyers / (buyers + PRIOR_BUYERS)
    gap_own = (gaps or 0) / ((gaps or 0) + PRIOR_BUYERS)
    gap = (span or 0.0) / gaps if gaps else 0.0
    values = {
        "buyers": buyers,
        "recency_bounds": _blend(recency, PRIOR_RECENCY, own),
        "frequency_bounds": _steps(_blend(frequency, PRIOR_FREQUENCY, own)),
        "monetary_bounds": _blend(money, [share * mean_order for share in PRIOR_MONEY], own),
        "usual_gap_days": max(1.0, _mix(gap, PRIOR_GAP_DAYS, float(gap_own))),
        "usual_orders": max(1.0, _mix(orders / buyers if buyers else 0.0, PRIOR_ORDERS, own)),
        "usual_net": max(0.01, _mix(net / buyers if buyers else 0.0, 2 * mean_order, own)),
        "computed_at": now,
    }
    stick, _new = Yardstick.objects.update_or_create(merchant_id=merchant_id, defaults=values)
    return stick


def _mix(own: float, prior: float, weight: float) -> float:
    return weight * own + (1 - weight) * prior


def _blend(own: Sequence[float] | None, prior: Sequence[float], weight: float) -> list[float]:
    """Convex combination of two rising lists: rising again."""
    return [_mix(mine, theirs, weight) for mine, theirs in zip(own or prior, prior, strict=True)]


def _steps(bounds: Sequence[float]) -> list[float]:
    """Whole and strictly rising from 2: orders are counted, and a bin between two numbers would stay
    empty."""
    made: list[float] = []
    for bound in bounds:
        made.append(max(float(round(bound)), made[-1] + 1 if made else 2.0))
    return made


def recalculate() -> int:
    """Yardstick and scores of every merchant; rows that changed."""
    with all_merchants(reason="beat scores every merchant's customers"):
        merchants = list(Merchant.objects.filter(is_active=True))
    changed = 0
    for merchant in merchants:
        with merchant_scope(merchant):
            measure(merchant_id=merchant.pk)
            changed += refresh(merchant_id=merchant.pk)
    return changed


# --- why this score ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Part:
    """`points` of at most `most` come from this."""

    key: str
    label: str
    points: float
    most: float
    words: str


@dataclass(frozen=True)
class Explanation:
    score: int
    parts: list[Part]
    own_share: float


def explain(metrics: Metrics, stick: Yardstick, now: datetime | None = None) -> Explanation:
    """The score part by part, by the same formulas; no query."""
    now = now or timezone.now()
    shares = shares_of(metrics, stick, now)
    words = _words(metrics, now)
    labels = {
        "recency": _("How lately they bought"),
        "frequency": _("How often they buy"),
        "money": _("What they spend"),
        "engagement": _("Whether they read mails"),
        "service": _("Whether they are content"),
    }
    parts = [
        Part(key, labels[key], 100 * WEIGHTS[key] * shares[key], 100 * WEIGHTS[key], words[key])
        for key in WEIGHTS
    ]
    total = round_half_up(sum(part.points for part in parts))
    return Explanation(total, parts, stick.buyers / (stick.buyers + PRIOR_BUYERS))


def round_half_up(value: float) -> int:
    """As PostgreSQL rounds numeric."""
    return int(Decimal(repr(value)).quantize(Decimal(1), rounding="ROUND_HALF_UP"))


def shares_of(metrics: Metrics, stick: Yardstick, now: datetime) -> dict[str, float]:
    """Each part between 0 and 1."""
    since = now - timedelta(days=ENGAGED_DAYS)
    days = max((now - metrics.last_order_at).total_seconds(), 0) / 86400 if metrics.last_order_at else None
    net = max(float(metrics.net), 0.0)
    rating = metrics.last_rating or 3
    service = (
        0.75 - 0.4 * min(metrics.open_tickets, 1) + (-0.4 if rating <= 2 else 0.25 if rating >= 4 else 0)
    )
    return {
        "recency": 0.0 if days is None else math.exp(-days / (2 * stick.usual_gap_days)),
        "frequency": 1 - math.exp(-metrics.orders_count / stick.usual_orders),
        "money": net / (net + stick.usual_net),
        "engagement": _engagement(metrics, since),
        "service": max(0.0, min(1.0, service)),
    }


def _engagement(metrics: Metrics, since: datetime) -> float:
    if metrics.last_sent_at is None:
        return 0.5
    if metrics.last_clicked_at and metrics.last_clicked_at >= since:
        return 1.0
    if metrics.last_opened_at and metrics.last_opened_at >= since:
        return 0.75
    return 0.2 if metrics.last_opened_at is None else 0.4


def _words(metrics: Metrics, now: datetime) -> dict[str, str]:
    days = (now - metrics.last_order_at).days if metrics.last_order_at else None
    return {
        "recency": _("never bought")
        if days is None
        else _("last order %(days)s days ago") % {"days": max(days, 0)},
        "frequency": _("%(count)s orders") % {"count": metrics.orders_count},
        "money": _("what stays after refunds, against what is usual here"),
        "engagement": _("no mail sent yet")
        if metrics.last_sent_at is None
        else _("opens and clicks of 30 days"),
        "service": _("%(count)s open tickets") % {"count": metrics.open_tickets}
        if metrics.open_tickets
        else _("last rating %(stars)s of 5") % {"stars": metrics.last_rating}
        if metrics.last_rating
        else _("no open ticket, no rating yet"),
    }
