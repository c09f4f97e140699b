"""What a merge would do, and what undoing one would, told before anybody presses the button."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.accounts.models import Membership
from crm.events.types import Text
from crm.lib.ui.formats import number_text
from customers.merging import consents, fields, moving
from customers.merging.consents import Outcome
from customers.merging.registry import movers
from customers.merging.services import check_mergeable, merge_undo
from customers.models import Customer, Identity, MergeMove, MergeRecord, Metrics


@dataclass(frozen=True)
class FieldChoice:
    """One field with both values. `side` is whose is kept; `differs` whether there is anything to choose."""

    name: str
    label: Text
    survivor: Any
    absorbed: Any
    result: Any
    side: str
    differs: bool


@dataclass(frozen=True)
class Moving:
    """`count` rows of this kind go over, `staying` are set aside because the survivor has them too."""

    model: str
    label: Text
    count: int
    staying: int


@dataclass(frozen=True)
class Caution:
    code: str
    text: str


@dataclass(frozen=True)
class Preview:
    survivor: Customer
    absorbed: Customer
    fields: list[FieldChoice]
    moves: list[Moving]
    consents: list[Outcome]
    warnings: list[Caution]


def merge_preview(
    *, survivor: Customer, absorbed: Customer, choices: Mapping[str, str] | None = None
) -> Preview:
    """What `customers_merge` would do with these choices; nothing is written or locked.

    One count for each kind of row. Raises what the merge would raise.
    """
    chosen = fields.clean_choices(choices or {})
    check_mergeable(survivor, absorbed)
    values = fields.together(survivor, absorbed, chosen)
    outcomes = consents.outcomes(survivor, absorbed, values)
    return Preview(
        survivor,
        absorbed,
        _fields(survivor, absorbed, chosen, values),
        _moves(survivor, absorbed),
        outcomes,
        _warnings(survivor, absorbed, outcomes),
    )


def _fields(
    survivor: Customer, absorbed: Customer, chosen: Mapping[str, str], values: Mapping[str, Any]
) -> list[FieldChoice]:
    found = []
    for one in fields.fields():
        mine, theirs = fields.shown(survivor, one), fields.shown(absorbed, one)
        side = fields.side_of(one.name, survivor, absorbed, chosen)
        result = mine if side == fields.SURVIVOR else theirs
        if side == fields.BOTH:
            result = values[one.attname]
        label = one.verbose_name
        found.append(FieldChoice(one.name, label, mine, theirs, result, side, mine != theirs))
    return found


def _moves(survivor: Customer, absorbed: Customer) -> list[Moving]:
    names = {"merchant": survivor.merchant_id, "survivor": survivor.pk, "absorbed": absorbed.pk}
    found = []
    for mover in movers():
        if not mover.label:
            continue
        staying = f"count(*) FILTER (WHERE {mover.staying})" if mover.staying else "0"
        sql = (
            f"SELECT count(*), {staying} FROM {mover.table} t"
            f" WHERE t.merchant_id = %(merchant)s::bigint AND t.{mover.column} = %(absorbed)s"
        )
        count, stays = moving.query(sql, names)[0]
        found.append(Moving(mover.model, mover.label, count - stays, stays))
    return found


def _warnings(survivor: Customer, absorbed: Customer, outcomes: list[Outcome]) -> list[Caution]:
    mine, theirs = (Metrics.objects.filter(pk=one.pk).first() or Metrics() for one in (survivor, absorbed))
    found = []
    if mine.points and theirs.points:
        text = _("Both have points: %(mine)s and %(theirs)s. They are added up.")
        found.append(
            Caution("points", text % {"mine": number_text(mine.points), "theirs": number_text(theirs.points)})
        )
    if mine.open_tickets and theirs.open_tickets:
        text = _("Both have open tickets; they stay separate tickets of one person.")
        found.append(Caution("open_tickets", text))
    if shops := _two_members(survivor, absorbed):
        text = ngettext(
            "Both are members of the same shop, with a number each. Two accounts are often two people.",
            "Both are members of the same %(count)s shops, with a number each."
            " Two accounts are often two people.",
            shops,
        )
        found.append(Caution("two_members", text % {"count": shops}))
    if any(one.is_lost for one in outcomes):
        text = _("A permission of one of them won't hold any more: the stricter answer counts.")
        found.append(Caution("consent_lost", text))
    if survivor.birthday_on and absorbed.birthday_on and survivor.birthday_on != absorbed.birthday_on:
        found.append(Caution("birthdays", _("They have different birthdays.")))
    return found


def _two_members(survivor: Customer, absorbed: Customer) -> int:
    """In how many sales channels both have a member id."""
    rows = Identity.objects.filter(kind=Identity.Kind.MEMBER)
    mine = rows.filter(customer=survivor).values("scope")
    return int(rows.filter(customer=absorbed, scope__in=mine).values("scope").distinct().count())


# --- undoing ------------------------------------------------------------------------------------------------


class _Rehearsed(Exception):
    """Takes everything back that a rehearsal wrote."""


@dataclass(frozen=True)
class Part:
    label: Text
    count: int


@dataclass(frozen=True)
class UndoPreview:
    """`back` were moved by the merge, `since` came afterwards and belong to the absorbed one."""

    record: MergeRecord
    back: list[Part]
    since: list[Part]
    fields: list[str]


def undo_preview(*, record: MergeRecord, by: Membership | None = None) -> UndoPreview:
    """Undoes the merge and takes that back again, so that it tells exactly what would happen. Raises what
    `merge_undo` raises."""
    journal = _journal(record)
    before = _held(record)
    after: dict[str, int] = {}
    try:
        with transaction.atomic():
            merge_undo(record=record, by=by)
            after = _held(record)
            raise _Rehearsed
    except _Rehearsed:
        record.refresh_from_db()
    labels = {mover.model: mover.label for mover in movers() if mover.label}
    gone = {model: after[model] - before[model] for model in labels}
    back = {model: min(journal.get(model, 0), gone[model]) for model in labels}
    known = {one.attname: one.verbose_name for one in fields.fields()}
    return UndoPreview(
        record,
        [Part(labels[model], count) for model, count in back.items() if count],
        [Part(labels[model], gone[model] - count) for model, count in back.items() if gone[model] > count],
        [str(known[name]) for name in record.before if name in known],
    )


def _journal(record: MergeRecord) -> dict[str, int]:
    counts: dict[str, int] = {}
    for part in record.moves.filter(kind=MergeMove.Kind.MOVED).iterator():
        counts[part.model] = counts.get(part.model, 0) + len(part.ids)
    return counts


def _held(record: MergeRecord) -> dict[str, int]:
    """Model → rows of the absorbed."""
    names = {"merchant": record.merchant_id, "absorbed": record.absorbed_id}
    found = {}
    for mover in movers():
        where = f"t.merchant_id = %(merchant)s::bigint AND t.{mover.column} = %(absorbed)s"
        found[mover.model] = moving.query(f"SELECT count(*) FROM {mover.table} t WHERE {where}", names)[0][0]
    return found
