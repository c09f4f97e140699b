"""Writing what was found: the keys of customers, the pairs to offer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from psycopg2.extras import execute_values

from crm.lib.tenancy import scoped_merchant_id
from customers.duplicates.banding import CERTAIN, band_of, could_be_one, strong_agreements
from customers.duplicates.blocking import keys_of
from customers.duplicates.comparing import Agreement, compare
from customers.duplicates.persons import Person
from customers.duplicates.weighing import Weights, prior_weights, probability
from customers.models import DuplicatePair, MatchKeys, MatchWeights

PAGE = 1_000


@dataclass(frozen=True)
class Offer:
    """A pair worth a look, the lower id first."""

    low: int
    high: int
    score: float
    probability: float
    band: str
    evidence: list[dict[str, Any]]


def offer_of(weights: Weights, one: Person, other: Person) -> Offer | None:
    """The pair as it is offered, or None when it isn't worth a look."""
    if not could_be_one(one, other):
        return None
    agreement = compare(one, other)
    bits = weights.bits(weights.pattern(agreement, one))
    score = weights.score(bits)
    band = band_of(probability(score), agreement)
    if not band:
        return None
    low, high = sorted((one.id, other.id))
    return Offer(low, high, score, probability(score), band, _evidence(agreement, bits))


def _evidence(agreement: Agreement, bits: dict[str, float]) -> list[dict[str, Any]]:
    lines = [{"field": name, "level": agreement[name], "bits": round(bits[name], 2)} for name in agreement]
    return sorted(lines, key=lambda line: -abs(float(str(line["bits"]))))


def agreement_of(evidence: Iterable[dict[str, Any]]) -> Agreement:
    return {line["field"]: line["level"] for line in evidence}


def weights_now(customers: int = 0) -> Weights:
    """Those of the last night, or what is believed of a shop of that size. One query."""
    row = MatchWeights.objects.first()
    return Weights.from_json(row.weights) if row else prior_weights(customers)


def keys_write(people: Iterable[Person]) -> None:
    """Only rows that changed are written."""
    rows = [(scoped_merchant_id(), person.id, keys_of(person)) for person in people]
    table = MatchKeys._meta.db_table
    sql = f"""
        INSERT INTO {table} (merchant_id, customer_id, keys) VALUES %s
        ON CONFLICT (customer_id) DO UPDATE SET keys = excluded.keys
        WHERE {table}.keys IS DISTINCT FROM excluded.keys
    """
    with connection.cursor() as cursor:
        execute_values(cursor.cursor, sql, rows, template="(%s, %s, %s::bigint[])", page_size=PAGE)


def offers_write(offers: Sequence[Offer], *, now: datetime) -> int:
    """Adds and refreshes open pairs; how many rows. Decided ones stay decided, but for a refused pair to
    which strong evidence came that was not there when it was refused: that is offered again."""
    merchant_id = scoped_merchant_id()
    _reopen(offers)
    rows = [
        (
            *(merchant_id, one.low, one.high, one.score, one.probability, one.band),
            *(json.dumps(one.evidence), "open", now, now),
        )
        for one in sorted(offers, key=lambda one: (one.low, one.high))  # one order: no deadlock
    ]
    table = DuplicatePair._meta.db_table
    sql = f"""
        INSERT INTO {table} AS known (merchant_id, low_id, high_id, score, probability, band, evidence, state,
                                      offered_at, compared_at)
        VALUES %s
        ON CONFLICT (merchant_id, low_id, high_id) DO UPDATE
        SET score = excluded.score, probability = excluded.probability, band = excluded.band,
            evidence = excluded.evidence, compared_at = excluded.compared_at
        WHERE known.state = 'open'
    """
    template = "(%s, %s, %s, %s, %s, %s, %s::jsonb, %s, %s, %s)"
    with connection.cursor() as cursor:
        execute_values(cursor.cursor, sql, rows, template=template, page_size=PAGE)
    return len(rows)


def _reopen(offers: Sequence[Offer]) -> None:
    """Refused pairs whose strong evidence grew since are open again."""
    certain = {(one.low, one.high): one for one in offers if one.band == CERTAIN}
    if not certain:
        return
    refused = DuplicatePair.objects.select_for_update().filter(
        state=DuplicatePair.State.REFUSED, low_id__in={low for low, _high in certain}
    )
    for pair in refused.order_by("low_id", "high_id"):
        offer = certain.get((pair.low_id, pair.high_id))
        if offer is None:
            continue
        before = strong_agreements(agreement_of(pair.evidence))
        if strong_agreements(agreement_of(offer.evidence)) - before:
            pair.state, pair.decided_at, pair.decided_by = DuplicatePair.State.OPEN, None, None
            pair.save(update_fields=["state", "decided_at", "decided_by"])
