"""What tests of imported files do again and again."""

from __future__ import annotations

from typing import Any

from crm.accounts.models import Merchant
from crm.imports import services
from crm.imports.models import ImportBatch, RefusedRow
from crm.imports.pipeline import work_on
from tests.orders.import_support import csv_of


def brought(
    merchant: Merchant, rows: list[list[Any]], path: Any, *, kind: str = "customers", **options: str
) -> ImportBatch:
    """A batch over these rows (the first one the header), its columns guessed, not worked on yet."""
    path.write_text(csv_of(rows), encoding="utf-8")
    return mapped(merchant, path, kind=kind, **options)


def mapped(merchant: Merchant, path: Any, *, kind: str, without: str = "", **options: str) -> ImportBatch:
    """The same over a file that is there. `without` a field that was guessed: a number here is another's in
    another shop."""
    batch = services.batch_from_path(merchant=merchant, kind=kind, path=path)
    chosen = {**batch.options, "date_order": "dmy", **options}
    mapping = {key: column for key, column in batch.mapping.items() if key != without}
    return services.batch_map(batch=batch, merchant=merchant, mapping=mapping, options=chosen)


def worked(batch: ImportBatch) -> ImportBatch:
    assert work_on(merchant_id=batch.merchant_id, batch_id=batch.pk)
    batch.refresh_from_db()
    assert batch.state != ImportBatch.State.FAILED, batch.error
    return batch


def run(batch: ImportBatch) -> ImportBatch:
    return worked(services.batch_run(batch=batch, ring=False))


def imported(
    merchant: Merchant, rows: list[list[Any]], path: Any, *, kind: str = "customers", **options: str
) -> ImportBatch:
    return run(brought(merchant, rows, path, kind=kind, **options))


def undone(batch: ImportBatch) -> ImportBatch:
    return worked(services.batch_undo(batch=batch, ring=False))


def refusals(batch: ImportBatch) -> list[tuple[int, str, str]]:
    """(row, column, code) in the file's order."""
    return list(RefusedRow.objects.filter(batch=batch).order_by("row").values_list("row", "column", "code"))
