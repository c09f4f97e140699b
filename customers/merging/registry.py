"""What happens to each model that refers to a customer when two are merged; each app says so of its own rows.

Every model with a reference to a customer stands here exactly once, as a Mover, a Taker or a Keeper;
tests/customers/merging/test_registry.py fails for one that doesn't.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.db import models

from crm.accounts.models import Merchant
from crm.events.types import Text
from customers.identities import Key

if TYPE_CHECKING:
    from customers.models import MergeRecord

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Change:
    """Columns that must not go over as they are: `values` is column → SQL, for the absorbed's rows `t` where
    `where` holds. Both may use %(survivor)s and %(absorbed)s. Undoing puts the old values back."""

    values: Mapping[str, str]
    where: str


@dataclass(frozen=True)
class Mover:
    """Rows that go over to the survivor, by changing `column`.

    `once` names the columns that are unique together with the customer: a row whose twin the survivor has
    stays with the absorbed, out of sight, and so does one for which the SQL `stays` holds (`t` is the row).
    When a merge is undone, the rows that moved go back. Rows that came since go to the absorbed when their
    `keys` (computed from `key_columns`, strongest first) say so, or when a row they refer to goes there:
    `follows` is (column of the id, model). `label` stands in previews; "" for what belongs to another line.
    """

    model: str
    label: Text = ""
    column: str = "customer_id"
    once: tuple[str, ...] = ()
    stays: str = ""
    changes: tuple[Change, ...] = ()
    key_columns: tuple[str, ...] = ()
    keys: Callable[[Merchant, Row], list[Key]] | None = None
    follows: tuple[tuple[str, str], ...] = ()

    @property
    def table(self) -> str:
        return table_of(self.model)

    @property
    def staying(self) -> str:
        """SQL of what doesn't go over; "" when everything does."""
        parts = [f"({self.stays})"] if self.stays else []
        if self.once:
            same = " AND ".join(f"s.{name} = t.{name}" for name in self.once)
            parts.append(
                f"EXISTS (SELECT 1 FROM {self.table} s WHERE s.merchant_id = t.merchant_id"
                f" AND s.{self.column} = %(survivor)s AND {same})"
            )
        return " OR ".join(parts)


@dataclass(frozen=True)
class Taker:
    """Rows that are worked out from everything else: the absorbed's are taken out of the table and kept whole
    in the journal, the survivor's are remembered. Undoing puts both back where they are missing."""

    model: str
    why: str
    column: str = "customer_id"
    # The columns that make a row the only one of its kind for a customer.
    once: tuple[str, ...] = ()
    # SQL of the rows `t` that may still be put back.
    still: str = "TRUE"
    # (merchant id, rows, +1 or -1): keeps counts beside the rows true.
    tally: Callable[[int, Sequence[Row], int], None] | None = None

    @property
    def table(self) -> str:
        return table_of(self.model)


@dataclass(frozen=True)
class Keeper:
    """Rows that stay with whom they name, and why that is right."""

    model: str
    why: str
    column: str = "customer_id"


Declared = Mover | Taker | Keeper


@dataclass(frozen=True)
class Recount:
    """Makes columns of the customers' metrics true again, in the transaction that moved the rows.

    `count(merchant_id, customer_ids)` writes only where something changed.
    """

    name: str
    count: Callable[[int, Sequence[int]], object]


Hook = Callable[["MergeRecord"], None]


@dataclass
class _Registry:
    rows: dict[tuple[str, str], Declared] = field(default_factory=dict)
    recounts: dict[str, Recount] = field(default_factory=dict)
    merged: list[Hook] = field(default_factory=list)
    undone: list[Hook] = field(default_factory=list)


REGISTRY = _Registry()


def add(*declared: Declared) -> None:
    for one in declared:
        key = (one.model, one.column)
        if key in REGISTRY.rows:
            raise ValueError(f"{one.model}.{one.column} is declared twice")
        REGISTRY.rows[key] = one


def add_recount(recount: Recount) -> None:
    if recount.name in REGISTRY.recounts:
        raise ValueError(f"recount {recount.name} is declared twice")
    REGISTRY.recounts[recount.name] = recount


def when_merged(hook: Hook) -> Hook:
    """Runs after everything moved, before the metrics are counted; in the merge's transaction."""
    REGISTRY.merged.append(hook)
    return hook


def when_undone(hook: Hook) -> Hook:
    """Runs after everything went back, before the metrics are counted; in the same transaction."""
    REGISTRY.undone.append(hook)
    return hook


def movers() -> list[Mover]:
    """Parents before those that follow them, as far as apps declare in the order of their floors; what
    belongs to everything (events) last."""
    found = [one for one in REGISTRY.rows.values() if isinstance(one, Mover)]
    return _parents_first(found)


def takers() -> list[Taker]:
    return [one for one in REGISTRY.rows.values() if isinstance(one, Taker)]


def recount(merchant_id: int, customer_ids: Sequence[int]) -> None:
    for one in REGISTRY.recounts.values():
        one.count(merchant_id, customer_ids)


def table_of(label: str) -> str:
    model: type[models.Model] = apps.get_model(label)
    return model._meta.db_table


def _parents_first(found: list[Mover]) -> list[Mover]:
    placed: list[Mover] = []
    waiting = list(found)
    while waiting:
        left = {one.model for one in waiting}
        ready = [one for one in waiting if not any(parent in left for _column, parent in one.follows)]
        if not ready:
            raise ValueError(f"movers follow each other in a circle: {sorted(left)}")
        placed += ready
        waiting = [one for one in waiting if one not in ready]
    return placed
