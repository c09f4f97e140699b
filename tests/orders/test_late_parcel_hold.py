"""A late parcel holds promotions back from the day on which its shop calls it late, not London's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from crm.accounts.models import Merchant
from customers.care import holds_on
from tests.factories.customers import make_customer
from tests.factories.orders import make_order


def zone_with_another_day(now: datetime) -> tuple[str, int]:
    """A time zone where it is not the day that it is in London, and how many days on it is there."""
    return ("Pacific/Kiritimati", 1) if now.hour >= 10 else ("Etc/GMT+12", -1)


@pytest.mark.parametrize("name, after_the_shops_day, held", [("yesterday", -1, True), ("today", 0, False)])
def test_a_parcel_is_late_by_the_shops_day(
    scoped: Merchant, name: str, after_the_shops_day: int, held: bool
) -> None:
    now = datetime.now(UTC)
    scoped.time_zone, shift = zone_with_another_day(now)
    scoped.save()
    customer = make_customer(scoped)
    promised = now.date() + timedelta(days=shift + after_the_shops_day)
    make_order(scoped, customer, promised_on=promised)
    assert [hold.code for hold in holds_on(customer.pk)] == (["late_parcel"] if held else [])
