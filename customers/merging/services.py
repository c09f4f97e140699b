"""Merging two customers, and undoing it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from crm.accounts.models import Membership
from crm.events.emitting import emit
from crm.lib.errors import Conflict, Rejected
from customers import events
from customers.merging import consents, fields, moving, undoing
from customers.merging.locking import locked, locked_record
from customers.merging.registry import REGISTRY, recount
from customers.models import Customer, Erasure, IdentityConflict, MergeRecord, Metrics


class AlreadyMerged(Conflict):
    """409: one of the two is another customer by now."""

    code = "already_merged"


@transaction.atomic
def customers_merge(
    *,
    survivor: Customer,
    absorbed: Customer,
    choices: Mapping[str, str] | None = None,
    by: Membership | None = None,
) -> MergeRecord:
    """The absorbed becomes a part of the survivor: all that hangs on them goes over, with a journal of it.

    `choices` says field by field whose value is kept ("survivor", "absorbed", for tags and attributes also
    "both"); for a field left out, customers/merging/fields.py says which. Locks the keys and rows of both, so
    that ways in wait. Doing it again answers with the same record. Raises Rejected for one and the same, for
    somebody who is erased or waits to be, and for bad choices, AlreadyMerged when one of them was merged with
    somebody else.
    """
    chosen = fields.clean_choices(choices or {})
    check_two(survivor, absorbed)
    both = locked(survivor.merchant, [survivor.pk, absorbed.pk])
    survivor, absorbed = both[survivor.pk], both[absorbed.pk]
    if absorbed.merged_into_id == survivor.pk:
        return MergeRecord.objects.get(absorbed=absorbed, state=MergeRecord.State.ACTIVE)
    check_mergeable(survivor, absorbed)
    values = fields.together(survivor, absorbed, chosen)
    outcomes = consents.outcomes(survivor, absorbed, values)
    record = _begin(survivor, absorbed, chosen, outcomes, by)
    record.counts = moving.carry_over(record)
    Customer.objects.filter(pk=survivor.pk).update(**values, updated_at=timezone.now())
    Customer.objects.filter(pk=absorbed.pk).update(merged_into=survivor, updated_at=timezone.now())
    consents.write(survivor, [(one.channel, one.purpose, one.result) for one in outcomes], record=record)
    for hook in REGISTRY.merged:
        hook(record)
    recount(record.merchant_id, [survivor.pk, absorbed.pk])
    _note_fields(record, survivor)
    _settle_conflicts(record)
    _announce(record, events.MERGED, [survivor.pk])
    return record


def check_two(survivor: Customer, absorbed: Customer) -> None:
    """Raises Rejected unless they are two customers of one shop."""
    if survivor.pk == absorbed.pk:
        raise Rejected(_("Choose two different customers."), code="same_customer")
    if survivor.merchant_id != absorbed.merchant_id:
        raise Rejected(_("These customers belong to two shops."), code="two_shops")


def check_mergeable(survivor: Customer, absorbed: Customer) -> None:
    """Raises Rejected or AlreadyMerged unless these two can be merged now. One query."""
    check_two(survivor, absorbed)
    for one in (survivor, absorbed):
        if one.erased_at is not None:
            raise Rejected(_("An erased customer can't be merged."), code="erased")
        if one.merged_into_id is not None:
            text = _("Customer %(id)s was merged into customer %(into)s. Choose that one.")
            raise AlreadyMerged(
                text % {"id": one.pk, "into": one.merged_into_id},
                fields={"merged_into": [str(one.merged_into_id)]},
            )
    _refuse_who_waits_to_go(survivor, absorbed)


def _refuse_who_waits_to_go(survivor: Customer, absorbed: Customer) -> None:
    """What was asked to be erased must not move to who stays, nor take the other along."""
    both = (survivor.pk, absorbed.pk)
    waiting = Erasure.objects.filter(customer_id__in=both, state=Erasure.State.WAITING).first()
    if waiting is None:
        return
    day = date_format(timezone.localtime(waiting.due_at))
    words = _("Is to be erased on %(due_at)s") % {"due_at": day}
    raise Rejected(f"#{waiting.customer_id}: {words}", code="erasure_waits")


def _begin(
    survivor: Customer,
    absorbed: Customer,
    chosen: dict[str, str],
    outcomes: Sequence[consents.Outcome],
    by: Membership | None,
) -> MergeRecord:
    record: MergeRecord = MergeRecord.objects.create(
        merchant_id=survivor.merchant_id,
        survivor=survivor,
        absorbed=absorbed,
        choices=chosen,
        absorbed_row=fields.whole(absorbed),
        figures={"survivor": _figures(survivor.pk), "absorbed": _figures(absorbed.pk)},
        consents=[one.as_json() for one in outcomes],
        marks=moving.marks_now(),
        merged_by=by,
    )
    return record


def _note_fields(record: MergeRecord, survivor: Customer) -> None:
    """What became of the survivor's fields, their stage too, which follows the orders."""
    before = fields.values_of(survivor)
    after = fields.values_of(Customer.objects.get(pk=survivor.pk))
    record.before = {name: value for name, value in before.items() if after[name] != value}
    record.after = {name: after[name] for name in record.before}
    record.save()


def _figures(customer_id: int) -> dict[str, Any]:
    row = Metrics.objects.filter(pk=customer_id).values().first()
    return fields.plain(row) if row else {}


def _settle_conflicts(record: MergeRecord) -> None:
    """What staff were asked about these two is answered, also under names of people merged before."""
    ids = [record.survivor_id, record.absorbed_id]
    ids += Customer.objects.filter(merged_into_id=record.survivor_id).values_list("pk", flat=True)
    asked = IdentityConflict.objects.filter(
        first_id__in=ids, second_id__in=ids, state=IdentityConflict.State.OPEN
    )
    asked.update(
        state=IdentityConflict.State.MERGED,
        record=record,
        decided_at=record.merged_at,
        decided_by=record.merged_by,
    )


def _announce(record: MergeRecord, kind: Any, customer_ids: Sequence[int]) -> None:
    data = {"merge": record.pk, "survivor": record.survivor_id, "absorbed": record.absorbed_id}
    for customer_id in customer_ids:
        emit(kind, merchant=record.merchant_id, customer=customer_id, subject=record, data=data)


# --- and back -----------------------------------------------------------------------------------------------


@transaction.atomic
def merge_undo(*, record: MergeRecord, by: Membership | None = None) -> MergeRecord:
    """Two customers again: what moved goes back, what came since goes where its identity says.

    Fields of the survivor that nobody edited since get their old values; consent stays at the stricter side
    for both. Any merge may be undone at any time, also when the survivor was merged into a third one since.
    Doing it again changes nothing. Locks as `customers_merge`. Raises Rejected when one of them was erased.
    """
    record, holder, absorbed = locked_record(record)
    if not record.is_active:
        return record
    if absorbed.erased_at is not None or holder.erased_at is not None:
        raise Rejected(_("One of the two was erased since; there is nobody to go back to."), code="erased")
    together = consents.answers_of(holder.pk)
    undoing.carry_all_back(record, holder)
    Customer.objects.filter(pk=absorbed.pk).update(merged_into=None)
    undoing.restore_figures(record)
    undoing.restore_fields(record)
    people = list(Customer.objects.filter(pk__in={holder.pk, record.survivor_id, absorbed.pk}).order_by("pk"))
    undoing.repair_addresses(people)
    now = timezone.now()
    Customer.objects.filter(pk__in=[one.pk for one in people]).update(split_at=now, updated_at=now)
    sides = [(one, consents.answers_of(one.pk)) for one in people if one.pk in (holder.pk, absorbed.pk)]
    consents.write_stricter(sides, together, record=record)
    record.state, record.undone_at, record.undone_by = MergeRecord.State.UNDONE, now, by
    record.save(update_fields=["state", "undone_at", "undone_by"])
    for hook in REGISTRY.undone:
        hook(record)
    recount(record.merchant_id, [one.pk for one in people])
    IdentityConflict.objects.filter(record=record).update(
        state=IdentityConflict.State.KEPT_APART, decided_at=now, decided_by=by
    )
    _announce(record, events.UNMERGED, sorted({holder.pk, absorbed.pk}))
    return record
