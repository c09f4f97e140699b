"""Answers into the ledger. It is append-only and dated: an older answer is history and changes nothing, a
newer one holds. A withdrawal that is newer than what the file says is never overruled."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.utils import timezone

from crm.events.emitting import Draft, emit_many
from crm.imports.models import ImportBatch
from crm.imports.rows import refuse_wrong, staged
from crm.lib.copying import copy_rows, reserve_ids
from customers import events
from customers.consent import profiling_settle
from customers.importing.consents.people import (
    people_lock,
    people_named,
    people_refused,
    prospects_make,
)
from customers.importing.consents.reading import AnswerReader, Told
from customers.importing.making import source_of
from customers.models import Consent, Customer
from customers.models.consent import Purpose

CHUNK_ANSWERS = 1_000
COLUMNS = (
    *("id", "merchant_id", "customer_id", "channel", "purpose", "granted", "source", "wording_version"),
    *("proof", "recorded_at"),
)
Topic = tuple[int | None, str, str]
Held = tuple[datetime, bool]


def answers_chunk(batch: ImportBatch, cursor: int) -> int | None:
    """Writes the next answers."""
    rows = list(staged(batch, cursor, CHUNK_ANSWERS))
    if not rows:
        return None
    told, wrong = AnswerReader(batch, batch.merchant).read_all(rows)
    people_lock(batch, told)
    wrong |= people_named(batch, told)
    wrong |= people_refused(batch, [one for one in told if one.row not in wrong])
    told = [one for one in told if one.row not in wrong]
    refuse_wrong(batch, wrong)
    counts = batch.counts
    counts["entries"] -= len(wrong)
    counts["created"] = counts.get("created", 0) + prospects_make(batch, told)
    _write(batch, told)
    return rows[-1][0]


def _write(batch: ImportBatch, told: Sequence[Told]) -> None:
    ids = sorted({one.customer_id for one in told if one.customer_id})
    # As consent_record does: who answers at this moment waits, or is waited for.
    list(Customer.objects.select_for_update(of=("self",)).filter(pk__in=ids).order_by("pk").values_list("pk"))
    ledger = Ledger(batch, ids)
    fresh = [(one, at) for one in told if (at := ledger.place(one)) is not None]
    first = reserve_ids(Consent, len(fresh))
    source = source_of(batch)
    copy_rows(
        Consent,
        COLUMNS,
        (
            (
                *(first + place, batch.merchant_id, one.customer_id, one.channel, one.purpose, one.granted),
                *(source, one.wording, one.proof, at),
            )
            for place, (one, at) in enumerate(fresh)
        ),
    )
    _announce(batch, [(first + place, one) for place, (one, _at) in enumerate(fresh)], ledger)
    for customer_id in {one.customer_id for one, _at in fresh if one.purpose == Purpose.PROFILING}:
        assert customer_id is not None
        profiling_settle(customer_id=customer_id)


def _announce(batch: ImportBatch, fresh: Sequence[tuple[int, Told]], ledger: Ledger) -> None:
    """What stops somebody's mails or profile is heard by all; the rest is history."""
    heard: list[Draft] = []
    quiet: list[Draft] = []
    for pk, one in fresh:
        kind = events.CONSENT_GRANTED if one.granted else events.CONSENT_WITHDRAWN
        data = {"channel": one.channel, "purpose": one.purpose, "source": source_of(batch)}
        draft = Draft(kind, one.customer_id, "customers.consent", pk, data, occurred_at=one.answered_at)
        changes = ledger.turned.get(one.topic) == one.row
        stops = not one.granted or one.purpose == Purpose.PROFILING
        (heard if changes and stops else quiet).append(draft)
    emit_many(heard, merchant=batch.merchant)
    emit_many(quiet, merchant=batch.merchant, backfill=True)


class Ledger:
    """What stands in the ledger of these people. `turned` is topic → the row of the file whose answer turned
    what holds."""

    def __init__(self, batch: ImportBatch, ids: Sequence[int]) -> None:
        self.counts = batch.counts
        self.now = timezone.now()
        self.newest: dict[Topic, Held] = {}
        self.known: set[tuple[Any, ...]] = set()
        self.turned: dict[Topic, int] = {}
        rows = Consent.objects.filter(customer_id__in=ids).order_by("recorded_at", "pk")
        for entry in rows.iterator(chunk_size=5_000):
            topic = (entry.customer_id, entry.channel, entry.purpose)
            self.newest[topic] = (entry.recorded_at, entry.granted)
            self.known.add((*topic, entry.granted, _second(entry.recorded_at)))

    def place(self, one: Told) -> datetime | None:
        """When the answer counts from; None for one that is not written: it stands here already, or it says
        nothing of when and somebody's withdrawal is here."""
        held = self.newest.get(one.topic)
        at = one.answered_at or self.now
        mark = (*one.topic, one.granted, _second(at))
        outcome = self._outcome(one, held, mark, at)
        self.counts[outcome] = self.counts.get(outcome, 0) + 1
        if outcome not in ("answers", "older"):
            return None
        self.known.add(mark)
        if outcome == "answers":
            self.newest[one.topic] = (at, one.granted)
            if held is None or held[1] is not one.granted:
                self.turned[one.topic] = one.row
        return at

    def _outcome(self, one: Told, held: Held | None, mark: tuple[Any, ...], at: datetime) -> str:
        if one.answered_at is None and held is not None:
            if held[1] is one.granted:
                return "unchanged"
            if not held[1]:
                return "withdrawn_here"
        if mark in self.known:
            return "unchanged"
        return "answers" if held is None or at >= held[0] else "older"


def _second(at: datetime) -> int:
    """Files tell seconds."""
    return int(at.timestamp())
