"""Cancellations become refunds, of the order that they undo or standing alone; told refunds join their
orders."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.utils import timezone
from psycopg2.extras import execute_values

from crm.accounts.models import Merchant
from crm.events.emitting import Draft, emit_many
from crm.imports.models import Change, ImportBatch
from crm.imports.sql import execute, fetch
from crm.lib.money import in_base, in_base_sql
from orders import events
from orders.announcing import plain
from orders.importing.matching import Cancellation, Wanted, match
from orders.importing.rates import rates_sql
from orders.importing.sorting import item_key
from orders.importing.tables import ORDER, REFUND, REFUND_LINE, channel_of, names
from orders.models import Order, SalesChannel

CHUNK_REFUNDS = 500
CHANGE = Change._meta.db_table


def refunds_chunk(batch: ImportBatch, cursor: int) -> int | None:
    """Writes the next cancellations of a ledger as refunds; oldest first, so that each sees the earlier
    ones."""
    channel = channel_of(batch)
    assert channel is not None
    cancellations = _cancellations(batch, channel, cursor)
    if not cancellations:
        return None
    last = cancellations[-1].doc_no
    known = {
        ref
        for (ref,) in fetch(
            f"SELECT external_id FROM {REFUND} WHERE merchant_id = %s AND channel_id = %s AND "
            f"external_id = ANY(%s)",
            [batch.merchant_id, channel.pk, [each.ref for each in cancellations]],
        )
    }
    _set_outcome(batch, [each.doc_no for each in cancellations if each.ref in known], "same")
    fresh = [each for each in cancellations if each.ref not in known]
    _lock_orders_of(batch, fresh)
    match(batch, channel.pk, fresh)
    written = _insert(batch, channel, fresh)
    settle(batch, {each.order_id for each in fresh if each.order_id})
    _set_outcome(batch, [each.doc_no for each in fresh], "created")
    _announce(batch.merchant, channel, fresh, written)
    return last


def _cancellations(batch: ImportBatch, channel: SalesChannel, cursor: int) -> list[Cancellation]:
    rows = fetch(
        f"""
        WITH next AS (
            SELECT d.doc_no, d.order_ref, d.customer_id, d.placed_at, d.lines_total,
                   coalesce(d.currency, %(currency)s) AS currency, {rates_sql("d")} AS rate
            FROM {{docs}} d WHERE d.doc_no > %(cursor)s AND d.kind = 'refund' AND d.problem IS NULL
            ORDER BY d.doc_no LIMIT %(limit)s
        )
        SELECT n.doc_no, n.order_ref, n.customer_id, n.placed_at, n.currency, n.rate, n.lines_total,
               i.product_id, coalesce(r.sku, ''), coalesce(r.title, ''), -r.quantity, r.unit_price
        FROM next n LEFT JOIN {{rows}} r ON r.order_ref = n.order_ref AND NOT r.duplicate
        LEFT JOIN {{items}} i ON i.item_key = {item_key("r")} ORDER BY n.doc_no, r.row
        """.format(**names(batch)),
        {
            "merchant": batch.merchant_id,
            "currency": batch.options["currency"],
            "cursor": cursor,
            "limit": CHUNK_REFUNDS,
        },
    )
    found: dict[int, Cancellation] = {}
    for doc_no, ref, customer_id, at, currency, rate, total, *wanted in rows:
        cancellation = found.get(doc_no)
        if cancellation is None:
            cancellation = found[doc_no] = Cancellation(doc_no, ref, customer_id, at, currency, rate, -total)
        cancellation.wanted.append(Wanted(*wanted))
    return list(found.values())


def _lock_orders_of(batch: ImportBatch, cancellations: list[Cancellation]) -> None:
    """Two imports must not give the same order's goods back twice: the buyers' orders are locked, in id
    order."""
    buyers = sorted({each.customer_id for each in cancellations if each.customer_id})
    fetch(
        f"SELECT id FROM {ORDER} WHERE merchant_id = %s AND customer_id = ANY(%s) ORDER BY id FOR "
        f"NO KEY UPDATE",
        [batch.merchant_id, buyers],
    )


def _insert(batch: ImportBatch, channel: SalesChannel, fresh: list[Cancellation]) -> dict[str, int]:
    """Cancellation number → refund id."""
    if not fresh:
        return {}
    now = timezone.now()
    rows = [
        (batch.merchant_id, channel.pk, each.ref, each.order_id, each.customer_id, each.amount, each.currency,
         in_base(each.amount, each.rate), "", each.at, batch.pk, now)
        for each in fresh
    ]  # fmt: skip
    with connection.cursor() as cursor:
        made = execute_values(
            cursor.cursor,
            f"""INSERT INTO {REFUND} (merchant_id, channel_id, external_id, order_id, customer_id, amount,
                currency,
                                      base_amount, reason, refunded_at, import_batch_id, created_at)
                VALUES %s RETURNING external_id, id""",
            rows,
            page_size=1_000,
            fetch=True,
        )
        written = dict(made)
        execute_values(
            cursor.cursor,
            f"""INSERT INTO {REFUND_LINE} (merchant_id, refund_id, order_line_id, product_id, sku, title,
                quantity,
                                           amount) VALUES %s""",
            [line for each in fresh for line in _lines(batch.merchant_id, written[each.ref], each)],
            page_size=1_000,
        )
    return written


def _lines(merchant_id: int, refund_id: int, cancellation: Cancellation) -> list[tuple[Any, ...]]:
    """One row per order line that is undone; one per row of the file where it stands alone."""
    rows: list[tuple[Any, ...]] = []
    for wanted in cancellation.wanted:
        parts: list[tuple[int | None, int]] = [*wanted.parts] or [(None, wanted.quantity)]
        for line_id, quantity in parts:
            amount = quantity * wanted.unit_price
            rows.append(
                (
                    merchant_id,
                    refund_id,
                    line_id,
                    wanted.product_id,
                    wanted.sku,
                    wanted.title,
                    quantity,
                    amount,
                )
            )
    return rows


def settle(batch: ImportBatch, order_ids: set[int]) -> None:
    """Brings the orders' refunded sums and payment state in line with their refunds.

    `updated_at` stays on orders that the batch itself made, and the stamp of those that it changed follows:
    for its undo nobody else has touched them.
    """
    execute(
        f"""
        UPDATE {ORDER} o SET
            refunded = s.refunded, base_refunded = {in_base_sql("s.refunded", "o.rate")},
            payment = CASE WHEN s.refunded <= 0 THEN
                               CASE WHEN o.payment IN ('partly', 'refunded') THEN 'paid' ELSE o.payment END
                           WHEN s.refunded >= o.total THEN 'refunded' ELSE 'partly' END,
            updated_at = CASE WHEN o.import_batch_id = %(batch)s THEN o.updated_at ELSE now() END
        FROM (
            SELECT w.id, coalesce(sum(r.amount), 0) AS refunded
            FROM unnest(%(orders)s::bigint[]) AS w(id)
            LEFT JOIN {REFUND} r ON r.merchant_id = %(merchant)s AND r.order_id = w.id GROUP BY w.id
        ) s
        WHERE o.merchant_id = %(merchant)s AND o.id = s.id
        """,
        {"merchant": batch.merchant_id, "orders": sorted(order_ids), "batch": batch.pk},
    )
    execute(
        f"""
        UPDATE {CHANGE} c SET stamp = o.updated_at FROM {ORDER} o
        WHERE c.merchant_id = %s AND c.batch_id = %s AND c.model = 'orders.order' AND c.object_id = ANY(%s)
              AND o.id = c.object_id
        """,
        [batch.merchant_id, batch.pk, sorted(order_ids)],
    )


def _set_outcome(batch: ImportBatch, doc_nos: list[int], outcome: str) -> None:
    execute(
        "UPDATE {docs} SET outcome = %s WHERE doc_no = ANY(%s)".format(**names(batch)),
        [outcome, doc_nos],
    )


def _announce(
    merchant: Merchant, channel: SalesChannel, fresh: list[Cancellation], written: dict[str, int]
) -> None:
    """A refund of an order as `orders.announcing` says it; one that stands alone under its own number."""
    numbers = dict(
        Order.objects.filter(pk__in=[e.order_id for e in fresh if e.order_id]).values_list("pk", "number")
    )
    drafts = []
    for each in fresh:
        refund_id = written[each.ref]
        data = {
            "number": numbers.get(each.order_id or 0, each.ref),
            "order_id": each.order_id,
            "channel_id": channel.pk,
            "currency": each.currency,
            "refund_id": refund_id,
            "amount": plain(each.amount, each.currency),
        }
        subject = ("orders.order", each.order_id) if each.order_id else ("orders.refund", refund_id)
        drafts.append(Draft(events.ORDER_REFUNDED, each.customer_id, *subject, data, str(refund_id), each.at))
    emit_many(drafts, merchant=merchant, backfill=True)


# ------------------------------------------------------------------------------ refunds told as a sum of
# the order
def told_refunds_chunk(batch: ImportBatch, cursor: int) -> int | None:
    """For exports with a "refunded" column: one refund of that sum for each order that this batch made."""
    channel = channel_of(batch)
    assert channel is not None
    rows = fetch(
        f"""
        SELECT d.doc_no, d.order_ref, d.order_id, o.customer_id, o.currency, o.rate, coalesce(d.paid_at,
            d.placed_at),
               d.refunded
        FROM {{docs}} d JOIN {ORDER} o ON o.merchant_id = %s AND o.id = d.order_id
        WHERE d.doc_no > %s AND d.outcome = 'created' AND d.kind = 'order' AND d.refunded > 0
        ORDER BY d.doc_no LIMIT %s
        """.format(**names(batch)),
        [batch.merchant_id, cursor, CHUNK_REFUNDS],
    )
    if not rows:
        return None
    told = [
        Cancellation(doc, f"{ref}:refunded:{amount}", customer, at, currency, rate, amount, [], order_id)
        for doc, ref, order_id, customer, currency, rate, at, amount in rows
    ]
    taken = {
        ref
        for (ref,) in fetch(
            f"SELECT external_id FROM {REFUND} WHERE merchant_id = %s AND channel_id = %s AND "
            f"external_id = ANY(%s)",
            [batch.merchant_id, channel.pk, [each.ref for each in told]],
        )
    }
    fresh = [each for each in told if each.ref not in taken]
    written = _insert(batch, channel, fresh)
    settle(batch, {each.order_id for each in fresh if each.order_id})
    _announce(batch.merchant, channel, fresh, written)
    return int(rows[-1][0])
