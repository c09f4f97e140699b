"""Expressions over a document `d` that several statements share."""

from __future__ import annotations

from functools import cache

from orders.importing.fields import FULFILMENT_WORDS, PAYMENT_WORDS
from orders.models import Order

# Microseconds of the file's "changed at"; 0 where it has none, which is older than any channel's own word.
FILE_VERSION = "coalesce((extract(epoch FROM d.updated_at) * 1000000)::bigint, 0)"


@cache
def _case(words: tuple[tuple[str, tuple[str, ...]], ...], column: str, otherwise: str) -> str:
    """SQL that turns a shop's word for a state into ours."""
    cases = []
    for state, spoken in words:
        quoted = ", ".join(f"'{word}'" for word in spoken)
        cases.append(f"WHEN lower({column}) IN ({quoted}) THEN '{state}'")
    return f"CASE {' '.join(cases)} ELSE '{otherwise}' END"


def payment_sql() -> str:
    """A file of finished sales rarely says that they were paid: without a status they were."""
    return _case(tuple(PAYMENT_WORDS.items()), "d.payment", Order.Payment.PAID)


def fulfilment_sql() -> str:
    return _case(tuple(FULFILMENT_WORDS.items()), "d.fulfilment", Order.Fulfilment.DELIVERED)


def total_sql() -> str:
    """The order's total: as told, else from its parts."""
    extras = "coalesce(d.shipping, 0) + coalesce(d.tax, 0)"
    return f"coalesce(d.total, d.lines_total - coalesce(d.discount, 0) + {extras})"
