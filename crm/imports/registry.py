"""What an app adds to be importable from files. The app fills this from its `importers.py`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from crm.accounts.models import Merchant

from .fields import Field, Preset, Text
from .models import ImportBatch


@dataclass(frozen=True)
class Option:
    """A choice beside the mapping. `choices` may depend on the merchant (the sales channel)."""

    key: str
    label: Text
    choices: Callable[[Merchant], list[tuple[str, Text]]]
    default: str
    help: Text = ""


@dataclass(frozen=True)
class Step:
    """A stretch of the work, done in chunks.

    `run(batch, cursor)` does the chunk after `cursor` inside the caller's transaction and returns the new
    cursor, or None when nothing was left. `size(batch)` is what the cursor counts up to; `weight` its share
    of the bar."""

    key: str
    label: Text
    weight: int
    size: Callable[[ImportBatch], int]
    run: Callable[[ImportBatch, int], int | None]


class Importer(Protocol):
    """One kind of file. All methods run inside the merchant's scope."""

    key: str
    label: Text
    presets: Sequence[Preset]
    options: Sequence[Option]
    # The field that holds a document's rows together; a row without it is refused.
    key_field: str
    # Templates of the importer's own, shown on the result page.
    check_template: str
    report_template: str

    @property
    def fields(self) -> Sequence[Field]:
        """What a file may tell; a shop may have fields of its own."""
        ...

    def problems(self, batch: ImportBatch) -> dict[str, str]:
        """field or options.<option> → what is wrong with this mapping, beyond missing required fields."""
        ...

    def holds(self, batch: ImportBatch) -> str:
        """What the file holds, "1,204 orders"; "" until it was checked."""
        ...

    def run_label(self, batch: ImportBatch) -> str:
        """The button that imports it, "Import 1,204 orders"; "" when there is nothing to import."""
        ...

    def check_steps(self, batch: ImportBatch) -> Sequence[Step]:
        """After the file was staged: sort it, refuse what can't be, count what would happen. No business
        row."""
        ...

    def run_steps(self, batch: ImportBatch) -> Sequence[Step]:
        """Write it."""
        ...

    def undo_steps(self, batch: ImportBatch) -> Sequence[Step]: ...

    def finish(self, batch: ImportBatch) -> None:
        """After the last run step, in its own transaction: reconcile into `batch.report`."""
        ...

    def drop(self, batch: ImportBatch) -> None:
        """Removes the working tables of the batch."""
        ...


_importers: dict[str, Importer] = {}


def register(importer: Importer) -> Importer:
    if importer.key in _importers:
        raise ValueError(f"importer {importer.key} is registered twice")
    _importers[importer.key] = importer
    return importer


def importer_for(kind: str) -> Importer:
    """Raises KeyError for a kind whose app is no longer installed."""
    return _importers[kind]


def importers() -> list[Importer]:
    return list(_importers.values())
