"""Small ledgers and exports for the tests of the orders importer."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from crm.accounts.models import Merchant
from crm.imports import services
from crm.imports.models import ImportBatch
from crm.imports.pipeline import work_on
from crm.lib.tenancy import merchant_scope

LEDGER = ["Invoice", "StockCode", "Description", "Quantity", "InvoiceDate", "Price", "Customer ID", "Country"]


def ledger_csv(rows: list[list[Any]]) -> str:
    return csv_of([LEDGER, *rows])


def csv_of(rows: list[list[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


# Two customers, a guest, a free gift, a duplicate, cancellations of each kind, an adjustment, a stock count.
SMALL = [
    ["1001", "A", "Apple", 10, "2010-01-01 10:00:00", "2.00", "1", "United Kingdom"],
    ["1001", "B", "Bean", 5, "2010-01-01 10:00:00", "1.50", "1", "United Kingdom"],
    ["1001", "B", "Bean", 5, "2010-01-01 10:00:00", "1.50", "1", "United Kingdom"],
    ["1002", "A", "Apple", 4, "2010-01-02 10:00:00", "2.00", "1", "United Kingdom"],
    ["1002", "G", "Gift", 1, "2010-01-02 10:00:00", "0", "1", "United Kingdom"],
    ["1003", "A", "Apple", 1, "2010-01-03 10:00:00", "2.10", "", "France"],
    ["1004", "C", "Cup", 2, "2010-01-04 10:00:00", "7.00", "2", "Germany"],
    ["C1005", "A", "Apple", -3, "2010-01-05 10:00:00", "2.00", "1", "United Kingdom"],
    ["C1006", "A", "Apple", -2, "2010-01-06 10:00:00", "2.00", "1", "United Kingdom"],
    ["C1007", "Z", "Zebra", -1, "2010-01-07 10:00:00", "9.00", "2", "Germany"],
    ["C1008", "C", "Cup", -2, "2010-01-08 10:00:00", "7.00", "", "Germany"],
    ["A1009", "X", "Adjust bad debt", 1, "2010-01-09 10:00:00", "-100.00", "", "United Kingdom"],
    ["1010", "A", "stock count", -5, "2010-01-10 10:00:00", "0", "", "United Kingdom"],
]
SMALL_TOLD = {
    "lines": 13,
    "duplicate_lines": 1,
    "orders": 4,
    "refunds": 4,
    "refunds_matched": 2,
    "refunds_alone": 2,
    "adjustments": 1,
    "stock": 1,
    "guest_orders": 1,
    "customers": 2,
    "order_lines": 6,
    "gross": "51.6000",
    "refunded": "33.0000",
    "adjusted": "-100.0000",
    "net": "-81.4000",
}


def uploaded(
    merchant: Merchant, content: str | bytes, name: str = "orders.csv", kind: str = "orders"
) -> ImportBatch:
    data = content.encode() if isinstance(content, str) else content
    with merchant_scope(merchant):
        return services.batch_upload(
            merchant=merchant, kind=kind, upload=io.BytesIO(data), file_name=name, user=None
        )


def checked(merchant: Merchant, content: str | bytes, **options: str) -> ImportBatch:
    """The batch after its dry run."""
    batch = uploaded(merchant, content)
    with merchant_scope(merchant):
        services.batch_map(
            batch=batch, merchant=merchant, mapping=batch.mapping, options=batch.options | options
        )
        services.batch_check(batch=batch, ring=False)
    return worked(merchant, batch)


def imported(merchant: Merchant, content: str | bytes, **options: str) -> ImportBatch:
    batch = checked(merchant, content, **options)
    with merchant_scope(merchant):
        services.batch_run(batch=batch, ring=False)
    return worked(merchant, batch)


def undone(merchant: Merchant, batch: ImportBatch) -> ImportBatch:
    with merchant_scope(merchant):
        services.batch_undo(batch=batch, ring=False)
    return worked(merchant, batch)


def worked(merchant: Merchant, batch: ImportBatch) -> ImportBatch:
    assert work_on(merchant_id=merchant.pk, batch_id=batch.pk)
    with merchant_scope(merchant):
        return ImportBatch.objects.get(pk=batch.pk)


def write(path: Path, content: str) -> Path:
    path.write_text(content)
    return path
