"""What campaigns brought in, under a rule: which looks count, how long, and how an order's worth is shared.

Computed from the facts of marketing/campaigns/attribution.py at the moment of asking. Last, first, linear and
position-based (40 % to the first, 40 % to the last, 20 % among those between) are the models of the field,
as Google Analytics defined them for its multi-channel reports.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db import connection
from django.db.models import QuerySet

from crm.accounts.models import Membership
from customers.visibility import narrowed
from marketing.campaigns.attribution import MOST_DAYS
from marketing.models import Attribution, Delivery, SendingPolicy

Model = SendingPolicy.Model
# Days that the report offers beside the shop's own.
WINDOWS = (1, 5, 7, 14, 30, 90)
_SHARE: dict[str, str] = {
    Model.LAST: "CASE WHEN from_last = 1 THEN 1.0 ELSE 0.0 END",
    Model.FIRST: "CASE WHEN from_first = 1 THEN 1.0 ELSE 0.0 END",
    Model.LINEAR: "1.0 / mails",
    Model.POSITION: """CASE WHEN mails < 3 THEN 1.0 / mails
                            WHEN from_last IN (1, mails) THEN 0.4
                            ELSE 0.2 / (mails - 2) END""",
}

# What each mail gets of the orders in `picked` (order_id, merchant_id); wants days and whether opens count.
_SHARED = f"""
    looked AS (
        SELECT a.order_id, a.campaign_id, a.delivery_id, max(a.net) AS net,
               min(a.first_at) AS first_at, max(a.last_at) AS last_at
        FROM {Attribution._meta.db_table} a
        JOIN picked p ON p.order_id = a.order_id AND p.merchant_id = a.merchant_id
        WHERE a.last_at >= a.ordered_at - make_interval(days => %s) AND (%s OR a.kind = 'click')
        GROUP BY a.order_id, a.campaign_id, a.delivery_id
    ),
    placed AS (
        SELECT campaign_id, delivery_id, order_id, net, count(*) OVER (PARTITION BY order_id) AS mails,
               row_number() OVER latest AS from_last, row_number() OVER earliest AS from_first
        FROM looked
        WINDOW latest AS (PARTITION BY order_id ORDER BY last_at DESC, delivery_id DESC),
               earliest AS (PARTITION BY order_id ORDER BY first_at, delivery_id)
    ),
    shared AS (SELECT campaign_id, delivery_id, order_id, net, {{share}} AS share FROM placed)
"""


@dataclass(frozen=True)
class Rule:
    """A way of counting: a model of SendingPolicy.Model, a window in days, whether opens count too."""

    model: str = Model.LAST
    days: int = 5
    opens: bool = False


@dataclass(frozen=True)
class Revenue:
    """`net` in the shop's currency; `orders` that gave the campaign a share."""

    net: Decimal = Decimal(0)
    orders: int = 0


def policy_here() -> SendingPolicy:
    """The rules of the shop in whose scope we are; the defaults when none were saved."""
    return SendingPolicy.objects.first() or SendingPolicy()


def rule_of(policy: SendingPolicy) -> Rule:
    return Rule(policy.attribution_model, min(policy.attribution_days, MOST_DAYS), policy.attribution_opens)


def rule_asked(asked: Mapping[str, str], policy: SendingPolicy) -> Rule:
    """The shop's rule with what an address changes of it (`model`, `days`, `opens`); nonsense is left out."""
    rule = rule_of(policy)
    days = asked.get("days", "")
    return Rule(
        asked["model"] if asked.get("model") in Model.values else rule.model,
        int(days) if days.isdecimal() and len(days) < 4 and 1 <= int(days) <= MOST_DAYS else rule.days,
        asked["opens"] == "1" if asked.get("opens") in ("0", "1") else rule.opens,
    )


def delivery_revenue(mails: QuerySet[Delivery], *, rule: Rule) -> dict[str, tuple[float, float]]:
    """Version letter → (sum, sum of squares) of what each of these mails brought under the rule, in the
    shop's currency. One query."""
    inner, params = mails.order_by().values("pk", "version", "merchant_id").query.sql_with_params()
    sql = f"""
        WITH mails (id, version, merchant_id) AS MATERIALIZED ({inner}),
        picked AS MATERIALIZED (
            SELECT DISTINCT a.order_id, a.merchant_id FROM {Attribution._meta.db_table} a
            JOIN mails m ON m.id = a.delivery_id AND m.merchant_id = a.merchant_id
        ),
        {_SHARED.format(share=_SHARE[rule.model])},
        brought AS (SELECT delivery_id, sum(net * share) AS net FROM shared GROUP BY delivery_id)
        SELECT m.version, sum(b.net)::float, sum(b.net * b.net)::float
        FROM mails m JOIN brought b ON b.delivery_id = m.id GROUP BY m.version
    """
    with connection.cursor() as cursor:
        cursor.execute(sql, [*params, rule.days, rule.opens])
        return {row[0]: (row[1], row[2]) for row in cursor.fetchall()}


def revenue(campaign_ids: Sequence[int], *, rule: Rule, membership: Membership | None) -> dict[int, Revenue]:
    """What each campaign brought in by orders of customers that the member sees (None: all). One query.

    Shares are exact; each campaign's sum is rounded by whoever shows it.
    """
    mine = Attribution.objects.filter(campaign__in=list(campaign_ids))
    seen = mine if membership is None else narrowed(mine, membership, "customer__")
    picked, params = seen.order_by().values("order_id", "merchant_id").distinct().query.sql_with_params()
    sql = f"""
        WITH picked AS MATERIALIZED ({picked}), {_SHARED.format(share=_SHARE[rule.model])}
        SELECT campaign_id, sum(net * share), count(DISTINCT order_id) FROM shared
        WHERE share > 0 AND campaign_id = ANY(%s) GROUP BY campaign_id
    """
    with connection.cursor() as cursor:
        cursor.execute(sql, [*params, rule.days, rule.opens, list(campaign_ids)])
        return {row[0]: Revenue(Decimal(row[1]), row[2]) for row in cursor.fetchall()}
