"""The twelve rules of the measurement, each as a definition and as its best hand-written SQL.

The hand-written statement counts the same people by the best way known (../shared/SCALE.md): sets, never a
subquery per customer, the metrics row where it has the answer. It knows what the compiler must find out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import connection

from customers.models import FieldDefinition
from customers.segmenting import Scope

Values = dict[str, Any]

# Who is erased or absorbed by somebody is in no segment.
GONE = (
    "SELECT id FROM customers_customer WHERE merchant_id = %(m)s::bigint"
    " AND (erased_at IS NOT NULL OR merged_into_id IS NOT NULL)"
)
HERE = f"NOT EXISTS (SELECT 1 FROM ({GONE}) gone WHERE gone.id = customer_id)"
METRICS = f"SELECT count(*) FROM customers_metrics m WHERE merchant_id = %(m)s::bigint AND {HERE}"
KEPT = (
    "NOT EXISTS (SELECT 1 FROM orders_order o WHERE o.merchant_id = l.merchant_id AND o.id = l.order_id"
    " AND o.cancelled_at IS NOT NULL)"
)
LINES = (
    "FROM orders_orderline l WHERE l.merchant_id = %(m)s::bigint AND l.customer_id IS NOT NULL"
    f" AND l.placed_at >= %(since)s AND {KEPT}"
)


@dataclass(frozen=True)
class Rule:
    """`by_hand` counts the people of `definition`; `values` are its named parameters."""

    name: str
    definition: dict[str, Any]
    by_hand: str
    values: Values


def rules_for(scope: Scope) -> list[Rule]:
    """The twelve, with products, places and tags that this shop really has. A few small queries."""
    found = _shop(scope)
    days = {f"d{number}": scope.days_ago(number) for number in (30, 60, 90, 3_650)}
    made = []
    for name, definition, by_hand, more in (make(found) for make in MAKERS):
        values = {"m": scope.merchant_id, **days, **more}
        made.append(Rule(name, definition, by_hand, values))
    return made


def _shop(scope: Scope) -> Values:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT product_id FROM orders_orderline WHERE merchant_id = %s AND product_id IS NOT NULL"
            " AND placed_at >= %s GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 11",
            [scope.merchant_id, scope.days_ago(90)],
        )
        products = [row[0] for row in cursor.fetchall()] or [0]
        city = _first(cursor, "city", "customers_customer WHERE merchant_id = %s AND city <> ''", scope)
        tag = _first(cursor, "unnest(tags)", "customers_customer WHERE merchant_id = %s", scope)
        cursor.execute(
            "SELECT id FROM orders_saleschannel WHERE merchant_id = %s ORDER BY id LIMIT 1",
            [scope.merchant_id],
        )
        channel = (cursor.fetchone() or [0])[0]
    chosen = FieldDefinition.objects.of_customers().filter(type="choice").order_by("position").first()
    key, value = (chosen.key, chosen.choices[0]["value"]) if chosen and chosen.choices else ("tea", "green")
    return {
        "products": products,
        "city": city,
        "tag": tag,
        "channel": channel,
        "key": key,
        "value": value,
    }


def _first(cursor: Any, column: str, source: str, scope: Scope) -> str:
    """The most frequent among the newest hundred thousand."""
    cursor.execute(
        f"SELECT one FROM (SELECT {column} AS one FROM {source} ORDER BY id DESC LIMIT 100000) x"
        " GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1",
        [scope.merchant_id],
    )
    row = cursor.fetchone()
    return str(row[0]) if row else "nowhere"


Made = tuple[str, dict[str, Any], str, Values]


def _all(*rules: dict[str, Any]) -> dict[str, Any]:
    return {"match": "all", "rules": list(rules)}


def bought_twice(shop: Values) -> Made:
    product = shop["products"][0]
    rule = {"if": "orders.product", "did": "did", "pieces": 2, "values": [str(product)], "days": 90}
    by_hand = (
        f"SELECT count(*) FROM (SELECT l.customer_id {LINES} AND l.product_id = %(product)s"
        f" GROUP BY 1 HAVING sum(l.quantity) >= 2) x WHERE {HERE}"
    )
    return (
        "bought X twice in 90 days",
        _all(rule),
        by_hand.replace("%(since)s", "%(d90)s"),
        {"product": product},
    )


def spent_and_gone(_shop: Values) -> Made:
    definition = _all(
        {"if": "orders.spent", "compare": "min", "value": "1000"},
        {"if": "orders.last", "when": "before", "days": 60},
    )
    by_hand = f"{METRICS} AND net >= 1000 AND last_order_at < %(d60)s"
    return "spent 1000, no order for 60 days", definition, by_hand, {}


def recent_and_frequent(_shop: Values) -> Made:
    definition = _all(
        {"if": "customers.rfm", "bin": "r", "low": 4, "high": 5},
        {"if": "customers.rfm", "bin": "f", "low": 3, "high": 5},
    )
    by_hand = f"{METRICS} AND recency_bin BETWEEN 4 AND 5 AND frequency_bin BETWEEN 3 AND 5"
    return "recency 4, frequency 3", definition, by_hand, {}


def city_tag_birthday(shop: Values) -> Made:
    definition = _all(
        {"if": "customers.city", "is": "is", "values": [shop["city"]]},
        {"if": "customers.tag", "has": "has", "values": [shop["tag"]]},
        {"if": "customers.birthday", "month": "5"},
    )
    by_hand = (
        "SELECT count(*) FROM customers_customer WHERE merchant_id = %(m)s::bigint AND city = %(city)s"
        " AND tags && ARRAY[%(tag)s]::varchar[] AND extract(month FROM birthday_on) = 5"
        " AND erased_at IS NULL AND merged_into_id IS NULL"
    )
    return "city, tag, birth month", definition, by_hand, {"city": shop["city"], "tag": shop["tag"]}


def opened_not_clicked(_shop: Values) -> Made:
    definition = _all(
        {"if": "customers.opened", "did": "did", "days": 30},
        {"if": "customers.clicked", "did": "not", "days": 30},
    )
    by_hand = (
        f"{METRICS} AND last_opened_at >= %(d30)s AND (last_clicked_at < %(d30)s OR last_clicked_at IS NULL)"
    )
    return "opened in 30 days, not clicked", definition, by_hand, {}


def no_open_ticket(_shop: Values) -> Made:
    definition = _all({"if": "service.open_ticket", "has": "not"})
    return "no open ticket", definition, f"{METRICS} AND open_tickets = 0", {}


def low_rating(_shop: Values) -> Made:
    definition = _all({"if": "reviews.last_rating", "compare": "max", "stars": 2, "days": 3_650})
    by_hand = f"{METRICS} AND last_rating <= 2 AND last_rating_at >= %(d3650)s"
    return "last review 2 stars or less", definition, by_hand, {}


def nest_of_five(_shop: Values) -> Made:
    definition = _all(
        {"if": "orders.count", "compare": "min", "value": 2},
        {
            "match": "any",
            "rules": [
                {"if": "orders.times", "times": 2, "days": 90},
                {"if": "customers.score", "compare": "min", "value": 60},
            ],
        },
        {
            "match": "none",
            "rules": [
                {"if": "service.open_ticket", "has": "has"},
                {"if": "customers.consent", "state": "withdrawn", "purpose": "marketing", "channel": "email"},
            ],
        },
    )
    by_hand = f"""
        WITH often AS MATERIALIZED (
            SELECT customer_id FROM orders_order WHERE merchant_id = %(m)s::bigint AND customer_id IS NOT NULL
              AND cancelled_at IS NULL AND placed_at >= %(d90)s GROUP BY 1 HAVING count(*) >= 2
        ), withdrawn AS MATERIALIZED (
            SELECT customer_id FROM customers_consent WHERE merchant_id = %(m)s::bigint AND holds
              AND channel = 'email' AND purpose = 'marketing' AND NOT granted
        )
        SELECT count(*) FROM customers_metrics m LEFT JOIN often f USING (customer_id)
        WHERE merchant_id = %(m)s::bigint AND orders_count >= 2 AND open_tickets <= 0
          AND (score >= 60 OR f.customer_id IS NOT NULL)
          AND NOT EXISTS (SELECT 1 FROM withdrawn w WHERE w.customer_id = m.customer_id)
          AND NOT EXISTS (SELECT 1 FROM ({GONE}) gone WHERE gone.id = m.customer_id)
    """
    return "nest of five with and, or, not", definition, by_hand, {}


def own_field(shop: Values) -> Made:
    key, value = shop["key"], shop["value"]
    definition = _all({"if": f"customers.field:choice:{key}", "is": "is", "values": [value]})
    by_hand = (
        "SELECT count(*) FROM customers_customer WHERE merchant_id = %(m)s::bigint"
        " AND attributes @> jsonb_build_object(%(key)s::text, %(value)s::text)"
        " AND erased_at IS NULL AND merged_into_id IS NULL"
    )
    return "a field of the shop's own", definition, by_hand, {"key": key, "value": value}


def first_by_channel(shop: Values) -> Made:
    channel = shop["channel"]
    definition = _all(
        {"if": "orders.first", "when": "last", "days": 30},
        {"if": "orders.channel", "did": "did", "values": [str(channel)], "days": 30},
    )
    by_hand = (
        f"{METRICS} AND first_order_at >= %(d30)s AND customer_id IN (SELECT customer_id FROM orders_order"
        " WHERE merchant_id = %(m)s::bigint AND placed_at >= %(d30)s AND channel_id = %(channel)s"
        " AND cancelled_at IS NULL)"
    )
    return "first order in 30 days, by channel", definition, by_hand, {"channel": channel}


def three_of_150(_shop: Values) -> Made:
    definition = _all(
        {"if": "orders.count", "compare": "min", "value": 3},
        {"if": "orders.average", "compare": "min", "value": "150"},
    )
    return (
        "three orders, mean 150",
        definition,
        f"{METRICS} AND orders_count >= 3 AND gross >= 150 * orders_count",
        {},
    )


def any_of_ten_never_one(shop: Values) -> Made:
    ten, never = shop["products"][:10], shop["products"][-1]
    bought = {"if": "orders.product", "pieces": 1, "days": 3_650}
    definition = _all(
        {**bought, "did": "did", "values": [str(one) for one in ten]},
        {**bought, "did": "not", "values": [str(never)]},
    )
    lines = LINES.replace("%(since)s", "%(d3650)s")
    by_hand = (
        f"SELECT count(*) FROM (SELECT DISTINCT l.customer_id {lines} AND l.product_id = ANY(%(ten)s)) x"
        f" WHERE {HERE} AND NOT EXISTS (SELECT 1 FROM"
        f" (SELECT l.customer_id {lines} AND l.product_id = %(never)s) y WHERE y.customer_id = x.customer_id)"
    )
    return "any of ten products, never another", definition, by_hand, {"ten": ten, "never": never}


MAKERS: tuple[Callable[[Values], Made], ...] = (
    bought_twice,
    spent_and_gone,
    recent_and_frequent,
    city_tag_birthday,
    opened_not_clicked,
    no_open_ticket,
    low_rating,
    nest_of_five,
    own_field,
    first_by_channel,
    three_of_150,
    any_of_ten_never_one,
)
