"""Taking a batch of customers back: what it made goes, what it changed is as before, unless touched since.

`undo_customers` serves every importer that made customers (an import of orders does).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.events.emitting import Draft, emit_many
from crm.imports.models import Change, ImportBatch
from crm.imports.registry import Step
from crm.imports.undoing import forget_events, keep, pointed_at, raw_delete, restore
from customers import events
from customers.consent import profiling_settle
from customers.importing.changing import ADDRESS_MODEL, CUSTOMER, NOTE
from customers.importing.making import source_of
from customers.models import (
    Address,
    Consent,
    Customer,
    DuplicatePair,
    Identity,
    MatchKeys,
    Metrics,
    Note,
    SearchDocument,
)
from customers.models.consent import Purpose
from customers.searching import search_rebuild

CHUNK = 500
# What came with a customer, or the house keeps beside them: by itself no sign that anybody has touched them.
OWN = (Identity, Metrics, SearchDocument, MatchKeys, Address, Note, Consent)


def steps(_batch: ImportBatch) -> Sequence[Step]:
    top = top_change
    return [
        Step("undo_answers", gettext_lazy("Taking back answers"), 10, top_consent, undo_answers),
        Step("undo_changes", gettext_lazy("Restoring changed customers"), 30, top, undo_changes),
        Step("undo_customers", gettext_lazy("Taking back customers"), 60, top_customer, undo_customers),
    ]


def top_change(batch: ImportBatch) -> int:
    return int(Change.objects.filter(batch=batch).order_by("-pk").values_list("pk", flat=True).first() or 1)


def top_customer(batch: ImportBatch) -> int:
    mine = Customer.objects.filter(import_batch_id=batch.pk).order_by("-pk")
    return int(mine.values_list("pk", flat=True).first() or 1)


def top_consent(batch: ImportBatch) -> int:
    mine = Consent.objects.filter(source=source_of(batch)).order_by("-pk")
    return int(mine.values_list("pk", flat=True).first() or 1)


def undo_answers(batch: ImportBatch, cursor: int) -> int | None:
    """Known people's answers are again what they were before the file, by new entries of the ledger; whoever
    was never asked before stands as withdrawn. An answer that was older than another one holds nothing, and
    stays as history."""
    source = source_of(batch)
    mine = list(
        Consent.objects.filter(source=source, pk__gt=cursor)
        .exclude(customer__import_batch_id=batch.pk)
        .order_by("pk")[:CHUNK]
    )
    if not mine:
        return None
    now, drafts = timezone.now(), []
    for entry in mine:
        ledger = Consent.objects.filter(
            customer_id=entry.customer_id, channel=entry.channel, purpose=entry.purpose
        ).order_by("-recorded_at", "-id")
        if ledger.values_list("pk", flat=True).first() != entry.pk:
            continue  # they have answered since
        before = bool(ledger.exclude(source=source).values_list("granted", flat=True).first())
        if before == entry.granted:
            continue
        restored = Consent.objects.create(
            merchant_id=batch.merchant_id,
            customer_id=entry.customer_id,
            channel=entry.channel,
            purpose=entry.purpose,
            granted=before,
            source="import undone",
            proof={"batch": batch.pk, "restores": entry.pk},
            recorded_at=now,
        )
        if entry.purpose == Purpose.PROFILING:
            profiling_settle(customer_id=entry.customer_id)
        kind = events.CONSENT_GRANTED if before else events.CONSENT_WITHDRAWN
        data = {"channel": entry.channel, "purpose": entry.purpose, "source": restored.source}
        drafts.append(Draft(kind, entry.customer_id, "customers.consent", restored.pk, data))
    emit_many(drafts, merchant=batch.merchant_id)
    return int(mine[-1].pk)


def undo_changes(batch: ImportBatch, cursor: int) -> int | None:
    changes = list(Change.objects.filter(batch=batch, pk__gt=cursor).order_by("pk")[:CHUNK])
    if not changes:
        return None
    _undo_made(changes)
    by_id = {change.object_id: change for change in changes if change.model == CUSTOMER}
    rows = Customer.objects.select_for_update(of=("self",)).filter(pk__in=by_id).order_by("pk")
    restored = []
    for customer in rows:
        change = by_id[customer.pk]
        if customer.updated_at != change.stamp:
            keep(batch, CUSTOMER, customer.pk, str(customer), _("changed since by somebody else"))
            continue
        restore(customer, change.before or {})
        customer.save()
        restored.append(customer)
    ids = [customer.pk for customer in restored]
    raw_delete(Identity.objects.filter(customer_id__in=ids, source=source_of(batch)))
    search_rebuild(ids)
    _announce(batch, restored, by_id)
    return int(changes[-1].pk)


def _announce(batch: ImportBatch, restored: Sequence[Customer], by_id: dict[int, Change]) -> None:
    drafts = [
        Draft(
            events.CUSTOMER_CHANGED,
            one.pk,
            CUSTOMER,
            one.pk,
            {
                "changes": ", ".join(sorted(by_id[one.pk].before or {})) or "identities",
                "source": "import undone",
            },
        )
        for one in restored
    ]
    emit_many(drafts, merchant=batch.merchant_id)


def _undo_made(changes: Sequence[Change]) -> None:
    """Addresses and notes that known customers got."""
    made: dict[str, Any] = {ADDRESS_MODEL: Address, NOTE: Note}
    for label, model in made.items():
        ids = [change.object_id for change in changes if change.model == label]
        raw_delete(model.objects.filter(pk__in=ids))


def undo_customers(batch: ImportBatch, cursor: int) -> int | None:
    """Removes the customers that the batch made, as far as nothing of any app points at them since."""
    customers = list(
        Customer.objects.select_for_update(of=("self",))
        .filter(import_batch_id=batch.pk, pk__gt=cursor)
        .order_by("pk")
        .only("pk", "name", "email", "created_at", "updated_at", "merchant_id")[:CHUNK]
    )
    if not customers:
        return None
    ids = [customer.pk for customer in customers]
    reasons = _later_belongings(batch, ids) | _decided(ids)
    reasons |= pointed_at(Customer, ids, besides={*OWN, DuplicatePair})
    for customer in customers:
        if customer.updated_at != customer.created_at:
            reasons.setdefault(customer.pk, _("changed since by somebody else"))
        if customer.pk in reasons:
            keep(batch, CUSTOMER, customer.pk, str(customer), reasons[customer.pk])
    gone = [pk for pk in ids if pk not in reasons]
    forget_events(batch, CUSTOMER, gone)
    consents = Consent.objects.filter(customer_id__in=gone)
    forget_events(batch, "customers.consent", list(consents.values_list("pk", flat=True)))
    for model in OWN:
        raw_delete(model.objects.filter(customer_id__in=gone))
    raw_delete(DuplicatePair.objects.filter(Q(low__in=gone) | Q(high__in=gone)))
    raw_delete(Customer.objects.filter(pk__in=gone))
    return int(ids[-1])


def _later_belongings(batch: ImportBatch, ids: list[int]) -> dict[int, str]:
    """Customers that got something of their own since: an address, a note, an answer, an identity."""
    reasons: dict[int, str] = {}
    mine = source_of(batch)
    later: dict[str, Any] = {
        _("an address"): Address.objects.exclude(created_at=F("customer__created_at")),
        _("a note"): Note.objects.exclude(created_at=F("customer__created_at")),
        _("an answer about consent"): Consent.objects.exclude(source=mine),
    }
    for what, rows in later.items():
        for pk in rows.filter(customer_id__in=ids).values_list("customer_id", flat=True).distinct():
            reasons.setdefault(pk, _("%(what)s depends on it") % {"what": what})
    return reasons


def _decided(ids: list[int]) -> dict[int, str]:
    """Customers of whom somebody said that they are, or are not, another one."""
    pairs = DuplicatePair.objects.exclude(state=DuplicatePair.State.OPEN)
    pairs = pairs.filter(Q(low__in=ids) | Q(high__in=ids))
    people = {pk for pair in pairs.values_list("low_id", "high_id") for pk in pair}
    return {pk: _("somebody decided about a duplicate of it") for pk in people.intersection(ids)}
