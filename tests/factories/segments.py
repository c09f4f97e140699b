"""Segments, saved through the service."""

from __future__ import annotations

from itertools import count
from typing import Any

from crm.accounts.models import Merchant
from crm.lib.tenancy import merchant_scope
from marketing.models import Segment
from marketing.segments.services import segment_save

_numbers = count(1)
# The segment of the story: "bought at least 2 times in 90 days and no open ticket".
LOYAL = {
    "rules": [{"if": "orders.times", "times": 2, "days": 90}, {"if": "service.open_ticket", "has": "not"}]
}


def make_segment(merchant: Merchant, definition: dict[str, Any] | None = None, name: str = "") -> Segment:
    """Saved, not yet built."""
    with merchant_scope(merchant):
        return segment_save(
            merchant=merchant, name=name or f"Segment {next(_numbers)}", definition=definition or LOYAL
        )
