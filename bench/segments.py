"""Segments against their best hand-written SQL, on one merchant's data.

    make bench ARGS="segments --merchant SLUG"     (make the shop with `demo --customers N --orders M` first)

Twelve rules (bench/_segment_rules.py): milliseconds of the compiled count, of the hand-written one, and the
ratio; both must find the same people. `planner/s` is what the planner charges for a second of it, which
marketing/segments/counting.py warns by. Then what a keystroke in the builder waits for (count, sample, share,
sentence), and one touched customer across 100 segments, as marketing/segments/touching.py asks: with rules in
common, and with a hundred different ones.

Ends with 1 when a limit is missed: a ratio above 1.5, a preview whose p95 is above 1 s, a touched customer
whose p95 is above 50 ms, or a count that differs.
"""

from __future__ import annotations

import argparse
import copy
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm.settings")

import django

django.setup()

from django.db import connection  # noqa: E402

from bench._segment_rules import Rule, rules_for  # noqa: E402
from crm.accounts.models import Merchant  # noqa: E402
from crm.lib.tenancy import merchant_scope  # noqa: E402
from customers.models import Customer  # noqa: E402
from customers.segmenting import Scope  # noqa: E402
from marketing.models import Segment  # noqa: E402
from marketing.segments import counting  # noqa: E402
from marketing.segments.compiling import compile_definition  # noqa: E402
from marketing.segments.touching import memberships  # noqa: E402

ROUNDS = 7
TOUCHED_SEGMENTS = 100
TOUCHED_CUSTOMERS = 25
RATIO_LIMIT = 1.5
PREVIEW_LIMIT_MS = 1_000.0
TOUCHED_LIMIT_MS = 50.0
# Below this the difference is that of a round trip, whatever the ratio.
NOISE_MS = 2.0


def milliseconds(work: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    answer = work()
    return (time.perf_counter() - started) * 1000, answer


def p95(times: Sequence[float]) -> float:
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]


def counted(sql: str, params: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return int(cursor.fetchone()[0])


def compare(rule: Rule, scope: Scope) -> list[str]:
    """One line of the table; what it missed. The two take turns, so that neither has the warmer cache."""
    sql, params = compile_definition(rule.definition, scope)
    ours, best, found, expected = [], [], 0, 0
    for _round in range(ROUNDS):
        spent, found = milliseconds(lambda: counted(f"SELECT count(*) FROM ({sql}) x", params))
        ours.append(spent)
        spent, expected = milliseconds(lambda: counted(rule.by_hand, rule.values))
        best.append(spent)
    mine, by_hand = statistics.median(ours), statistics.median(best)
    cost = counting.seconds_expected((sql, params)) * counting.COST_PER_SECOND
    print(
        f"{rule.name:36} {mine:9.1f} ms  by hand {by_hand:9.1f} ms  ratio {mine / by_hand:5.2f}"
        f"  {found:9,} people  planner/s {cost / (mine / 1000):12,.0f}"
    )
    missed = []
    if mine / by_hand > RATIO_LIMIT and mine - by_hand > NOISE_MS:
        missed.append(f"{rule.name}: {mine / by_hand:.2f} times the hand-written statement")
    if found != expected:
        missed.append(f"{rule.name}: {found} people, by hand {expected}")
    return missed


def previews(rules: Sequence[Rule], merchant: Merchant) -> list[str]:
    """What a keystroke waits for, over all rules and rounds."""
    times, missed = [], []
    for rule in rules:
        try:
            spent = [
                milliseconds(lambda one=rule: counting.preview(merchant=merchant, definition=one.definition))[
                    0
                ]
                for _round in range(ROUNDS)
            ]
        except (counting.Dear, counting.TooDear) as refusal:
            missed.append(f"preview of {rule.name}: {refusal}")
            continue
        times += spent
        print(f"preview: {rule.name:36} {statistics.median(spent):9.1f} ms")
    if times:
        print(f"{'preview, all rules':45} p50 {statistics.median(times):8.1f} ms  p95 {p95(times):8.1f} ms")
        if p95(times) > PREVIEW_LIMIT_MS:
            missed.append(f"preview: p95 {p95(times):.0f} ms")
    return missed


def touched(rules: Sequence[Rule], merchant: Merchant) -> list[str]:
    people = list(Customer.objects.order_by("-pk").values_list("pk", flat=True)[:TOUCHED_CUSTOMERS])
    missed = []
    for name, different in (
        ("one customer across 100 segments", 1),
        ("the same, each rule another", TOUCHED_SEGMENTS),
    ):
        segments = _hundred(rules, merchant, different)
        times = [
            milliseconds(
                lambda pk=pk, all_of=segments: memberships(all_of, Scope(merchant, customer_ids=(pk,)))
            )[0]
            for pk in people
        ]
        print(f"{name:45} p50 {statistics.median(times):8.1f} ms  p95 {p95(times):8.1f} ms")
        if p95(times) > TOUCHED_LIMIT_MS:
            missed.append(f"{name}: p95 {p95(times):.0f} ms")
    return missed


def _hundred(rules: Sequence[Rule], merchant: Merchant, different: int) -> list[Segment]:
    """A hundred segments, unsaved, over the rules; `different` numbers of days among them."""
    made = []
    for at in range(TOUCHED_SEGMENTS):
        definition = copy.deepcopy(rules[at % len(rules)].definition)
        for rule in definition["rules"]:
            if "days" in rule:
                rule["days"] = min(3_650, rule["days"] + at % different)
        made.append(Segment(pk=at + 1, merchant=merchant, definition=definition))
    return made


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--merchant", required=True, metavar="SLUG")
    merchant = Merchant.objects.get(slug=parser.parse_args().merchant)
    with merchant_scope(merchant):
        scope = Scope(merchant)
        rules = rules_for(scope)
        missed = [one for rule in rules for one in compare(rule, scope)]
        missed += previews(rules, merchant)
        missed += touched(rules, merchant)
    for one in missed:
        print(f"MISSED  {one}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
