"""Probable duplicates: how right they are, and how fast.

    make bench ARGS="duplicates"                      (also with --customers N, 20,000 unless told)
    python bench/duplicates.py --merchant SLUG        (speed only, on a shop that is there)

1. Each labelled set becomes the customers of a shop, the night's pass runs as it does in production, and what
   it offers is counted against the labels: precision, recall, F1 of everything offered, and precision of what
   is called certain. The model has seen no label; the same code and constants run for each.
2. A generated shop is passed over by a process of its own: customers a second, its peak memory, and the ratio
   to reading the same customers with their identities and addresses once without doing anything (the limit).
   Its people are all different: whatever is offered there is wrong, and counted.
3. One changed customer is compared with those who share a key: milliseconds, median and 95th percentile.

One line per figure. Shops made here are deleted at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from random import Random

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm.settings")

import django  # noqa: E402

django.setup()

from django.apps import apps  # noqa: E402
from django.db import connection, transaction  # noqa: E402

from bench.identity_sets import SETS, fill, read, score_of  # noqa: E402
from crm.accounts.models import Merchant  # noqa: E402
from crm.demo.shop import Size, shop_make  # noqa: E402
from crm.lib.tenancy import TenantModel, merchant_scope  # noqa: E402
from customers.duplicates.scanning import duplicates_find  # noqa: E402
from customers.duplicates.touching import customers_compare  # noqa: E402
from customers.models import Address, Customer, DuplicatePair, Identity  # noqa: E402

PREFIX = "bench-duplicates"
CERTAIN = DuplicatePair.Band.CERTAIN
MEMORY_LIMIT_MB = 300
TOUCHED = 200


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--merchant", metavar="SLUG", default="")
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--pass-over", metavar="SLUG", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.pass_over:
        return passed_over(options.pass_over)
    if options.merchant:
        return speed(Merchant.objects.get(slug=options.merchant))
    folder = Path(os.environ.get("CRM_REAL_DATA") or ROOT.parent / "shared" / "data")
    for name in SETS:
        with shop(name) as merchant:
            right(name, merchant, folder)
    merchant = shop_make(
        slug=f"{PREFIX}-{os.getpid()}",
        size=Size(options.customers, options.customers, with_stories=False),
        say=lambda _line: None,
    )
    try:
        speed(merchant)
    finally:
        remove(merchant)
    return None


class shop:
    """A shop for one set, gone afterwards."""

    def __init__(self, name: str) -> None:
        slug = f"{PREFIX}-{name.replace('_', '-')}-{os.getpid()}"
        self.merchant = Merchant.objects.create(slug=slug, name=name, base_currency="CNY")

    def __enter__(self) -> Merchant:
        return self.merchant

    def __exit__(self, *_error: object) -> None:
        remove(self.merchant)


def remove(merchant: Merchant) -> None:
    """Also a generated shop, whose channels are protected by their orders. Foreign keys are checked at
    commit, so that the tables may go in any order."""
    tables = [one._meta.db_table for one in apps.get_models() if issubclass(one, TenantModel)]
    with merchant_scope(merchant), transaction.atomic():
        with connection.cursor() as cursor:
            for table in tables:
                cursor.execute(f"DELETE FROM {table} WHERE merchant_id = %s", [merchant.pk])
        merchant.delete()


def right(name: str, merchant: Merchant, folder: Path) -> None:
    with merchant_scope(merchant):
        true = fill(merchant, read(name, folder))
        duplicates_find()
        found = list(DuplicatePair.objects.values_list("low_id", "high_id", "band"))
    everything = score_of({(low, high) for low, high, _band in found}, true)
    certain = score_of({(low, high) for low, high, band in found if band == CERTAIN}, true)
    print(f"{name}_precision {everything.precision:.4f} ({everything.hits} of {everything.offered} offered)")
    print(f"{name}_recall {everything.recall:.4f} ({everything.hits} of {everything.true} true pairs)")
    print(f"{name}_f1 {everything.f1:.4f}")
    print(f"{name}_certain_precision {certain.precision:.4f} ({certain.hits} of {certain.offered})")


def speed(merchant: Merchant) -> None:
    with merchant_scope(merchant):
        rows, reading = bare_reading()
    command = [sys.executable, str(Path(__file__)), "--pass-over", merchant.slug]
    for name in ("first_pass", "next_pass"):
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(done.stdout + done.stderr)
        seen = json.loads(done.stdout.splitlines()[-1])
        print(
            f"{name}_customers_per_second {seen['customers'] / seen['seconds']:,.0f} "
            f"({seen['customers']:,} customers, {seen['pairs']:,} pairs compared in {seen['seconds']:.1f} s)"
        )
        print(f"{name}_vs_bare_reading {reading / seen['seconds']:.4f} ({rows:,} rows read: {reading:.1f} s)")
        print(f"{name}_peak_memory_vs_limit {seen['peak'] / MEMORY_LIMIT_MB:.2f} ({seen['peak']:.0f} MB)")
        print(f"{name}_offered {seen['offered']:,} (strangers all, in a generated shop)")
    with merchant_scope(merchant):
        touched()


def bare_reading() -> tuple[int, float]:
    """(rows, seconds) of having every value that is compared once in this process."""
    started, rows = time.perf_counter(), 0
    for source in (
        Customer.objects.values_list(
            "pk", "name", "given_name", "family_name", "email", "phone", "birthday_on", "city"
        ),
        Identity.objects.values_list("customer_id", "kind", "value"),
        Address.objects.values_list("customer_id", "line1", "line2", "postal_code", "city", "phone"),
    ):
        for _row in source.iterator(chunk_size=5_000):
            rows += 1
    return rows, time.perf_counter() - started


def passed_over(slug: str) -> None:
    """The night's pass in this process, its figures as JSON."""
    with merchant_scope(Merchant.objects.get(slug=slug)):
        scan = duplicates_find()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({**vars(scan), "peak": peak}))


def touched() -> None:
    ids = list(Customer.objects.order_by("pk").values_list("pk", flat=True))
    chosen = Random(1).sample(ids, min(TOUCHED, len(ids)))
    spent = []
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE customers_matchkeys")
    for one in chosen:
        started = time.perf_counter()
        with transaction.atomic():
            customers_compare([one])
        spent.append((time.perf_counter() - started) * 1000)
    median, high = statistics.median(spent), statistics.quantiles(spent, n=20)[-1]
    print(f"one_changed_customer_ms {median:.1f} (95th percentile {high:.1f}, of {len(ids):,} customers)")


if __name__ == "__main__":
    main()
