"""What people hold, and how transfers stand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, QuerySet

from crm.accounts.handover.models import Handover, HandoverMove, HandoverRow
from crm.accounts.handover.registry import HOLDINGS, Holding, holdings
from crm.accounts.models import Membership, Merchant


@dataclass(frozen=True)
class Held:
    """How much of one kind somebody holds."""

    holding: Holding
    count: int


def held_by(members: Iterable[int]) -> dict[int, dict[str, int]]:
    """membership → {kind: how many}, without zeros. One query a kind."""
    ids = list(members)
    found: dict[int, dict[str, int]] = {}
    for holding in holdings() if ids else ():
        for member_id, count in loads_of(holding, ids).items():
            found.setdefault(member_id, {})[holding.key] = count
    return found


def loads_of(holding: Holding, members: Iterable[int]) -> dict[int, int]:
    """membership → how many of the kind; those who hold none are left out."""
    rows = holding.held().filter(**{f"{holding.column}__in": list(members)}).order_by()
    counted = rows.values_list(holding.column).annotate(n=Count("pk"))
    return dict(counted)


def holds_any(member: Membership) -> bool:
    """Whether anything is theirs. At most one query a kind, none of which counts."""
    return any(one.of(member).exists() for one in holdings())


def held_of(member: Membership) -> list[Held]:
    """Every kind with its count, zeros too."""
    counts = held_by([member.pk]).get(member.pk, {})
    return [Held(one, counts.get(one.key, 0)) for one in holdings()]


def in_words(counts: Mapping[str, int]) -> str:
    """ "12 customers, 3 tickets", in the active language; labels stand as their plural."""
    known = [one for one in holdings() if counts.get(one.key)]
    return ", ".join(f"{one.label}: {counts[one.key]:,}" for one in known)


def handover_list() -> QuerySet[Handover]:
    """Newest first."""
    return Handover.objects.select_related("member__user", "member__team").order_by("-id")


def open_handovers() -> QuerySet[Handover]:
    return Handover.objects.filter(state=Handover.State.OPEN)


def candidates(merchant: Merchant, *, without: Membership | None = None) -> QuerySet[Membership]:
    """Who works here and could be given something."""
    rows = Membership.objects.select_related("user", "team").filter(merchant=merchant, is_active=True)
    rows = rows.order_by("user__name", "user__email")
    return rows.exclude(pk=without.pk) if without else rows


@dataclass(frozen=True)
class ReceiptLine:
    """What one receiver got in a round."""

    receiver: Membership | None
    counts: list[int]

    @property
    def total(self) -> int:
        return sum(self.counts)


@dataclass(frozen=True)
class Receipt:
    kinds: list[Holding]
    lines: list[ReceiptLine]


def receipt_of(move: HandoverMove) -> Receipt:
    """Who got how many of which kind. One query."""
    kinds = [HOLDINGS[key] for key in move.kinds if key in HOLDINGS]
    ids = {int(pk) for counts in move.receipt.values() for pk in counts}
    people = {one.pk: one for one in Membership.objects.select_related("user").filter(pk__in=ids)}
    lines = [
        ReceiptLine(people.get(pk), [int(move.receipt.get(kind.key, {}).get(str(pk), 0)) for kind in kinds])
        for pk in ids
    ]
    return Receipt(kinds, sorted(lines, key=lambda line: -line.total))


@dataclass(frozen=True)
class Shown:
    """A row of a kind as a page or file tells it."""

    pk: int
    title: str
    href: str


def shown(holding: Holding, rows: Iterable[Any]) -> list[Shown]:
    return [Shown(row.pk, holding.title(row), holding.href(row)) for row in rows]


def stayed_of(move: HandoverMove, *, most: int = 50) -> list[tuple[Holding, Shown]]:
    """What an undo left where it was, and where to look at it; the first `most`. A query for each kind."""
    found: list[tuple[Holding, Shown]] = []
    rows = move.rows.filter(state=HandoverRow.State.STAYED).order_by("kind", "row_id")[:most]
    by_kind: dict[str, list[int]] = {}
    for row in rows:
        by_kind.setdefault(row.kind, []).append(row.row_id)
    for key, ids in by_kind.items():
        holding = HOLDINGS.get(key)
        if holding is not None:
            there = holding.model._base_manager.filter(merchant_id=move.merchant_id, pk__in=ids)
            found += [(holding, one) for one in shown(holding, there.select_related(*holding.related))]
    return found
