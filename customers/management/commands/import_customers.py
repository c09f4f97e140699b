"""`import_customers FILE --merchant SLUG`: the pages' importer without their limits; streams a file of any
size."""

from __future__ import annotations

from typing import Any

from crm.imports.command import ImportCommand, told_of
from crm.imports.models import ImportBatch
from customers.importing.fields import PRESETS
from customers.importing.importer import report_of


class Command(ImportCommand):
    help = """
Imports customers from a CSV, XLSX, Parquet or vCard file of any size.

The same file again changes nothing; an import that was killed is taken up where it stood. Columns about
marketing need --option legal_basis=consent (or customers, contract); --option known=overwrite takes the
file's word for customers who are known already.

With --json the last line of the output is one JSON object: lines, duplicate_lines, refused_rows, created,
changed, unchanged, answers (entries of the consent ledger), withdrawn_here, suppressed, seconds (wall time),
and besides: batch, state, dry_run, equal (every row is accounted for).
"""
    kind = "customers"
    presets = PRESETS

    def summary(self, batch: ImportBatch) -> dict[str, Any]:
        return told_of(batch, report_of)
