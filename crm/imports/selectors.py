"""What the pages of imports show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db.models import Count
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.lib.errors import NotFound
from crm.lib.keyset import Page, keyset_page
from crm.lib.listing import Filter, Listing
from crm.lib.tenancy import merchant_scope
from crm.lib.ui import formats
from crm.lib.ui.parts import Step

from .files import path_of
from .models import ImportBatch, KeptRow, RefusedRow
from .pipeline import stage_label
from .readers import STREAM_LIMITS, open_table
from .registry import importer_for
from .services import earlier_batches

State = ImportBatch.State
# On the page; the download has them all.
SHOWN_REFUSALS = 20
SHOWN_KEPT = 50

FILTERS = (
    Filter(
        "state", gettext_lazy("State"), lambda rows, value: rows.filter(state=value), lambda: State.choices
    ),
)
TONES = {
    State.DONE: "good",
    State.FAILED: "bad",
    State.CHECKING: "info",
    State.RUNNING: "info",
    State.UNDOING: "info",
    State.UNDONE: "warn",
}


def batch_for(batch_id: int) -> ImportBatch:
    """Raises NotFound for an unknown id, and for another merchant's."""
    batch = ImportBatch.objects.select_related("created_by").filter(pk=batch_id).first()
    if batch is None:
        raise NotFound()
    return batch


def batch_list(listing: Listing) -> Page[ImportBatch]:
    rows = listing.narrow(ImportBatch.objects.select_related("created_by"))
    if listing.search:
        rows = rows.filter(file_name__icontains=listing.search)
    return keyset_page(rows, order=["-created_at", "-pk"], after=listing.after)


@dataclass(frozen=True)
class Standing:
    """How a batch stands, for its record page."""

    batch: ImportBatch
    tone: str
    stage: str
    steps: list[Step]
    refused: list[RefusedRow]
    refused_count: int
    refused_reasons: list[tuple[str, int, str]]
    kept: list[KeptRow]
    kept_count: int
    earlier: list[ImportBatch]
    check_template: str
    report_template: str
    run_label: str
    mapping: list[tuple[Any, str]]

    @property
    def percent(self) -> int:
        return self.batch.progress // 10

    @property
    def percent_text(self) -> str:
        return formats.percent_text(self.batch.progress / 1000, 0)


def batch_standing(batch: ImportBatch) -> Standing:
    """At most seven queries, whatever the size of the batch."""
    importer = importer_for(batch.kind)
    refused = RefusedRow.objects.filter(batch=batch)
    kept = KeptRow.objects.filter(batch=batch)
    reasons = refused.values("code").annotate(n=Count("pk")).order_by("-n")
    shown = list(refused.order_by("row")[:SHOWN_REFUSALS])
    examples = {row.code: row.message for row in reversed(shown)}
    labels = {field.key: field.label for field in importer.fields}
    return Standing(
        batch=batch,
        tone=TONES.get(State(batch.state), ""),
        stage=stage_label(batch),
        steps=batch_steps(batch),
        refused=shown,
        refused_count=sum(row["n"] for row in reasons),
        refused_reasons=[(row["code"], row["n"], examples.get(row["code"], "")) for row in reasons],
        kept=list(kept.order_by("pk")[:SHOWN_KEPT]),
        kept_count=kept.count(),
        earlier=earlier_batches(batch) if batch.can_map else [],
        check_template=importer.check_template,
        report_template=importer.report_template,
        run_label=importer.run_label(batch),
        mapping=[(label, batch.mapping[key]) for key, label in labels.items() if key in batch.mapping],
    )


def batch_steps(batch: ImportBatch | None, *, at_columns: bool = False) -> list[Step]:
    """File, columns, check, import: where the maker stands."""
    labels = [_("File"), _("Columns"), _("Check"), _("Import")]
    if batch is None:
        current = 0
    elif at_columns or batch.state == State.UPLOADED:
        current = 1
    elif batch.state in {State.CHECKING, State.CHECKED} or batch.failed_in == State.CHECKING:
        current = 2
    else:
        current = 3 if batch.state not in {State.DONE, State.UNDONE} else 4
    hrefs = ["", "", "", ""]
    if batch is not None and batch.can_map and not at_columns:
        hrefs[1] = reverse("batch_columns", args=[batch.pk])
    steps = []
    for position, label in enumerate(labels):
        state = "done" if position < current else "current" if position == current else "ahead"
        steps.append(Step(label, state, hrefs[position] if state == "done" else ""))
    return steps


# ------------------------------------------------------------------------------------------------ refused
# rows
def refused_rows(batch: ImportBatch) -> tuple[list[str], Iterator[list[Any]]]:
    """(header, rows) of the download: each refused row as it stands in the file, with row number and reason.

    Read from the file itself while it is kept, in one pass and bounded memory; afterwards from what was
    stored. The rows are made lazily and enter the merchant's scope by themselves.
    """
    header = [_("Row"), _("Reason"), *batch.columns]
    return header, _refused(batch)


def _refused(batch: ImportBatch) -> Iterator[list[Any]]:
    from_file = bool(batch.file_path) and (Path(settings.MEDIA_ROOT) / batch.file_path).is_file()
    with merchant_scope(batch.merchant_id):
        reasons = RefusedRow.objects.filter(batch=batch).order_by("row", "pk")
        stored = reasons.iterator(chunk_size=2_000)
        if not from_file:
            for each in stored:
                yield [each.row, each.message, *each.raw]
            return
        refusal: RefusedRow | None = next(stored, None)
        for rows in open_table(path_of(batch), STREAM_LIMITS).batches():
            broken = {bad.row: bad.raw for bad in rows.broken}
            places = {row: place for place, row in enumerate(rows.rows)}
            last = max([*rows.rows[-1:], *broken], default=0)
            while refusal is not None and refusal.row <= last:
                if refusal.row in places:
                    cells = [column[places[refusal.row]] for column in rows.cells]
                else:
                    cells = list(broken.get(refusal.row, refusal.raw))
                yield [refusal.row, refusal.message, *cells]
                refusal = next(stored, None)
            if refusal is None:
                return
