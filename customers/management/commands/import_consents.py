"""`import_consents FILE --merchant SLUG`: the pages' importer without their limits; streams a file of any
size."""

from __future__ import annotations

from typing import Any

from crm.imports.command import ImportCommand, told_of
from crm.imports.models import ImportBatch
from customers.importing.consents.importer import report_of


class Command(ImportCommand):
    help = """
Imports dated answers to the question who may be written to from a CSV, XLSX or Parquet file of any size.

It needs --option legal_basis=consent (or customers, contract), and --option channel=email where no column
tells the channel; --option unknown=prospect takes in people whom nobody here knows. The same file again
writes nothing; an import that was killed is taken up where it stood.

With --json the last line of the output is one JSON object: lines, duplicate_lines, refused_rows, entries,
answers (written, and they hold), older (written as history), unchanged, withdrawn_here, created (new
prospects), seconds (wall time), and besides: batch, state, dry_run, equal (every row is accounted for).
"""
    kind = "consents"
    presets = ()

    def summary(self, batch: ImportBatch) -> dict[str, Any]:
        return told_of(batch, report_of)
