"""Which order a cancellation undoes.

The rule: the newest order of the same buyer in the same channel and currency, placed before the
cancellation, that has every one of its products at no lower a price and in enough quantity, earlier refunds
taken off. A cancellation without such an order, or without a buyer, stands alone. Nothing is split over two
orders: a refund belongs to one."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from crm.imports.models import ImportBatch
from crm.imports.sql import fetch
from orders.importing.sorting import item_key
from orders.importing.tables import LINE, ORDER, REFUND_LINE, names

# Orders looked at for one cancellation, newest first. More only matters to a buyer who ordered the very same
# things in the same quantity twenty times and returned them all.
CANDIDATES = 20


@dataclass
class Wanted:
    """A row of a cancellation: so many of a product at that price. `parts` is what it was found to undo."""

    product_id: int | None
    sku: str
    title: str
    quantity: int
    unit_price: Decimal
    parts: list[tuple[int, int]] = field(default_factory=list)  # (order line, how many of it)


@dataclass
class Cancellation:
    doc_no: int
    ref: str
    customer_id: int | None
    at: datetime
    currency: str
    rate: Decimal | None
    amount: Decimal
    wanted: list[Wanted] = field(default_factory=list)
    order_id: int | None = None


@dataclass
class _Line:
    line_id: int
    left: int
    unit_price: Decimal


def match(batch: ImportBatch, channel_id: int, cancellations: list[Cancellation]) -> None:
    """Sets `order_id` and `parts` where the order is found. Two queries; the cancellations come oldest
    first."""
    candidates = _candidates(batch, channel_id, [each.doc_no for each in cancellations if each.customer_id])
    lines = _lines(batch, {order_id for orders in candidates.values() for order_id in orders})
    for cancellation in cancellations:
        for order_id in candidates.get(cancellation.doc_no, ()):
            if _take(cancellation, lines[order_id]):
                cancellation.order_id = order_id
                break


def _candidates(batch: ImportBatch, channel_id: int, doc_nos: list[int]) -> dict[int, list[int]]:
    """Document → orders that could hold it, newest first, without regard to what was refunded of them."""
    if not doc_nos:
        return {}
    rows = fetch(
        f"""
        WITH wanted AS (
            SELECT d.doc_no, d.customer_id, d.placed_at, coalesce(d.currency, %(currency)s) AS currency,
                   i.product_id, r.unit_price, -sum(r.quantity) AS quantity
            FROM {{docs}} d JOIN {{rows}} r ON r.order_ref = d.order_ref AND NOT r.duplicate
            LEFT JOIN {{items}} i ON i.item_key = {item_key("r")}
            WHERE d.doc_no = ANY(%(docs)s) GROUP BY 1, 2, 3, 4, 5, 6
        ), needed AS (
            SELECT doc_no, count(*) AS rows, bool_and(quantity > 0 AND product_id IS NOT NULL) AS whole
            FROM wanted GROUP BY 1
        ), held AS (
            SELECT w.doc_no, o.id AS order_id, o.placed_at, w.product_id, w.unit_price, w.quantity,
                   sum(l.quantity) AS ordered
            FROM wanted w JOIN needed n ON n.doc_no = w.doc_no AND n.whole
            JOIN {ORDER} o ON o.merchant_id = %(merchant)s AND o.customer_id = w.customer_id
                 AND o.channel_id = %(channel)s AND o.placed_at < w.placed_at AND o.currency = w.currency
                 AND o.cancelled_at IS NULL
            JOIN {LINE} l ON l.merchant_id = %(merchant)s AND l.order_id = o.id AND l.product_id =
                w.product_id
                 AND l.unit_price >= w.unit_price
            GROUP BY 1, 2, 3, 4, 5, 6
        ), fitting AS (
            SELECT h.doc_no, h.order_id, row_number() OVER (
                       PARTITION BY h.doc_no ORDER BY h.placed_at DESC, h.order_id DESC) AS nth
            FROM held h JOIN needed n ON n.doc_no = h.doc_no WHERE h.ordered >= h.quantity
            GROUP BY h.doc_no, h.order_id, h.placed_at, n.rows HAVING count(*) = n.rows
        )
        SELECT doc_no, order_id FROM fitting WHERE nth <= {CANDIDATES} ORDER BY doc_no, nth
        """.format(**names(batch)),
        {
            "docs": doc_nos,
            "merchant": batch.merchant_id,
            "channel": channel_id,
            "currency": batch.options["currency"],
        },
    )
    found: dict[int, list[int]] = defaultdict(list)
    for doc_no, order_id in rows:
        found[doc_no].append(order_id)
    return found


def _lines(batch: ImportBatch, order_ids: set[int]) -> dict[int, dict[int, list[_Line]]]:
    """order → product → its lines with the quantity that was not refunded yet."""
    rows: list[tuple[Any, ...]] = []
    if order_ids:
        rows = fetch(
            f"""
            SELECT l.order_id, l.product_id, l.id, l.unit_price, l.quantity - coalesce((
                       SELECT sum(r.quantity) FROM {REFUND_LINE} r
                       JOIN orders_refund f ON f.merchant_id = r.merchant_id AND f.id = r.refund_id
                       WHERE f.merchant_id = l.merchant_id AND f.order_id = l.order_id AND r.order_line_id =
                           l.id
                   ), 0)
            FROM {LINE} l WHERE l.merchant_id = %s AND l.order_id = ANY(%s) AND l.product_id IS NOT NULL
            ORDER BY l.order_id, l.unit_price, l.id
            """,
            [batch.merchant_id, list(order_ids)],
        )
    orders: dict[int, dict[int, list[_Line]]] = defaultdict(lambda: defaultdict(list))
    for order_id, product_id, line_id, unit_price, left in rows:
        orders[order_id][product_id].append(_Line(line_id, int(left), unit_price))
    return orders


def _take(cancellation: Cancellation, lines: dict[int, list[_Line]]) -> bool:
    """Takes every wanted piece off the order's lines; leaves them untouched when one is missing."""
    taken: list[tuple[_Line, int]] = []
    parts: list[list[tuple[int, int]]] = []
    for wanted in cancellation.wanted:
        missing, mine = wanted.quantity, []
        for line in lines.get(wanted.product_id or 0, ()):
            pieces = min(missing, line.left) if line.unit_price >= wanted.unit_price else 0
            if pieces > 0:
                line.left -= pieces
                missing -= pieces
                taken.append((line, pieces))
                mine.append((line.line_id, pieces))
        parts.append(mine)
        if missing:
            for line, pieces in taken:
                line.left += pieces
            return False
    for wanted, mine in zip(cancellation.wanted, parts, strict=True):
        wanted.parts = mine
    return True
