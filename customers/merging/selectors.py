"""Page-shaped reads of merges and conflicts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Coalesce

from crm.accounts.models import Membership
from crm.lib.errors import NotFound
from crm.lib.keyset import Page, keyset_page
from customers.merging.preview import FieldChoice
from customers.models import Customer, IdentityConflict, MergeRecord
from customers.visibility import seen_by

ORDER = ("-seen_at", "-pk")


def merge_for(*, membership: Membership, merge_id: int) -> MergeRecord:
    """The merge, if the member may see who the survivor is now and, once it is undone, the other one too;
    else NotFound."""
    record = _told_to(membership).filter(pk=merge_id).first()
    holder = record and (record.survivor.merged_into_id or record.survivor_id)
    if record is None or not Customer.objects.visible_to(membership).filter(pk=holder).exists():
        raise NotFound()
    return record


def merges_of(customer: Customer, membership: Membership) -> list[MergeRecord]:
    """What this person is made of and what was taken apart again, the newest first; at most 20."""
    mine = Q(survivor__in=_names(customer)) | Q(absorbed=customer)
    return list(_told_to(membership).filter(mine).order_by("-merged_at", "-pk")[:20])


def _told_to(membership: Membership) -> QuerySet[MergeRecord]:
    """Without the undone ones of which the member sees only one side: that is somebody else's customer
    again."""
    survivor, absorbed = seen_by(membership, "survivor__"), seen_by(membership, "absorbed__")
    if survivor is None or absorbed is None:
        return _merges()
    return _merges().filter(Q(state=MergeRecord.State.ACTIVE) | (survivor & absorbed))


def _names(customer: Customer) -> list[int]:
    """The ids by which rows know this person: their own and those of who was merged into them. One query."""
    return [customer.pk, *Customer.objects.filter(merged_into=customer).values_list("pk", flat=True)]


def _merges() -> QuerySet[MergeRecord]:
    rows: QuerySet[MergeRecord] = MergeRecord.objects.select_related(
        "survivor", "absorbed", "merged_by__user", "undone_by__user"
    )
    return rows


# --- conflicts ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """A conflict with both people as they are now."""

    conflict: IdentityConflict
    first: Customer
    second: Customer


def conflicts_open(membership: Membership) -> QuerySet[IdentityConflict]:
    """Those of which the member may see both sides, as the people they are now."""
    rows: QuerySet[IdentityConflict] = IdentityConflict.objects.filter(state=IdentityConflict.State.OPEN)
    seen = Customer.objects.present().visible_to(membership)
    for side in ("first", "second"):
        # One look-up a row. `first IN (…) OR first.merged_into IN (…)` would read every customer of the shop.
        person = Coalesce(OuterRef(f"{side}__merged_into_id"), OuterRef(f"{side}_id"))
        rows = rows.filter(Exists(seen.filter(pk=person)))
    return rows


def conflict_page(*, membership: Membership, after: str) -> tuple[Page[Any], list[Asked]]:
    """The open ones behind the cursor, the newest first. One query."""
    rows = conflicts_open(membership).select_related(
        "first__metrics", "second__metrics", "first__merged_into__metrics", "second__merged_into__metrics"
    )
    page = keyset_page(rows, order=ORDER, after=after)
    return page, [asked(one) for one in page.rows]


def asked(conflict: IdentityConflict) -> Asked:
    first, second = conflict.first, conflict.second
    return Asked(conflict, first.merged_into or first, second.merged_into or second)


def conflict_for(*, membership: Membership, conflict_id: int) -> IdentityConflict:
    """An open conflict of two people that the member may see, else NotFound."""
    row = conflicts_open(membership).filter(pk=conflict_id).first()
    if row is None:
        raise NotFound()
    return row


def conflict_between(first: Customer, second: Customer) -> IdentityConflict | None:
    """What is asked about these two, also by the names of people merged into them."""
    ours, theirs = _names(first), _names(second)
    pair = Q(first__in=ours, second__in=theirs) | Q(first__in=theirs, second__in=ours)
    rows = IdentityConflict.objects.filter(pair, state=IdentityConflict.State.OPEN)
    found: IdentityConflict | None = rows.order_by("pk").first()
    return found


def conflicts_of(customer: Customer, membership: Membership) -> list[Asked]:
    """The open ones that name this person; at most 5."""
    names = _names(customer)
    rows = conflicts_open(membership).filter(Q(first__in=names) | Q(second__in=names))
    people = rows.select_related("first__merged_into", "second__merged_into")
    return [asked(one) for one in people.order_by("-seen_at", "-pk")[:5]]


# --- the merge page -----------------------------------------------------------------------------------------


def choosable(fields: list[FieldChoice]) -> list[FieldChoice]:
    """Where the two differ; the rest is no choice."""
    return [one for one in fields if one.differs]
