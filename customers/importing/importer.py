"""The customers importer: what the page of crm.imports shows and the steps that its pipeline takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from crm.imports.fields import Field, Preset, Text
from crm.imports.models import ImportBatch
from crm.imports.registry import Option, Step
from crm.imports.rows import once, row_count
from crm.imports.staging import drop_tables
from crm.lib.ui.formats import number_text
from customers.fields.selectors import definitions
from customers.importing import sorting, undoing, writing
from customers.importing.cells import own_fields
from customers.importing.fields import FIELDS, PRESETS
from customers.importing.options import PHONES, known_choices, legal_basis
from customers.importing.reading import ANSWERS
from customers.importing.tables import PARTS
from customers.models import FieldDefinition


class CustomersImporter:
    key = "customers"
    label: Text = gettext_lazy("Customers")
    presets: Sequence[Preset] = PRESETS
    options: Sequence[Option] = (
        Option("known", gettext_lazy("Customers who are known already"), known_choices, "fill"),
        PHONES,
        legal_basis(
            gettext_lazy(
                "Asked when the file says who allows marketing; it stands in the ledger with each answer."
            )
        ),
    )
    key_field = ""
    check_template = "customers/import_check.html"
    report_template = "customers/import_report.html"

    @property
    def fields(self) -> Sequence[Field]:
        """The house's own, then the shop's."""
        return [*FIELDS, *own_fields(definitions(FieldDefinition.Subject.CUSTOMER))]

    def problems(self, batch: ImportBatch) -> dict[str, str]:
        mapped = set(batch.mapping)
        wrong: dict[str, str] = {}
        if not mapped & {"email", "phone", "number"}:
            wrong["email"] = _(
                "Choose at least one column that recognises people: e-mail, phone or number here."
            )
        if mapped & set(ANSWERS) and not batch.options.get("legal_basis"):
            wrong["options.legal_basis"] = _(
                "Say on what ground they may be written to, or leave out the columns about marketing."
            )
        return wrong

    def holds(self, batch: ImportBatch) -> str:
        if "people" not in batch.counts:
            return ""
        count = int(batch.counts["people"])
        return ngettext("%(count)s customer", "%(count)s customers", count) % {"count": number_text(count)}

    def run_label(self, batch: ImportBatch) -> str:
        count = int(batch.counts.get("entries", 0))
        words = ngettext("Import %(count)s customer", "Import %(count)s customers", count)
        return words % {"count": number_text(count)} if count else ""

    def check_steps(self, batch: ImportBatch) -> Sequence[Step]:
        return [
            Step("prepare", gettext_lazy("Sorting the rows"), 2, once, sorting.prepare_chunk),
            Step("rows", gettext_lazy("Checking each row"), 20, row_count, sorting.rows_chunk),
            Step("match", gettext_lazy("Looking for known customers"), 3, once, sorting.match_chunk),
        ]

    def run_steps(self, batch: ImportBatch) -> Sequence[Step]:
        return [Step("people", gettext_lazy("Customers"), 60, row_count, writing.people_chunk)]

    def undo_steps(self, batch: ImportBatch) -> Sequence[Step]:
        return undoing.steps(batch)

    def finish(self, batch: ImportBatch) -> None:
        batch.report = report_of(batch.counts)

    def drop(self, batch: ImportBatch) -> None:
        drop_tables(batch, PARTS)


def report_of(counts: dict[str, Any]) -> dict[str, Any]:
    """What became of the rows. `unchanged` are known people of whom the file said nothing new, and second
    rows of one person; `equal` that every row is accounted for."""
    names = ("lines", "duplicate_lines", "refused_rows", "entries", "created", "changed", "people")
    report: dict[str, Any] = {name: int(counts.get(name, 0)) for name in names}
    more = ("answers", "withdrawn_here", "suppressed", "addresses")
    report |= {name: int(counts.get(name, 0)) for name in more}
    report["unchanged"] = max(report["entries"] - report["created"] - report["changed"], 0)
    accounted = report["entries"] + report["refused_rows"] + report["duplicate_lines"]
    report["equal"] = accounted == report["lines"]
    return report
