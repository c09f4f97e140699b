"""Segments against their best hand-written SQL, on one merchant's data.

    make bench ARGS="segments --merchant SLUG"     (make the shop with `demo --customers N --orders M` first)

One line per rule: milliseconds of the compiled count, of the hand-written one, and the ratio; both must find
the same number of people. The last lines are one touched customer across 100 segments, as
marketing/segments/touching.py asks: with rules in common, and with a hundred different ones.
"""

from __future__ import annotations

import argparse
import copy
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm.settings")

import django

django.setup()

from django.db import connection  # noqa: E402

from crm.accounts.models import Merchant  # noqa: E402
from crm.lib.tenancy import merchant_scope  # noqa: E402
from customers.models import Customer  # noqa: E402
from customers.segmenting import Scope  # noqa: E402
from marketing.models import Segment  # noqa: E402
from marketing.segments.compiling import compile_definition  # noqa: E402
from marketing.segments.touching import memberships  # noqa: E402

ROUNDS = 5
TOUCHED_SEGMENTS = 100
ORDERS = (
    "FROM orders_order WHERE merchant_id = %(m)s::bigint AND customer_id IS NOT NULL AND cancelled_at IS NULL"
)
METRICS = "SELECT count(*) FROM customers_metrics m WHERE merchant_id = %(m)s::bigint"

RULES: list[tuple[str, dict[str, Any], str]] = [
    (
        "bought 2 times in 90 days",
        {"rules": [{"if": "orders.times", "times": 2, "days": 90}]},
        (
            f"SELECT count(*) FROM (SELECT customer_id {ORDERS} AND placed_at >= %(d90)s"
            " GROUP BY 1 HAVING count(*) >= 2) x"
        ),
    ),
    (
        "bought 2 times in 90 days, no open ticket",
        {
            "rules": [
                {"if": "orders.times", "times": 2, "days": 90},
                {"if": "service.open_ticket", "has": "not"},
            ]
        },
        (
            f"SELECT count(*) FROM (SELECT customer_id {ORDERS} AND placed_at >= %(d90)s"
            " GROUP BY 1 HAVING count(*) >= 2) x JOIN customers_metrics m USING (customer_id)"
            " WHERE m.merchant_id = %(m)s::bigint AND m.open_tickets = 0"
        ),
    ),
    (
        "spent 1000, none for 60 days",
        {
            "rules": [
                {"if": "orders.spent", "compare": "min", "value": "1000"},
                {"if": "orders.last", "when": "before", "days": 60},
            ]
        },
        f"{METRICS} AND net >= 1000 AND last_order_at < %(d60)s",
    ),
    (
        "three orders, mean above 150",
        {
            "rules": [
                {"if": "orders.count", "compare": "min", "value": 3},
                {"if": "orders.average", "compare": "min", "value": "150"},
            ]
        },
        f"{METRICS} AND orders_count >= 3 AND gross >= 150 * orders_count",
    ),
    (
        "recency 4, frequency 3",
        {
            "rules": [
                {"if": "customers.rfm", "bin": "r", "low": 4, "high": 5},
                {"if": "customers.rfm", "bin": "f", "low": 3, "high": 5},
            ]
        },
        f"{METRICS} AND recency_bin >= 4 AND frequency_bin >= 3",
    ),
]


def milliseconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """Median of the rounds, and the last answer."""
    times, answer = [], None
    for _round in range(ROUNDS):
        started = time.perf_counter()
        answer = work()
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times), answer


def counted(sql: str, params: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return int(cursor.fetchone()[0])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--merchant", required=True, metavar="SLUG")
    merchant = Merchant.objects.get(slug=parser.parse_args().merchant)
    with merchant_scope(merchant):
        scope = Scope(merchant)
        values = {"m": merchant.pk, "d90": scope.days_ago(90), "d60": scope.days_ago(60)}
        for name, definition, by_hand in RULES:
            sql, params = compile_definition(definition, scope)
            ours, found = milliseconds(lambda s=sql, p=params: counted(f"SELECT count(*) FROM ({s}) x", p))
            best, expected = milliseconds(lambda s=by_hand: counted(s, values))
            same = "" if found == expected else f"  DIFFERENT: {found} and {expected}"
            print(f"{name:45} {ours:8.1f} ms  by hand {best:8.1f} ms  ratio {ours / best:5.2f}{same}")
        customer = Customer.objects.order_by("-pk").values_list("pk", flat=True)[0]
        one = Scope(merchant, customer_ids=(customer,))
        for name, segments in (
            ("one customer across 100 segments", _hundred(merchant, 1)),
            ("the same, each rule another", _hundred(merchant, TOUCHED_SEGMENTS)),
        ):
            spent, _answer = milliseconds(lambda some=segments: memberships(some, one))
            print(f"{name:45} {spent:8.1f} ms")


def _hundred(merchant: Merchant, different: int) -> list[Segment]:
    """A hundred segments, unsaved, over the rules above; `different` numbers of days among them."""
    made = []
    for at in range(TOUCHED_SEGMENTS):
        definition = copy.deepcopy(RULES[at % len(RULES)][1])
        for rule in definition["rules"]:
            if "days" in rule:
                rule["days"] += at % different
        made.append(Segment(pk=at, merchant=merchant, definition=definition))
    return made


if __name__ == "__main__":
    main()
