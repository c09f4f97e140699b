"""What somebody who works here can hold. Each app declares its own from its `handover.py`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import models
from django.db.models import Q, QuerySet

from crm.accounts.models import Membership
from crm.events.types import Text

PLACES = re.compile(r"\{\{\s*(name|colleague|former|shop)\s*\}\}")


@dataclass(frozen=True)
class Given:
    """A locked row and whom it goes to."""

    row: Any
    receiver: Membership


@dataclass(frozen=True)
class Transfer:
    """What the writes of one chunk share. `why` is what events carry (crm/accounts/why.py); of a `large` one
    nobody is told row by row: its events are history."""

    merchant_id: int
    why: dict[str, str]
    large: bool


@dataclass(frozen=True)
class Letter:
    """What customers are told: `subject` and `text` with {{name}}, {{colleague}}, {{former}} and {{shop}}."""

    subject: str
    text: str
    former: str
    key: str

    def filled(self, *, name: str, colleague: str, shop: str) -> tuple[str, str]:
        """(subject, text) for one customer."""
        words = {"name": name, "colleague": colleague, "former": self.former, "shop": shop}

        def put(match: re.Match[str]) -> str:
            return words[match[1]]

        return PLACES.sub(put, self.subject), PLACES.sub(put, self.text)


@dataclass(frozen=True)
class Holding:
    """One kind of thing that is somebody's.

    `column` names the membership that holds it, `held` the rows for which that matters (open tickets, not
    solved ones), without select_related. `needs` is the permission of whoever shall get one. `in_region`
    is the condition on a row of lying in that region, `team` the path to the id of its team.
    `write` sets the column on locked rows, saves them and announces it; the caller wrote nothing yet.
    `related` are what titles need; `href` leads to the row, `mine` to the list of what a member holds.
    `tell` writes to the customers of the rows; how many mails.
    """

    key: str
    label: Text
    icon: str
    model: type[models.Model]
    column: str
    needs: str
    held: Callable[[], QuerySet[Any]]
    write: Callable[[Sequence[Given], Transfer], None]
    in_region: Callable[[str], Q]
    team: str
    title: Callable[[Any], str]
    href: Callable[[Any], str]
    mine: Callable[[Membership], str]
    order: int
    related: tuple[str, ...] = ()
    tell: Callable[[Sequence[Given], Letter], int] | None = None

    def of(self, member: Membership) -> QuerySet[Any]:
        """What the member holds."""
        return self.held().filter(**{self.column: member.pk})

    def holder_of(self, row: Any) -> int | None:
        pk: int | None = getattr(row, f"{self.column}_id")
        return pk


HOLDINGS: dict[str, Holding] = {}


def add_holding(holding: Holding) -> None:
    if holding.key in HOLDINGS:
        raise ValueError(f"holding {holding.key} is declared twice")
    HOLDINGS[holding.key] = holding


def holdings() -> list[Holding]:
    return sorted(HOLDINGS.values(), key=lambda one: one.order)
