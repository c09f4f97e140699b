"""Orders of a demo shop with what hangs on them, by COPY, chunk by chunk."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any

import numpy as np
from django.db import transaction

from crm.accounts.models import Merchant
from crm.demo import order_rows
from crm.demo.order_rows import MOST_LINES, Draws, Keys, Maker, Rows, Times
from crm.demo.parallel import chunks_of, side_by_side, unchecked
from crm.demo.people import Crowd
from crm.demo.resting import resting
from crm.demo.shelves import Shelf
from crm.events.models import Event
from crm.lib.copying import copy_lines, reserve_ids
from orders.models import Order, OrderLine, Payment, Refund, RefundLine, Shipment, ShipmentEvent

CHUNK = 20_000
DAYS = 540
BIG = [Order, OrderLine, Payment, Shipment, ShipmentEvent, Event]


def order_times(count: int, now: datetime, seed: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Seconds before `now` of each order, oldest first: growing, fuller at weekends and at 11.11."""
    rng = np.random.default_rng(abs(hash_of(seed)))
    days = np.arange(DAYS)
    weight = 0.45 + 0.55 * (1 - days / DAYS)
    dates = [now - timedelta(days=int(day)) for day in days]
    weight *= np.array([1.3 if date.weekday() >= 5 else 1.0 for date in dates])
    weight *= np.array(
        [4.0 if (date.month, date.day) in {(11, 11), (6, 18), (12, 12)} else 1.0 for date in dates]
    )
    chosen = rng.choice(days, size=count, p=weight / weight.sum())
    hours = np.clip(rng.normal(15, 4.5, size=count), 0, 23.99)
    seconds: np.ndarray[Any, np.dtype[np.float64]] = chosen * 86_400.0 + hours * 3_600
    seconds.sort()
    return seconds[::-1]


def hash_of(seed: str) -> int:
    """The same number for the same words in every process."""
    return int.from_bytes(seed.encode()[-8:], "big")


def sales_write(
    *, merchant: Merchant, crowd: Crowd, shelves: Sequence[Shelf], count: int, seed: str, now: datetime
) -> Iterator[int]:
    """Writes the orders, each chunk in its own transaction; yields the number written so far."""
    before = order_times(count, now, seed)
    # Few buy much, most buy little: the number of orders a customer has falls like a log-normal.
    rng = np.random.default_rng(abs(hash_of(seed)) + 1)
    taste = rng.lognormal(0, 1.1, size=max(crowd.count, 1))
    buyers = rng.choice(max(crowd.count, 1), size=count, p=taste / taste.sum())
    with transaction.atomic():
        keys = Keys(
            orders=reserve_ids(Order, count),
            lines=reserve_ids(OrderLine, count * MOST_LINES),
            shipments=reserve_ids(Shipment, count),
            refunds=reserve_ids(Refund, count),
        )

    def write(chunk: tuple[int, int]) -> int:
        start, stop = chunk
        moments = now.timestamp() * 1e6 - before[start:stop] * 1e6
        draws = Draws(
            np.random.default_rng([abs(hash_of(seed)), start]),
            Times(moments),
            int(now.timestamp() * 1e6),
            len(shelves[0].products),
        )
        maker = Maker(
            merchant=merchant, crowd=crowd, shelves=shelves, draws=draws, keys=keys.after(start), now=now
        )
        for at in range(stop - start):
            maker.add(at, start + at, int(buyers[start + at]))
        with unchecked():
            _copy(maker.rows)
        return stop - start

    with resting(BIG, rows=count):
        yield from accumulate(side_by_side(write, chunks_of(count, CHUNK)))


def _copy(rows: Rows) -> None:
    copy_lines(Order, order_rows.ORDER, rows.orders)
    copy_lines(OrderLine, order_rows.LINE, rows.lines)
    copy_lines(Payment, order_rows.PAYMENT, rows.payments)
    copy_lines(Shipment, order_rows.SHIPMENT, rows.shipments)
    copy_lines(ShipmentEvent, order_rows.SCAN, rows.scans)
    copy_lines(Refund, order_rows.REFUND, rows.refunds)
    copy_lines(RefundLine, order_rows.REFUND_LINE, rows.refund_lines)
    copy_lines(Event, order_rows.EVENT, rows.events)
