"""Starting, doing and undoing a bulk change: a thousand customers a transaction, by their ids."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import Max, QuerySet
from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.accounts.models import Membership, Merchant
from crm.events.actor import acting, current_actor
from crm.events.emitting import Draft, emit, emit_many
from crm.events.ringing import ring_task
from crm.lib import live
from crm.lib.errors import Conflict, Rejected
from crm.lib.tenancy import all_merchants, merchant_scope
from customers import events
from customers.bulk_changes.changing import changed_values, clean_changes, columns_of, would_change
from customers.filters import forget_facets, listing_of
from customers.models import BulkChange, BulkChangeRow, Customer
from customers.selectors import customers_listed

State = BulkChange.State
CHUNK = 1_000
# Ticked or named ids; more is a filter's business.
MOST_IDS = 1_000
LONGEST_QUERY = 2_000
UNDO_HOURS = 24
# A change that nobody worked on for so long lost its worker.
LOST_SECONDS = 60


@dataclass(frozen=True)
class Preview:
    """How many the change would be made to, and how many of them are not so already."""

    found: int
    changing: int


def bulk_preview(
    *,
    merchant: Merchant,
    member: Membership | None,
    changes: Mapping[str, Any],
    ids: Sequence[int] | None = None,
    query: str = "",
) -> Preview:
    """The dry run of `bulk_start`; nothing is written."""
    rows = rows_of(member, ids, query)
    return Preview(rows.count(), would_change(rows, clean_changes(merchant, changes)).count())


def bulk_start(
    *,
    merchant: Merchant,
    member: Membership | None,
    changes: Mapping[str, Any],
    ids: Sequence[int] | None = None,
    query: str = "",
) -> BulkChange:
    """The change, begun; up to 1,000 are changed when this returns, for more a worker is rung.

    `ids` names customers, else everyone whom the list's address finds; of those the member sees (`member`
    None, for programs: everybody). Raises Rejected as `clean_changes` does, for too many ids or nobody, and
    for an address with a filter that means nothing: it would be everybody.
    """
    clean = clean_changes(merchant, changes)
    rows = rows_of(member, ids, query)
    facts = rows.aggregate(last=Max("pk"))
    total = rows.count()
    if not total:
        raise Rejected(_("There is nobody to change."), code="nobody")
    with transaction.atomic():
        change: BulkChange = BulkChange.objects.create(
            merchant=merchant,
            member=member,
            actor=current_actor(),
            changes=clean,
            ids=sorted(set(ids)) if ids is not None else None,
            query=query,
            total=total,
            last_id=facts["last"] or 0,
        )
        if total > CHUNK:
            _ring(change)
    if total <= CHUNK:
        bulk_work(change=change)
        change.refresh_from_db()
    return change


def rows_of(member: Membership | None, ids: Sequence[int] | None, query: str) -> QuerySet[Customer]:
    if ids is not None:
        if len(ids) > MOST_IDS:
            raise Rejected(
                _("At most %(most)s at once; narrow the list instead.") % {"most": f"{MOST_IDS:,}"}
            )
        rows: QuerySet[Customer] = Customer.objects.present().filter(pk__in=list(ids))
        return rows if member is None else rows.visible_to(member)  # type: ignore[attr-defined]
    if member is None:
        raise Rejected(_("Name the customers."), code="nobody")
    if len(query) > LONGEST_QUERY:
        raise Rejected(_("The list's address is too long; use fewer words."), code="long_query")
    listing = listing_of(QueryDict(query), reverse("customer_list"), member)
    return customers_listed(membership=member, listing=listing.exactly())


def _ring(change: BulkChange) -> None:
    ring = partial(ring_task, "customers.bulk_work", [change.merchant_id, change.pk])
    transaction.on_commit(ring, robust=True)


# --- working ------------------------------------------------------------------------------------------------


def work_on(*, merchant_id: int, change_id: int) -> None:
    """The worker's door: everything that is left of the change."""
    with merchant_scope(Merchant.objects.get(pk=merchant_id)):
        change = BulkChange.objects.select_related("merchant", "member").filter(pk=change_id).first()
        if change is not None:
            bulk_work(change=change)


def bulk_work(*, change: BulkChange) -> None:
    """Chunk after chunk until the end. Two workers take turns at the row's lock; none does a chunk twice."""
    with acting(change.actor or "system"):
        while _chunk(change):
            live.publish(change.merchant_id, ["bulk"])
    live.publish(change.merchant_id, ["bulk", "customers"])
    forget_facets(change.merchant_id)


@transaction.atomic
def _chunk(change: BulkChange) -> bool:
    """One chunk, its rows, events and cursor together; False when nothing is left."""
    locked = (
        BulkChange.objects.select_for_update(of=("self",))
        .select_related("merchant", "member")
        .get(pk=change.pk)
    )
    if locked.state not in BulkChange.WORKING:
        return False
    try:
        more = _do_chunk(locked) if locked.state == State.RUNNING else _undo_chunk(locked)
    except Rejected:
        more, locked.cut_short = False, True
    locked.worked_at = timezone.now()
    if not more:
        _finish(locked)
    locked.save()
    return more


def _do_chunk(change: BulkChange) -> bool:
    rows = rows_of(change.member, change.ids, change.query)
    found = rows.filter(pk__gt=change.cursor, pk__lte=change.last_id).order_by("pk")
    ids = list(found.values_list("pk", flat=True)[:CHUNK])
    if not ids:
        return False
    customers = Customer.objects.select_for_update(of=("self",)).filter(pk__in=ids).order_by("pk")
    changed, before = [], []
    for customer in customers:
        wanted = changed_values(customer, change.changes)
        if wanted:
            had = {column: getattr(customer, column) for column in wanted}
            before.append(
                BulkChangeRow(merchant_id=change.merchant_id, change=change, customer=customer, before=had)
            )
            for column, value in wanted.items():
                setattr(customer, column, value)
            changed.append(customer)
    _write(change, changed)
    BulkChangeRow.objects.bulk_create(before)
    change.cursor, change.seen, change.changed = (
        ids[-1],
        change.seen + len(ids),
        change.changed + len(changed),
    )
    return True


def _undo_chunk(change: BulkChange) -> bool:
    """Back to what was before, but for what somebody changed since: that stays."""
    rows = list(change.rows.select_related("customer").order_by("-customer_id")[:CHUNK])
    if not rows:
        return False
    locked = {
        one.pk: one
        for one in Customer.objects.select_for_update(of=("self",)).filter(
            pk__in=[row.customer_id for row in rows]
        )
    }
    changed = []
    for row in rows:
        customer = locked[row.customer_id]
        if customer.erased_at is None and _set_back(customer, row.before, change.changes):
            changed.append(customer)
        else:
            change.kept += 1
    _write(change, changed)
    BulkChangeRow.objects.filter(pk__in=[row.pk for row in rows]).delete()
    change.seen += len(rows)
    return True


def _set_back(customer: Customer, before: Mapping[str, Any], changes: Mapping[str, Any]) -> bool:
    """Whether anything went back. A tag or custom field goes back alone: others may have come since."""
    was = {name: getattr(customer, name) for name in before}
    for column, value in before.items():
        if column == "tags":
            added = set(changes.get("add_tags", ())) - set(value)
            removed = [
                one for one in value if one in changes.get("remove_tags", ()) and one not in customer.tags
            ]
            customer.tags = [one for one in customer.tags if one not in added] + removed
        elif column == "attributes":
            customer.attributes = _attributes_back(customer.attributes, value, changes["attributes"])
        elif getattr(customer, column) == changes[column.removesuffix("_id")]:
            setattr(customer, column, value)
    return any(getattr(customer, name) != value for name, value in was.items())


def _attributes_back(
    now: Mapping[str, Any], before: Mapping[str, Any], given: Mapping[str, Any]
) -> dict[str, Any]:
    back = dict(now)
    for key, value in given.items():
        if now.get(key) == value:
            back[key] = before.get(key)
    return {key: value for key, value in back.items() if value is not None}


def _write(change: BulkChange, changed: Sequence[Customer]) -> None:
    """Nobody is told of each of a million: above a thousand the events are history, which search,
    segments' own round and webhooks don't hear one by one."""
    now = timezone.now()
    for customer in changed:
        customer.updated_at = now
    Customer.objects.bulk_update(changed, [*columns_of(change.changes), "updated_at"], batch_size=500)
    data = {"changes": ", ".join(columns_of(change.changes)), "bulk": change.pk}
    label = Customer._meta.label_lower
    drafts = [Draft(events.CUSTOMER_CHANGED, one.pk, label, one.pk, data) for one in changed]
    emit_many(drafts, merchant=change.merchant_id, backfill=change.total > CHUNK)


def _finish(change: BulkChange) -> None:
    done = change.state == State.RUNNING
    change.state = State.DONE if done else State.UNDONE
    change.finished_at = timezone.now()
    data = {
        "count": change.changed if done else change.changed - change.kept,
        "changes": ", ".join(columns_of(change.changes)),
    }
    kind = events.CUSTOMERS_CHANGED if done else events.CUSTOMERS_CHANGE_UNDONE
    emit(kind, merchant=change.merchant_id, subject=change, data=data)


# --- undoing and tidying up ---------------------------------------------------------------------------------


def bulk_undo(*, change: BulkChange) -> None:
    """Begins to take the change back; as `bulk_start` does, up to 1,000 at once. Raises Conflict when it
    runs, is undone already, or is older than a day."""
    with transaction.atomic():
        locked = BulkChange.objects.select_for_update(of=("self",)).get(pk=change.pk)
        if not may_undo(locked):
            raise Conflict(_("This can't be undone any more."), code="too_late")
        locked.state, locked.seen, locked.worked_at = State.UNDOING, 0, timezone.now()
        locked.save(update_fields=["state", "seen", "worked_at"])
        if locked.changed > CHUNK:
            _ring(locked)
    if locked.changed <= CHUNK:
        bulk_work(change=locked)


def may_undo(change: BulkChange) -> bool:
    young = change.created_at > timezone.now() - timedelta(hours=UNDO_HOURS)
    return change.state == State.DONE and change.changed > 0 and young


def sweep() -> int:
    """Rings for changes that lost their worker; forgets what people had before once it can't be undone."""
    now = timezone.now()
    with all_merchants(reason="beat looks for work of every merchant"):
        lost = BulkChange.objects.filter(
            state__in=BulkChange.WORKING, worked_at__lt=now - timedelta(seconds=LOST_SECONDS)
        )
        found = list(lost.values_list("merchant_id", "pk"))
        old = now - timedelta(hours=UNDO_HOURS + 1)
        BulkChangeRow.objects.filter(
            change__created_at__lt=old, change__state__in=[State.DONE, State.UNDONE]
        ).delete()
    for merchant_id, change_id in found:
        ring_task("customers.bulk_work", [merchant_id, change_id])
    return len(found)
