"""The customer page, the list and the search, as the server sees them.

    make bench ARGS="customer_page --merchant SLUG"

Make the shop with `demo --customers 100000 --orders 500000 --merchant SLUG` first. The baseline is a bare
request through the same middleware that reads one row by its key. One line per page: its query count (the
same for every customer), p50 and p95 in milliseconds, and p95 as a ratio to the baseline's. Ends with 1 when
the customer page misses 60 ms or its query count differs between customers.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm.settings")

import django

django.setup()

from django.conf import settings  # noqa: E402

from bench._timing import baseline, report, signed_in  # noqa: E402
from crm.accounts.models import Merchant  # noqa: E402
from crm.lib.tenancy import merchant_scope  # noqa: E402
from customers.models import Customer, SearchDocument  # noqa: E402

ROUNDS = 200
TARGET_MS = 60.0
SEED = 20261122


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--merchant", default="bench")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    given = parser.parse_args()
    settings.ALLOWED_HOSTS = ["*"]
    merchant = Merchant.objects.get(slug=given.merchant)
    choose = random.Random(SEED)
    with merchant_scope(merchant):
        ids = list(Customer.objects.present().values_list("pk", flat=True))
        busiest = list(Customer.objects.order_by("-metrics__orders_count").values_list("pk", flat=True)[:20])
        documents = SearchDocument.objects.count()
    sample = [*busiest, *choose.sample(ids, min(given.rounds, len(ids)))][: given.rounds]
    print(
        f"{len(ids):,} customers, {documents:,} search documents; the 20 with most orders are in the sample"
    )
    client = signed_in(merchant)
    base = baseline(sample)
    counts, slow = report("customer page", client, [f"/customers/{pk}/" for pk in sample], base)
    report("its facts", client, [f"/customers/{pk}/facts/" for pk in sample], base)
    report("its orders", client, [f"/customers/{pk}/orders/" for pk in sample], base)
    report("its timeline", client, [f"/customers/{pk}/timeline/" for pk in sample], base)
    for name, paths in lists(merchant, sample[:50]):
        report(name, client, paths, base)
    good = len(counts) == 1 and slow < TARGET_MS
    print(f"customer page p95 {slow:.1f} ms, target {TARGET_MS:.0f} ms: {'met' if good else 'MISSED'}")
    return 0 if good else 1


def lists(merchant: Merchant, sample: Sequence[int]) -> list[tuple[str, list[str]]]:
    with merchant_scope(merchant):
        people = list(Customer.objects.filter(pk__in=sample))
    words: list[tuple[str, Callable[[Customer], str]]] = [
        ("search by name", lambda one: str(one.name)),
        ("search by e-mail's beginning", lambda one: str(one.email)[:8]),
        ("search by the last four digits", lambda one: str(one.phone)[-4:]),
    ]
    searches = [(name, [f"/customers/?q={of(one)}" for one in people if of(one)]) for name, of in words]
    return [
        ("customer list", ["/customers/"] * 30),
        ("customer list, repeat customers", ["/customers/?stage=repeat"] * 30),
        ("order list", ["/orders/"] * 30),
        *((name, paths) for name, paths in searches if len(paths) > 20),
    ]


if __name__ == "__main__":
    raise SystemExit(main())
