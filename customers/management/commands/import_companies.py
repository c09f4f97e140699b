"""`import_companies FILE --merchant SLUG`: the pages' importer without their limits; streams a file of any
size."""

from __future__ import annotations

from typing import Any

from crm.imports.command import ImportCommand, told_of
from crm.imports.models import ImportBatch
from customers.importing.companies.importer import report_of


class Command(ImportCommand):
    help = """
Imports companies, their tree and who speaks for them from a CSV, XLSX or Parquet file of any size.

The same file again changes nothing; an import that was killed is taken up where it stood. --option
known=overwrite takes the file's word for companies that are known already.

With --json the last line of the output is one JSON object: lines, duplicate_lines, refused_rows, companies,
created, changed, unchanged, below (companies with a parent), contacts, people (new persons), seconds (wall
time), and besides: batch, state, dry_run, equal (every row is accounted for).
"""
    kind = "companies"
    presets = ()

    def summary(self, batch: ImportBatch) -> dict[str, Any]:
        return told_of(batch, report_of)
