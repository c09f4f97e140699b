"""Taking a merge apart: what goes back, what came since, and the fields."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from customers.identities import Key
from customers.merging import moving
from customers.merging.fields import values_of
from customers.merging.registry import Mover, movers, takers
from customers.models import Customer, Identity, MergeMove, MergeRecord, Metrics

IDENTITY, EVENT = "customers.Identity", "events.Event"


def carry_all_back(record: MergeRecord, holder: Customer) -> None:
    """The journal's rows, then what came since, goes to the absorbed. Later journals forget them."""
    holder_id = int(holder.pk)
    gone = {mover.model: moving.carry_back(record, mover, holder_id) for mover in movers()}
    for model, ids in give_by_identity(record, holder_id).items():
        gone[model] += ids
    for mover in movers():
        for column, parent in mover.follows:
            gone[mover.model] += _follow(record, mover, holder_id, column, parent)
    gone[EVENT] += _events(record, holder_id)
    for taker in takers():
        moving.put_back(record, taker, with_survivor=holder_id == record.survivor_id)
    if holder_id != record.survivor_id:
        later = MergeRecord.objects.filter(
            survivor_id=holder_id, state=MergeRecord.State.ACTIVE, pk__gt=record.pk
        )
        for model, ids in gone.items():
            moving.forget_moved(later, model, ids)


# --- what came since ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Newcomer:
    """A row that came since the merge, and by which keys."""

    mover: Mover
    pk: int
    keys: tuple[Key, ...]


class Since:
    """Which of the holder's rows came to the two as one person: neither what somebody had who was merged with
    them later, nor what a third had before they became a part of them."""

    def __init__(self, record: MergeRecord, holder_id: int) -> None:
        people = {holder_id, record.survivor_id}
        others = MergeRecord.objects.filter(survivor_id__in=people, state=MergeRecord.State.ACTIVE)
        self.marks = record.marks
        self.outer: MergeRecord | None = None
        self.brought: defaultdict[str, set[int]] = defaultdict(set)
        self.along: defaultdict[str, set[int]] = defaultdict(set)
        looked = [IDENTITY, *(one.model for one in movers() if one.keys is not None)]
        for other in others.exclude(pk=record.pk):
            is_outer = other.absorbed_id == record.survivor_id
            self.outer = other if is_outer else self.outer
            kept = self.along if is_outer else self.brought
            for model, ids in other.moves.filter(model__in=looked, kind=MergeMove.Kind.MOVED).values_list(
                "model", "ids"
            ):
                kept[model].update(ids)

    def has(self, model: str, pk: int) -> bool:
        if pk <= self.marks.get(model, 0) or pk in self.brought[model]:
            return False
        return self.outer is None or pk > self.outer.marks.get(model, 0) or pk in self.along[model]


def give_by_identity(record: MergeRecord, holder_id: int) -> dict[str, list[int]]:
    """Rows since the merge go to whom their strongest key names; model → ids that went.

    A key that came since itself belongs where the rows belong that name it: to the absorbed when theirs do
    and none that stays does.
    """
    since = Since(record, holder_id)
    theirs = _keys_of(Identity.objects.filter(customer_id=record.absorbed_id))
    held = _keys_of(Identity.objects.filter(customer_id=holder_id))
    fresh = {key: pk for key, pk in held.items() if since.has(IDENTITY, pk)}
    stays = held.keys() - fresh.keys()
    going, undecided = [], []
    named: set[Key] = set()
    for one in _newcomers(record, holder_id, since):
        known = next((key for key in one.keys if key in theirs or key in stays), None)
        if known is None:
            undecided.append(one)
        elif known in theirs:
            going.append(one)
        else:
            named.update(one.keys)
    claimed: set[Key] = set()
    while new := {key for one in going for key in one.keys if key in fresh} - named - claimed:
        claimed |= new
        going += [one for one in undecided if claimed.intersection(one.keys)]
        undecided = [one for one in undecided if not claimed.intersection(one.keys)]
    gone: dict[str, list[int]] = {}
    for mover in {one.mover.model: one.mover for one in going}.values():
        ids = [one.pk for one in going if one.mover.model == mover.model]
        gone[mover.model] = _give_ids(record, mover, holder_id, ids)
    identity = next(one for one in movers() if one.model == IDENTITY)
    gone[IDENTITY] = _give_ids(record, identity, holder_id, [fresh[key] for key in claimed])
    return gone


def _newcomers(record: MergeRecord, holder_id: int, since: Since) -> list[Newcomer]:
    found = []
    for mover in movers():
        if mover.keys is None:
            continue
        names = ("id", *mover.key_columns)
        rows = moving.query(
            f"SELECT {', '.join(names)} FROM {mover.table} WHERE merchant_id = %(merchant)s::bigint"
            f" AND {mover.column} = %(holder)s AND id > %(mark)s ORDER BY id",
            {"merchant": record.merchant_id, "holder": holder_id, "mark": record.marks.get(mover.model, 0)},
        )
        for row in rows:
            if since.has(mover.model, row[0]):
                keys = mover.keys(record.merchant, dict(zip(names, row, strict=True)))
                found.append(Newcomer(mover, row[0], tuple(keys)))
    return found


def _keys_of(rows: Any) -> dict[Key, int]:
    found = rows.values_list("pk", "kind", "scope", "value")
    return {Key(Identity.Kind(kind), scope, value): pk for pk, kind, scope, value in found}


def _give_ids(record: MergeRecord, mover: Mover, holder_id: int, ids: Sequence[int]) -> list[int]:
    if not ids:
        return []
    return moving.give(record, mover, holder_id, "t.id = ANY(%(ids)s::bigint[])", {"ids": list(ids)})


def _follow(record: MergeRecord, mover: Mover, holder_id: int, column: str, parent: str) -> list[int]:
    """Rows since the merge that refer to a row which is the absorbed's now."""
    other = next(one for one in movers() if one.model == parent)
    where = (
        f"t.id > %(mark)s AND EXISTS (SELECT 1 FROM {other.table} p WHERE p.merchant_id = t.merchant_id"
        f" AND p.id = t.{column} AND p.{other.column} = %(absorbed)s)"
    )
    return moving.give(record, mover, holder_id, where, {"mark": record.marks.get(mover.model, 0)})


def _events(record: MergeRecord, holder_id: int) -> list[int]:
    """Facts since the merge stand with what they are about."""
    log = next(one for one in movers() if one.model == EVENT)
    gone = []
    for mover in movers():
        if mover.model == EVENT:
            continue
        where = (
            "t.id > %(mark)s AND t.subject_type = %(subject)s AND EXISTS (SELECT 1 FROM"
            f" {mover.table} p WHERE p.merchant_id = t.merchant_id AND p.id = t.subject_id"
            f" AND p.{mover.column} = %(absorbed)s)"
        )
        values = {"mark": record.marks.get(EVENT, 0), "subject": mover.model.lower()}
        gone += moving.give(record, log, holder_id, where, values)
    return gone


# --- fields -------------------------------------------------------------------------------------------------


def restore_figures(record: MergeRecord) -> None:
    """The absorbed one's metrics as they stood; what has changed since is counted anew afterwards."""
    kept = {name: value for name, value in record.figures["absorbed"].items() if name in _columns(Metrics)}
    if kept:
        Metrics.objects.filter(pk=record.absorbed_id).update(**kept)


def _columns(model: Any) -> set[str]:
    return {
        one.attname for one in model._meta.concrete_fields if not one.primary_key and one.name != "merchant"
    }


def restore_fields(record: MergeRecord) -> None:
    """The survivor's fields get their old values where nobody edited them since."""
    survivor = Customer.objects.get(pk=record.survivor_id)
    now = values_of(survivor)
    known = {one.attname: one for one in Customer._meta.concrete_fields}
    values: dict[str, Any] = {}
    for name, before in record.before.items():
        field = known.get(name)
        if field is None or now[name] != record.after[name]:
            continue
        if field.is_relation and before is not None and not _is_there(field, before):
            before = None
        values[name] = field.to_python(before) if before is not None else None
    if values:
        Customer.objects.filter(pk=survivor.pk).update(**values)


def _is_there(field: Any, pk: int) -> bool:
    found: bool = field.related_model._base_manager.filter(pk=pk).exists()
    return found


def repair_addresses(people: Iterable[Customer]) -> None:
    """Nobody is written to at an address that isn't theirs: another of their own takes its place, or none."""
    for customer in people:
        if customer.erased_at is not None:
            continue
        for kind in (Identity.Kind.EMAIL, Identity.Kind.PHONE):
            value = getattr(customer, kind)
            if not value or not _is_somebody_elses(customer, kind, value):
                continue
            own = customer.identities.filter(kind=kind, scope="").order_by("id")
            other = own.values_list("value", flat=True).first() or ""
            Customer.objects.filter(pk=customer.pk).update(**{kind: other}, updated_at=timezone.now())


def _is_somebody_elses(customer: Customer, kind: str, value: str) -> bool:
    """An absorbed one's are with the person they are now until that merge is undone."""
    mine = [customer.pk, customer.merged_into_id or customer.pk]
    owners = Identity.objects.filter(kind=kind, scope="", value=value).exclude(customer_id__in=mine)
    return bool(owners.exists())
