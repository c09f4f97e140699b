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
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm.settings")

import django  # noqa: E402

django.setup()

from bench._import import Tables, measured  # noqa: E402

REAL = "orders/online_retail_II_year_2009_2010.parquet"
# In the order in which their keys allow it. (model, columns that refer to another of these tables)
TABLES: Tables = [
    ("orders.SalesChannel", set()),
    ("customers.Customer", set()),
    ("customers.Identity", {"customer_id"}),
    ("customers.Metrics", {"customer_id"}),
    ("customers.SearchDocument", {"customer_id"}),
    ("orders.Product", {"channel_id"}),
    ("orders.Variant", {"product_id"}),
    ("orders.Order", {"channel_id", "customer_id"}),
    ("orders.OrderLine", {"order_id", "product_id", "variant_id", "customer_id"}),
    ("orders.Refund", {"channel_id", "order_id", "customer_id"}),
    ("orders.RefundLine", {"refund_id", "order_line_id", "product_id"}),
    ("events.Event", {"customer_id", "subject_id"}),
    ("events.Delivery", {"event_id"}),
    ("imports.ImportBatch", set()),
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
    result, seconds = measured("import_orders", file, TABLES, ["--mapping", options.preset])
    print(
        f"import_lines_per_second {result['lines'] / seconds:,.0f} ({result['lines']:,} lines in "
        f"{seconds:.1f} s)"
    )
    print(f"import_totals_equal {int(bool(result['equal']))} (net {result['net']} {result['currency']})")


if __name__ == "__main__":
    main()
