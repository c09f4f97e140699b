"""Names of the working tables and of the house's own, for the SQL of this package."""

from __future__ import annotations

from crm.imports.models import ImportBatch
from crm.imports.staging import table_name
from customers.models import Customer, Identity, Metrics
from orders.models import Order, OrderLine, Product, Refund, RefundLine, SalesChannel, Variant

PARTS = ("rows", "docs", "people", "items")

ORDER = Order._meta.db_table
LINE = OrderLine._meta.db_table
REFUND = Refund._meta.db_table
REFUND_LINE = RefundLine._meta.db_table
PRODUCT = Product._meta.db_table
VARIANT = Variant._meta.db_table
CUSTOMER = Customer._meta.db_table
IDENTITY = Identity._meta.db_table
METRICS = Metrics._meta.db_table


def names(batch: ImportBatch) -> dict[str, str]:
    """The batch's working tables by part, for `.format` of a statement."""
    return {part: table_name(batch, part) for part in PARTS}


def channel_of(batch: ImportBatch) -> SalesChannel | None:
    """The channel that the batch's orders belong to; None before the first import into a new one."""
    return SalesChannel.objects.filter(slug=batch.options["channel"]).first()
