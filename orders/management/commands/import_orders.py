"""`import_orders FILE --merchant SLUG`: the pages' importer without their limits; streams a file of any
size."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from crm.imports.command import ImportCommand
from crm.imports.models import ImportBatch
from orders.importing.fields import PRESETS

State = ImportBatch.State

HELP = """
Imports orders from a CSV, XLSX or Parquet file of any size.

The same file again, or the command run again after it was killed, creates nothing twice: an import that was
interrupted is taken up where it stood, a finished one is compared with what is stored.

With --json the last line of the output is one JSON object. Counts are numbers, amounts numbers with two
decimals in the file's currency:

  lines            rows of the file
  duplicate_lines  exact repetitions of an earlier row, counted once
  orders           sales found in the file (new ones and those that were stored already)
  refunds          cancellations found in the file
  adjustments      corrections of the books (A...), neither orders nor refunds
  guest_orders     orders without a customer
  customers        customers that the file names
  gross            sum of quantity x price of the orders
  refunded         sum of the refunds
  net              gross - refunded + adjustments
  seconds          wall time
and besides: batch, state, dry_run, equal (the database's totals equal the file's), refunds_matched,
refunds_alone, stock_movements, adjusted, created, changed, same, stale, refused_rows, new_customers,
currency. """


class Command(ImportCommand):
    help = HELP
    kind = "orders"
    presets = PRESETS

    def summary(self, batch: ImportBatch) -> dict[str, Any]:
        return _summary(batch)


def _summary(batch: ImportBatch) -> dict[str, Any]:
    counts, report = batch.counts, batch.report
    told = report or _told_by_counts(counts)
    return {
        "batch": batch.pk,
        "state": batch.state,
        "dry_run": batch.state == State.CHECKED,
        "lines": counts["lines"],
        "duplicate_lines": counts["duplicate_lines"],
        "orders": counts["orders"],
        "refunds": counts["refunds"],
        "refunds_matched": report.get("refunds_matched"),
        "refunds_alone": report.get("refunds_alone"),
        "adjustments": counts["adjustments"],
        "stock_movements": counts["stock"],
        "guest_orders": told["guest_orders"],
        "customers": told["customers"],
        "new_customers": report.get("new_customers"),
        "created": report.get("created", counts["new_orders"]),
        "changed": report.get("changed"),
        "same": report.get("same"),
        "stale": report.get("stale"),
        "refused_rows": counts.get("refused_rows", 0),
        "gross": _amount(told["gross"]),
        "refunded": _amount(told["refunded"]),
        "adjusted": _amount(told["adjusted"]),
        "net": _amount(told["net"]),
        "currency": batch.options["currency"],
        "equal": report.get("equal"),
    }


def _told_by_counts(counts: dict[str, Any]) -> dict[str, Any]:
    """A dry run has no report: the buyers are those that the file tells apart."""
    return {**counts["told"], "customers": counts["people"], "guest_orders": counts["guest_orders"]}


def _amount(text: str) -> Decimal:
    return Decimal(text).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
