"""What people allowed, as the file tells it, into the ledger: with the legal basis that was declared for it.

A file never overrules a person: what they took back here stays so, and who must not be written to is not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils import timezone

from crm.events.emitting import Draft, emit_many
from crm.imports.models import ImportBatch
from crm.lib.copying import copy_rows, reserve_ids
from customers import events
from customers.consent import address_digest
from customers.importing.making import source_of
from customers.importing.reading import Entry
from customers.models import Consent, Suppression
from customers.models.consent import Channel, Purpose


def answers_record(batch: ImportBatch, entries: Sequence[Entry]) -> None:
    """New ledger entries where the newest one says something else; counts what was left out and why."""
    told = [entry for entry in entries if entry.customer_id and entry.answers]
    if not told:
        return
    newest = _newest({entry.customer_id for entry in told if entry.customer_id})
    barred = _barred(told)
    now = timezone.now()
    rows: list[tuple[Any, ...]] = []
    drafts = []
    counts = batch.counts
    first = reserve_ids(Consent, sum(len(entry.answers) for entry in told))
    for entry in told:
        for channel, allowed in entry.answers.items():
            known = newest.get((entry.customer_id, channel))
            if known is allowed:
                continue
            reason = "withdrawn_here" if known is False else "suppressed"
            if allowed and (known is False or (channel, _address(entry, channel)) in barred):
                counts[reason] = counts.get(reason, 0) + 1
                continue
            newest[(entry.customer_id, channel)] = allowed
            at = min(entry.answered_at, now) if entry.answered_at else now
            proof = {"legal_basis": batch.options["legal_basis"], "file": batch.sha256, "row": entry.row}
            pk = first + len(rows)
            rows.append((pk, batch.merchant_id, entry.customer_id, channel, allowed, proof, at))
            drafts.append(_draft(batch, pk, entry.customer_id, channel, allowed))
            counts["answers"] = counts.get("answers", 0) + 1
    source = source_of(batch)
    copy_rows(
        Consent,
        (
            "id",
            "merchant_id",
            "customer_id",
            "channel",
            "granted",
            "proof",
            "recorded_at",
            "purpose",
            "source",
        ),
        ((*row, Purpose.MARKETING.value, source) for row in rows),
    )
    emit_many(drafts, merchant=batch.merchant_id, backfill=True)


def _draft(batch: ImportBatch, pk: int, customer_id: int | None, channel: str, allowed: bool) -> Draft:
    kind = events.CONSENT_GRANTED if allowed else events.CONSENT_WITHDRAWN
    data = {"channel": str(channel), "purpose": Purpose.MARKETING.value, "source": source_of(batch)}
    return Draft(kind, customer_id, "customers.consent", pk, data)


def _newest(ids: set[int]) -> dict[tuple[int | None, str], bool]:
    ledger = Consent.objects.filter(customer_id__in=ids, purpose=Purpose.MARKETING)
    rows = (
        ledger.order_by("customer_id", "channel", "-recorded_at", "-id")
        .distinct("customer_id", "channel")
        .values_list("customer_id", "channel", "granted")
    )
    return {(customer_id, channel): granted for customer_id, channel, granted in rows}


def _address(entry: Entry, channel: str) -> str:
    return entry.email if channel == Channel.EMAIL else entry.phone


def _barred(entries: Sequence[Entry]) -> set[tuple[str, str]]:
    """(channel, address) that is suppressed: bounced, complained, erased, or put there by hand."""
    asked = {
        (channel.value, address_digest(_address(entry, channel))): (channel.value, _address(entry, channel))
        for entry in entries
        for channel, allowed in entry.answers.items()
        if allowed and _address(entry, channel)
    }
    found = Suppression.objects.filter(digest__in=[digest for _channel, digest in asked])
    return {asked[row] for row in found.values_list("channel", "digest") if row in asked}
