"""Import of customers against a bare COPY of the same rows into the same final tables with their indexes.

    make bench ARGS="import_customers --people 1000000"

1. A CSV of generated people (Chinese and Latin names, e-mail, phone, city, tags, an answer about marketing)
   is written, the same for each number of people.
2. `manage.py import_customers` runs as a process of its own into a new merchant, identity resolution, consent
   and search documents included: wall time and peak memory.
3. Every row that it wrote is exported, renumbered for a second merchant, and loaded by COPY, one transaction,
   keys and indexes as they are. The ratio is rows a second of 2 to rows a second of 3.

One line per figure. The tables are emptied afterwards, so it refuses a database that holds other shops.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm.settings")

import django  # noqa: E402

django.setup()

from bench._import import Tables, measured  # noqa: E402
from crm.demo.people import Crowd  # noqa: E402

TABLES: Tables = [
    ("customers.Customer", set()),
    ("customers.Identity", {"customer_id"}),
    ("customers.Metrics", {"customer_id"}),
    ("customers.SearchDocument", {"customer_id"}),
    ("customers.Consent", {"customer_id"}),
    ("events.Event", {"customer_id", "subject_id"}),
    ("events.Delivery", {"event_id"}),
]
TARGET = 0.25


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--people", type=int, default=100_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        file = Path(temporary) / "people.csv"
        write(file, given.people)
        result, seconds = measured(
            "import_customers", file, TABLES, ["--option", "legal_basis=consent", "--option", "phones=drop"]
        )
    print(f"import_customers_per_second {given.people / seconds:,.0f} ({given.people:,} in {seconds:.1f} s)")
    print(f"import_rows_accounted_for {int(bool(result['equal']))} ({result['created']:,} new customers)")
    return 0 if result["equal"] else 1


def write(file: Path, count: int) -> None:
    """The people of the demo shop, as another system would export them."""
    crowd = Crowd("guanxi:bench:import", 1, count, datetime(2026, 11, 1, tzinfo=UTC))
    with file.open("w", encoding="utf-8", newline="") as target:
        writer = csv.writer(target)
        writer.writerow(["Name", "Email", "Phone", "City", "Country", "Tags", "Accepts Email Marketing"])
        for start in range(0, count, 10_000):
            for one in crowd.between(start, min(start + 10_000, count)):
                answer = ("yes", "no", "")[one.number % 3]
                tags = "vip" if one.number % 7 == 0 else ""
                writer.writerow([one.name, one.email, one.phone, one.city, one.country, tags, answer])


if __name__ == "__main__":
    raise SystemExit(main())
