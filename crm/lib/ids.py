"""Ids of rows as they stand in addresses and forms."""

from __future__ import annotations

# One digit less than the greatest that a bigint column holds has.
MOST_DIGITS = 18


def row_id(text: str) -> int | None:
    """The id that the text names; None for other signs than 0–9, or more of them than a column holds."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS else None


def row_ids(texts: list[str]) -> list[int]:
    """Those of the texts that name an id, in their order."""
    return [one for one in map(row_id, texts) if one is not None]
