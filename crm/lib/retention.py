"""How long each kind of data is kept: what an app declares in its `retention.py`, loaded at start.

Nothing goes by itself: a shop chooses a period under Settings → Retention (customers/retention/), except for
kinds with a `default`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dateutil.relativedelta import relativedelta
from django.db.models import QuerySet
from django.utils.functional import Promise

Text = str | Promise
DELETE, PSEUDONYMISE, ERASE = "delete", "pseudonymise", "erase"


@dataclass(frozen=True)
class Kind:
    """One kind of data that may have its time.

    `label` is the noun, `text` what goes and what stays, `what` what is done with it. `minimum_months` is the
    least that a shop may choose: what others rest on (proofs, undo) has to live that long. `default_months`
    is what holds before a shop chose; None: never.

    `count(border)` says how many rows of the scope's shop are older than the instant; `purge(border, limit)`
    takes at most `limit` of them, in the caller's transaction, and says how many. It must take the same rows
    that `count` counts, and find nothing when called again after the last.
    """

    key: str
    label: Text
    text: Text
    what: str
    minimum_months: int
    count: Callable[[datetime], int]
    purge: Callable[[datetime, int], int]
    default_months: int | None = None


KINDS: dict[str, Kind] = {}


def add_kind(kind: Kind) -> None:
    if kind.key in KINDS:
        raise ValueError(f"retention kind {kind.key} is declared twice")
    if kind.default_months is not None and kind.default_months < kind.minimum_months:
        raise ValueError(f"retention kind {kind.key}: its default is shorter than its minimum")
    KINDS[kind.key] = kind


def delete_first(rows: QuerySet[Any], limit: int) -> int:
    """Deletes at most `limit` of the rows, the first in their order, with what hangs on them; how many."""
    ids = list(rows.values_list("pk", flat=True)[:limit])
    return int(rows.model._default_manager.filter(pk__in=ids).delete()[0])


def border_of(months: int, now: datetime) -> datetime:
    """The instant so many calendar months ago; at the last day of a shorter month."""
    border: datetime = now - relativedelta(months=months)
    return border
