"""Scores after an erasure: an erased person has none, and gets none again (scoring leaves them out)."""

from __future__ import annotations

from crm.lib.privacy import Person, add_eraser, harmless
from marketing.insight.scoring import forget


def wipe(person: Person) -> int:
    return forget(customer_ids=sorted(person.customer_ids))


add_eraser("insight", wipe=wipe)
harmless(
    "insight.yardstick",
    *("recency_bounds", "frequency_bounds", "monetary_bounds"),
    why="figures of all buyers together",
)
