"""Names of the working tables of a batch of customers."""

from __future__ import annotations

from crm.imports.models import ImportBatch
from crm.imports.rows import names_of

PARTS = ("rows", "found")


def names(batch: ImportBatch) -> dict[str, str]:
    """The batch's working tables by part, for `.format` of a statement."""
    return names_of(batch, PARTS)
