"""Import of orders against a bare COPY of the same rows into the same final tables with their indexes.

    make bench ARGS="import_orders"     or, with the settings in the environment and a database of its own:
    python bench/import_orders.py [FILE] [--preset online-retail]

1. `manage.py import_orders` runs as a process of its own into a new merchant: wall time and peak memory.
2. Every row that it wrote (customers, identities, metrics, products, variants, orders, lines, refunds,
events,
   deliveries, change records) is exported, renumbered for a second merchant, and loaded by COPY, one
   transaction, keys and indexes as they are.
3. The ratio is rows a second of 1 to rows a second of 2.

One line per figure. The tables are emptied afterwards, so it refuses a database that holds other shops.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm.settings")

import django  # noqa: E402

django.setup()

from django.apps import apps  # noqa: E402
from django.db import connection, transaction  # noqa: E402

from crm.accounts.models import Merchant  # noqa: E402

PREFIX = "bench-import-"
REAL = "orders/online_retail_II_year_2009_2010.parquet"
# In the order in which their keys allow it. (model, columns that refer to another of these tables)
TABLES = [
    ("orders.SalesChannel", {}),
    ("customers.Customer", {}),
    ("customers.Identity", {"customer_id"}),
    ("customers.Metrics", {"customer_id"}),
    ("orders.Product", {"channel_id"}),
    ("orders.Variant", {"product_id"}),
    ("orders.Order", {"channel_id", "customer_id"}),
    ("orders.OrderLine", {"order_id", "product_id", "variant_id", "customer_id"}),
    ("orders.Refund", {"channel_id", "order_id", "customer_id"}),
    ("orders.RefundLine", {"refund_id", "order_line_id", "product_id"}),
    ("events.Event", {"customer_id", "subject_id"}),
    ("events.Delivery", {"event_id"}),
    ("imports.ImportBatch", {}),
    ("imports.Change", {"batch_id", "object_id"}),
]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("file", nargs="?", type=Path, default=None)
    parser.add_argument("--preset", default="online-retail")
    options = parser.parse_args()
    folder = Path(os.environ.get("CRM_REAL_DATA") or ROOT.parent / "shared" / "data")
    file = options.file or folder / REAL
    if not file.is_file():
        raise SystemExit(f"{file} is missing; give a file or set CRM_REAL_DATA")
    refuse_real_shops()
    slug = f"{PREFIX}{os.getpid()}"
    try:
        result, seconds, peak = run_import(file, slug, options.preset)
        with tempfile.TemporaryDirectory() as temporary:
            rows, size, copying = bare_copy(slug, Path(temporary))
    finally:
        empty()
    print(
        f"import_lines_per_second {result['lines'] / seconds:,.0f} ({result['lines']:,} lines in "
        f"{seconds:.1f} s)"
    )
    print(
        f"import_vs_bare_copy {copying / seconds:.2f} (bare COPY of {rows:,} rows, {size >> 20} "
        f"MB: {copying:.1f} s)"
    )
    print(f"import_peak_memory_vs_limit {peak / 300:.2f} ({peak:.0f} MB of 300)")
    print(f"import_totals_equal {int(bool(result['equal']))} (net {result['net']} {result['currency']})")


def run_import(file: Path, slug: str, preset: str) -> tuple[dict[str, Any], float, float]:
    command = [
        sys.executable,
        "manage.py",
        "import_orders",
        str(file),
        "--merchant",
        slug,
        "--create-merchant",
    ]
    before = time.monotonic()
    done = subprocess.run(
        [*command, "--mapping", preset, "--json"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    seconds = time.monotonic() - before
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return json.loads(done.stdout.strip().splitlines()[-1]), seconds, peak


def bare_copy(slug: str, folder: Path) -> tuple[int, int, float]:
    """(rows, bytes, seconds) of loading the merchant's rows for another one."""
    merchant = Merchant.objects.get(slug=slug)
    twin = Merchant.objects.create(slug=f"{slug}-copy", name="copy", base_currency=merchant.base_currency)
    shift = 10**12 + int(time.time())
    files = [export(model, links, merchant.pk, twin.pk, shift, folder) for model, links in TABLES]
    rows = 0
    with connection.cursor() as cursor:
        cursor.execute("CHECKPOINT")
        before = time.monotonic()
        with transaction.atomic():
            for table, columns, path, count in files:
                with path.open() as source:
                    cursor.copy_expert(f"COPY {table} ({columns}) FROM STDIN", source)
                rows += count
        seconds = time.monotonic() - before
    return rows, sum(path.stat().st_size for _t, _c, path, _n in files), seconds


def export(
    name: str, links: set[str], merchant: int, twin: int, shift: int, folder: Path
) -> tuple[str, str, Path, int]:
    model = apps.get_model(name)
    fields = [field.column for field in model._meta.concrete_fields]
    moved = {*links, *(["id"] if "id" in fields else [])}
    wanted = [
        str(twin) if column == "merchant_id" else f"{column} + {shift}" if column in moved else column
        for column in fields
    ]
    path = folder / name
    table = model._meta.db_table
    with connection.cursor() as cursor, path.open("w") as target:
        cursor.copy_expert(
            f"COPY (SELECT {', '.join(wanted)} FROM {table} WHERE merchant_id = {merchant}) TO STDOUT", target
        )
        return table, ", ".join(fields), path, int(cursor.rowcount)


def refuse_real_shops() -> None:
    """This ends with emptied tables: only a database of benchmarks may have them."""
    if Merchant.objects.exclude(slug__startswith=PREFIX).exists():
        raise SystemExit("This database holds shops. Run `make bench`, which has a database of its own.")


def empty() -> None:
    """Deleting half a million rows one key check at a time would take longer than the benchmark."""
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {Merchant._meta.db_table} CASCADE")


if __name__ == "__main__":
    main()
