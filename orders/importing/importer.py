"""The orders importer: what the page of crm.imports shows and the steps that its pipeline takes."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from crm.accounts.models import Merchant
from crm.imports.fields import Field, Preset, Text
from crm.imports.models import ImportBatch
from crm.imports.registry import Option, Step
from crm.imports.sql import execute, fetch
from crm.imports.staging import drop_tables
from crm.lib.ui.formats import number_text
from orders import metrics
from orders.importing import catalogue, people, reconciling, refunding, sorting, undoing, writing
from orders.importing.fields import FIELDS, PRESETS
from orders.importing.tables import LINE, ORDER, PARTS, names
from orders.models import SalesChannel

DEFAULT_CHANNEL = "files"
CHUNK_CUSTOMERS = 2_000


def _channels(_merchant: Merchant) -> list[tuple[str, Text]]:
    known: list[tuple[str, Text]] = [
        (channel.slug, channel.name) for channel in SalesChannel.objects.order_by("name")
    ]
    if not any(slug == DEFAULT_CHANNEL for slug, _name in known):
        known.append((DEFAULT_CHANNEL, _("Files (new)")))
    return known


def _bookkeeping(_merchant: Merchant) -> list[tuple[str, Text]]:
    return [
        ("orders", _("Every number is an order")),
        ("ledger", _("Invoices: C… cancels, A… adjusts the books, free of charge is a stock movement")),
    ]


class OrdersImporter:
    key = "orders"
    label: Text = gettext_lazy("Orders")
    fields: Sequence[Field] = FIELDS
    presets: Sequence[Preset] = PRESETS
    options: Sequence[Option] = (
        Option("channel", gettext_lazy("Sales channel"), _channels, DEFAULT_CHANNEL),
        Option("bookkeeping", gettext_lazy("What the numbers mean"), _bookkeeping, "orders"),
    )
    key_field = "order_ref"
    check_template = "orders/reconciliation_check.html"
    report_template = "orders/reconciliation.html"

    def problems(self, batch: ImportBatch) -> dict[str, str]:
        mapped = set(batch.mapping)
        wrong: dict[str, str] = {}
        if ("quantity" in mapped) != ("unit_price" in mapped):
            missing = "unit_price" if "quantity" in mapped else "quantity"
            wrong[missing] = _("A line needs both its quantity and its price.")
        if not mapped & {"quantity", "total"}:
            wrong["total"] = _("Choose quantity and price of the lines, or at least the order's total.")
        if batch.options.get("bookkeeping") == "ledger" and "quantity" not in mapped:
            wrong["options.bookkeeping"] = _(
                "Cancellations can only be told from lines with quantity and price."
            )
        return wrong

    def holds(self, batch: ImportBatch) -> str:
        if "orders" not in batch.counts:
            return ""
        count = int(batch.counts["orders"])
        return ngettext("%(count)s order", "%(count)s orders", count) % {"count": number_text(count)}

    def run_label(self, batch: ImportBatch) -> str:
        count = int(batch.counts.get("orders", 0))
        words = ngettext("Import %(count)s order", "Import %(count)s orders", count)
        return words % {"count": number_text(count)} if count else ""

    def check_steps(self, batch: ImportBatch) -> Sequence[Step]:
        size = len(sorting.PARTS)
        return [Step("sort", gettext_lazy("Sorting the rows"), 15, lambda _batch: size, sorting.sort_chunk)]

    def run_steps(self, batch: ImportBatch) -> Sequence[Step]:
        documents = writing.document_count
        steps = [
            Step("products", gettext_lazy("Products"), 2, catalogue.item_count, catalogue.products_chunk),
            Step("people", gettext_lazy("Customers"), 8, people.people_count, people.people_chunk),
            Step("orders", gettext_lazy("Orders and their lines"), 60, documents, writing.orders_chunk),
            Step("analyse", gettext_lazy("Orders and their lines"), 1, lambda _batch: 1, _analyse),
        ]
        if batch.options.get("bookkeeping") == "ledger":
            steps.append(Step("refunds", gettext_lazy("Refunds"), 10, documents, refunding.refunds_chunk))
        if "refunded" in batch.mapping:
            steps.append(Step("told", gettext_lazy("Refunds"), 5, documents, refunding.told_refunds_chunk))
        steps.append(Step("figures", gettext_lazy("Figures of the customers"), 4, _last_customer, _figures))
        return steps

    def undo_steps(self, batch: ImportBatch) -> Sequence[Step]:
        return undoing.steps(batch)

    def finish(self, batch: ImportBatch) -> None:
        batch.report = reconciling.reconcile(batch)

    def drop(self, batch: ImportBatch) -> None:
        drop_tables(batch, PARTS)


def _analyse(batch: ImportBatch, cursor: int) -> int | None:
    """Fresh statistics, or the planner matches refunds against tables that it believes empty."""
    if cursor:
        return None
    execute(f"ANALYZE {ORDER}, {LINE}")
    execute("CREATE INDEX IF NOT EXISTS {docs}_customer ON {docs} (customer_id)".format(**names(batch)))
    return 1


def _last_customer(batch: ImportBatch) -> int:
    rows = fetch("SELECT coalesce(max(customer_id), 1) FROM {docs}".format(**names(batch)))
    return int(rows[0][0])


def _figures(batch: ImportBatch, cursor: int) -> int | None:
    """Recomputes the order figures of the next customers that the file touched."""
    ids = [
        row[0]
        for row in fetch(
            "SELECT DISTINCT customer_id FROM {docs} WHERE customer_id > %s ORDER BY 1 LIMIT %s".format(
                **names(batch)
            ),
            [cursor, CHUNK_CUSTOMERS],
        )
    ]
    if not ids:
        return None
    metrics.refresh(merchant_id=batch.merchant_id, customer_ids=ids)
    return int(ids[-1])
