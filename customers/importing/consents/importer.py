"""The consents importer: what the page of crm.imports shows and the steps that its pipeline takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from crm.accounts.models import Merchant
from crm.imports.fields import Field, Preset, Text
from crm.imports.models import ImportBatch
from crm.imports.registry import Option, Step
from crm.imports.rows import once, row_count
from crm.imports.staging import drop_tables
from crm.lib.ui.formats import number_text
from customers.importing.consents import sorting, writing
from customers.importing.consents.fields import FIELDS
from customers.importing.options import PHONES, legal_basis
from customers.importing.undoing import top_consent, top_customer, undo_answers, undo_customers
from customers.models.consent import Channel

PARTS = ("rows",)


def _channels(_merchant: Merchant) -> list[tuple[str, Text]]:
    return [("", _("– choose –")), *((value, label) for value, label in Channel.choices)]


def _unknown(_merchant: Merchant) -> list[tuple[str, Text]]:
    return [("refuse", _("Refuse the row")), ("prospect", _("Take them in as prospects"))]


class ConsentsImporter:
    key = "consents"
    label: Text = gettext_lazy("Consents")
    presets: Sequence[Preset] = ()
    options: Sequence[Option] = (
        legal_basis(
            gettext_lazy("It stands in the ledger with each answer, as does the file's fingerprint.")
        ),
        Option("unknown", gettext_lazy("People whom nobody here knows"), _unknown, "refuse"),
        Option("channel", gettext_lazy("Channel, where the file names none"), _channels, ""),
        PHONES,
    )
    fields: Sequence[Field] = FIELDS
    key_field = "granted"
    check_template = "customers/consents_check.html"
    report_template = "customers/consents_report.html"

    def problems(self, batch: ImportBatch) -> dict[str, str]:
        mapped = set(batch.mapping)
        wrong: dict[str, str] = {}
        if not mapped & {"email", "phone", "number"}:
            wrong["email"] = _(
                "Choose at least one column that recognises people: e-mail, phone or number here."
            )
        if "channel" not in mapped and not batch.options.get("channel"):
            wrong["options.channel"] = _("Say which channel these answers are about, or choose its column.")
        if not batch.options.get("legal_basis"):
            wrong["options.legal_basis"] = _("Say on what ground they may be written to.")
        return wrong

    def holds(self, batch: ImportBatch) -> str:
        if "yes" not in batch.counts:
            return ""
        count = int(batch.counts.get("entries", 0))
        return ngettext("%(count)s answer", "%(count)s answers", count) % {"count": number_text(count)}

    def run_label(self, batch: ImportBatch) -> str:
        count = int(batch.counts.get("entries", 0))
        words = ngettext("Import %(count)s answer", "Import %(count)s answers", count)
        return words % {"count": number_text(count)} if count else ""

    def check_steps(self, batch: ImportBatch) -> Sequence[Step]:
        return [
            Step("prepare", gettext_lazy("Sorting the rows"), 2, once, sorting.prepare_chunk),
            Step("rows", gettext_lazy("Checking each row"), 20, row_count, sorting.rows_chunk),
        ]

    def run_steps(self, batch: ImportBatch) -> Sequence[Step]:
        return [Step("answers", gettext_lazy("Answers"), 60, row_count, writing.answers_chunk)]

    def undo_steps(self, batch: ImportBatch) -> Sequence[Step]:
        return [
            Step("undo_answers", gettext_lazy("Taking back answers"), 60, top_consent, undo_answers),
            Step("undo_customers", gettext_lazy("Taking back customers"), 40, top_customer, undo_customers),
        ]

    def finish(self, batch: ImportBatch) -> None:
        batch.report = report_of(batch.counts)

    def drop(self, batch: ImportBatch) -> None:
        drop_tables(batch, PARTS)


def report_of(counts: dict[str, Any]) -> dict[str, Any]:
    """What became of the rows: `answers` were written and hold, `older` ones as history that changes nothing,
    `unchanged` stood here already, `withdrawn_here` had no date and somebody's withdrawal against them;
    `created` are new prospects. `equal`: every row is accounted for."""
    names = ("lines", "duplicate_lines", "refused_rows", "entries", "answers", "older", "unchanged")
    report: dict[str, Any] = {
        name: int(counts.get(name, 0)) for name in (*names, "withdrawn_here", "created")
    }
    written = report["answers"] + report["older"] + report["unchanged"] + report["withdrawn_here"]
    accounted = report["entries"] + report["refused_rows"] + report["duplicate_lines"]
    report["equal"] = accounted == report["lines"] and written == report["entries"]
    return report
