"""What makes a demo shop worth looking at: words of customers, answers of staff, things sent."""

from __future__ import annotations

from datetime import datetime

from crm.accounts.models import Membership, Merchant


def tell(*, merchant: Merchant, members: list[Membership], now: datetime) -> None:
    """Reviews, tickets, segments and campaigns of the demo shop, through the services that people use."""
