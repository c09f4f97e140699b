"""The order columns of customers.Metrics, for one customer, some, or all; written only where they changed."""

from __future__ import annotations

from collections.abc import Sequence

from django.db import connection

# Sales count unless cancelled; refunds count, stand-alone ones too, unless their order was cancelled.
# Money in the merchant's base currency; orders without a rate count but weigh nothing until they have one.
SQL = """
    WITH wanted AS (
        SELECT id FROM customers_customer WHERE merchant_id = %(merchant)s::bigint {some}
    ), sold AS MATERIALIZED (
        SELECT o.customer_id, count(*) AS orders_count, coalesce(sum(o.base_total), 0) AS gross,
               min(o.placed_at) AS first_order_at, max(o.placed_at) AS last_order_at
        FROM orders_order o
        WHERE o.merchant_id = %(merchant)s::bigint AND o.customer_id IS NOT NULL AND o.cancelled_at IS NULL
              {some_orders}
        GROUP BY o.customer_id
    ), back AS MATERIALIZED (
        SELECT r.customer_id, coalesce(sum(r.base_amount), 0) AS refunded
        FROM orders_refund r
        LEFT JOIN orders_order o ON o.merchant_id = r.merchant_id AND o.id = r.order_id
        WHERE r.merchant_id = %(merchant)s::bigint AND r.customer_id IS NOT NULL AND o.cancelled_at IS NULL
              {some_refunds}
        GROUP BY r.customer_id
    ), fresh AS (
        SELECT w.id, coalesce(s.orders_count, 0) AS orders_count, coalesce(s.gross, 0) AS gross,
               coalesce(b.refunded, 0) AS refunded, coalesce(s.gross, 0) - coalesce(b.refunded, 0) AS net,
               s.first_order_at, s.last_order_at
        FROM wanted w LEFT JOIN sold s ON s.customer_id = w.id LEFT JOIN back b ON b.customer_id = w.id
    ), staged AS (
        UPDATE customers_customer c SET stage = CASE WHEN f.orders_count > 1 THEN 'repeat' ELSE 'customer' END
        FROM fresh f
        WHERE c.id = f.id AND c.merchant_id = %(merchant)s::bigint
              AND (f.orders_count = 1 AND c.stage = 'lead'
                   OR f.orders_count > 1 AND c.stage IN ('lead', 'customer'))
    )
    UPDATE customers_metrics m
    SET orders_count = f.orders_count, gross = f.gross, refunded = f.refunded, net = f.net,
        first_order_at = f.first_order_at, last_order_at = f.last_order_at
    FROM fresh f
    WHERE m.customer_id = f.id AND m.merchant_id = %(merchant)s::bigint
          AND (m.orders_count, m.gross, m.refunded, m.net, m.first_order_at, m.last_order_at)
              IS DISTINCT FROM
              (f.orders_count, f.gross, f.refunded, f.net, f.first_order_at, f.last_order_at)
"""


def refresh(*, merchant_id: int, customer_ids: Sequence[int] | None = None) -> int:
    """Recomputes the columns for these customers, or for all of the merchant; rows that changed."""
    some = customer_ids is not None
    sql = SQL.format(
        some="AND id = ANY(%(ids)s)" if some else "",
        some_orders="AND o.customer_id = ANY(%(ids)s)" if some else "",
        some_refunds="AND r.customer_id = ANY(%(ids)s)" if some else "",
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, {"merchant": merchant_id, "ids": list(customer_ids or [])})
        return int(cursor.rowcount)


def stages_lower(*, merchant_id: int, customer_ids: Sequence[int]) -> int:
    """Takes the stage back that only orders gave which are gone; how many customers it took it from.

    Call it after `refresh`. A cancelled order still counts as one that was placed: only an undo calls this.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE customers_customer c
            SET stage = CASE WHEN m.orders_count = 0 THEN 'lead' ELSE 'customer' END
            FROM customers_metrics m
            WHERE m.customer_id = c.id AND m.merchant_id = c.merchant_id
                  AND c.merchant_id = %s AND c.id = ANY(%s)
                  AND (m.orders_count = 0 AND c.stage IN ('customer', 'repeat')
                       OR m.orders_count = 1 AND c.stage = 'repeat')
            """,
            [merchant_id, list(customer_ids)],
        )
        return int(cursor.rowcount)
