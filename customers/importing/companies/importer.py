"""The companies importer: what the page of crm.imports shows and the steps that its pipeline takes."""

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
from customers.importing.cells import own_fields
from customers.importing.companies import contacts, sorting, undoing, writing
from customers.importing.companies.fields import FIELDS
from customers.importing.companies.tables import PARTS
from customers.importing.options import PHONES, known_choices
from customers.models import FieldDefinition


class CompaniesImporter:
    key = "companies"
    label: Text = gettext_lazy("Companies and their contacts")
    presets: Sequence[Preset] = ()
    options: Sequence[Option] = (
        Option("known", gettext_lazy("Companies that are known already"), known_choices, "fill"),
        PHONES,
    )
    key_field = "name"
    check_template = "companies/import_check.html"
    report_template = "companies/import_report.html"

    @property
    def fields(self) -> Sequence[Field]:
        """The house's own, then the shop's."""
        return [*FIELDS, *own_fields(definitions(FieldDefinition.Subject.COMPANY))]

    def problems(self, batch: ImportBatch) -> dict[str, str]:
        mapped = set(batch.mapping)
        if "contact_name" in mapped and not mapped & {"contact_email", "contact_phone"}:
            text = _("A contact is recognised by e-mail or phone: choose one of these columns too.")
            return {"contact_email": text}
        return {}

    def holds(self, batch: ImportBatch) -> str:
        if "companies" not in batch.counts:
            return ""
        count = int(batch.counts["companies"])
        return ngettext("%(count)s company", "%(count)s companies", count) % {"count": number_text(count)}

    def run_label(self, batch: ImportBatch) -> str:
        count = int(batch.counts.get("companies", 0))
        words = ngettext("Import %(count)s company", "Import %(count)s companies", count)
        return words % {"count": number_text(count)} if count else ""

    def check_steps(self, batch: ImportBatch) -> Sequence[Step]:
        return [
            Step("prepare", gettext_lazy("Sorting the rows"), 2, once, sorting.prepare_chunk),
            Step("rows", gettext_lazy("Checking each row"), 20, row_count, sorting.rows_chunk),
            Step("tree", gettext_lazy("Looking at who stands below whom"), 3, once, sorting.tree_chunk),
        ]

    def run_steps(self, batch: ImportBatch) -> Sequence[Step]:
        return [
            Step("companies", gettext_lazy("Companies"), 30, row_count, writing.companies_chunk),
            Step("parents", gettext_lazy("Hanging them into the tree"), 10, row_count, writing.parents_chunk),
            Step("contacts", gettext_lazy("Contacts"), 20, row_count, contacts.contacts_chunk),
        ]

    def undo_steps(self, batch: ImportBatch) -> Sequence[Step]:
        return undoing.steps(batch)

    def finish(self, batch: ImportBatch) -> None:
        batch.report = report_of(batch.counts)

    def drop(self, batch: ImportBatch) -> None:
        drop_tables(batch, PARTS)


def report_of(counts: dict[str, Any]) -> dict[str, Any]:
    """What became of the rows. `unchanged` are companies of which the file said nothing new; `equal` that
    every row is accounted for."""
    names = ("lines", "duplicate_lines", "refused_rows", "entries", "companies", "created", "changed")
    more = ("below", "parents_left", "contacts", "contacts_changed", "people")
    report: dict[str, Any] = {name: int(counts.get(name, 0)) for name in (*names, *more)}
    report["unchanged"] = max(report["companies"] - report["created"] - report["changed"], 0)
    accounted = report["entries"] + report["refused_rows"] + report["duplicate_lines"]
    report["equal"] = accounted == report["lines"]
    return report
