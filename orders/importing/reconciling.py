"""Does the database hold what the file says? Counted on both sides, to the penny."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from crm.imports.models import ImportBatch
from crm.imports.sql import fetch, fetch_one
from orders.importing.catalogue import new_products
from orders.importing.tables import CUSTOMER, LINE, ORDER, REFUND, channel_of, names
from orders.importing.words import total_sql

MONEY = ("gross", "refunded", "net")


def reconcile(batch: ImportBatch) -> dict[str, Any]:
    """The report of a finished batch: what each row of the file became, and both sides' totals.

    Amounts are strings with four places, in the file's own currency (with several currencies only the counts
    are compared). `equal` is true when every compared pair is. Reads the working tables: call before they go.
    """
    told, stored = _told(batch), _stored(batch)
    counts = batch.counts
    outcomes = dict(
        fetch(
            "SELECT outcome, count(*) FROM {docs} WHERE kind = 'order' AND problem IS NULL GROUP BY 1".format(
                **names(batch)
            )
        )
    )
    one_currency = fetch_one(
        "SELECT count(DISTINCT coalesce(currency, %s)) FROM {docs}".format(**names(batch)),
        [batch.options["currency"]],
    )[0]
    compared: tuple[str, ...] = ("orders", "guest_orders", "refunds", "order_lines")
    if one_currency <= 1:
        compared += MONEY
    pairs: list[dict[str, Any]] = [
        {"key": key, "file": str(told[key]), "stored": str(stored[key])} for key in compared
    ]
    for pair in pairs:
        key = pair["key"]
        pair |= {"equal": told[key] == stored[key], "is_money": key in MONEY}
    return {
        **_what_became_of_rows(batch),
        "orders": told["orders"],
        "created": outcomes.get("created", 0),
        "changed": outcomes.get("changed", 0),
        "same": outcomes.get("same", 0),
        "stale": outcomes.get("stale", 0),
        "guest_orders": told["guest_orders"],
        "refunds": told["refunds"],
        "refunds_matched": stored["refunds_matched"],
        "refunds_alone": stored["refunds"] - stored["refunds_matched"],
        "adjustments": counts["adjustments"],
        "stock": counts["stock"],
        "without_rate": stored["without_rate"],
        "customers": stored["customers"],
        "new_customers": stored["new_customers"],
        "new_products": new_products(batch),
        "gross": str(told["gross"]),
        "refunded": str(told["refunded"]),
        "adjusted": str(told["adjusted"]),
        "net": str(told["net"]),
        "currency": batch.options["currency"],
        "pairs": pairs,
        "equal": all(pair["equal"] for pair in pairs),
    }


def _what_became_of_rows(batch: ImportBatch) -> dict[str, Any]:
    """Every row of the file stands in exactly one of these: they add up to `lines`."""
    counts = batch.counts
    return {
        "lines": counts["lines"],
        "duplicate_lines": counts["duplicate_lines"],
        "order_lines": counts["orders_lines"],
        "refund_lines": counts["refunds_lines"],
        "adjustment_lines": counts["adjustments_lines"],
        "stock_lines": counts["stock_lines"],
        "refused_rows": counts.get("refused_rows", 0),
    }


def totals_told(batch: ImportBatch) -> dict[str, Decimal]:
    """gross, refunded, adjusted and net as the file has them; sums of quantity × price, nothing rounded."""
    gross, refunded, adjusted, told_refunds = fetch_one(
        f"""
        SELECT coalesce(sum(CASE WHEN kind = 'order' THEN {total_sql()} END), 0),
               coalesce(-sum(lines_total) FILTER (WHERE kind = 'refund'), 0),
               coalesce(sum(lines_total) FILTER (WHERE kind = 'adjustment'), 0),
               coalesce(sum(refunded) FILTER (WHERE kind = 'order'), 0)
        FROM {{docs}} d WHERE problem IS NULL
        """.format(**names(batch))
    )
    refunded += told_refunds
    return {"gross": gross, "refunded": refunded, "adjusted": adjusted, "net": gross - refunded + adjusted}


def _told(batch: ImportBatch) -> dict[str, Any]:
    orders, guests, refunds, lines = fetch_one(
        """
        SELECT count(*) FILTER (WHERE kind = 'order'),
               count(*) FILTER (WHERE kind = 'order' AND customer_id IS NULL),
               count(*) FILTER (WHERE kind = 'refund' OR refunded > 0),
               coalesce(sum(line_count) FILTER (WHERE kind = 'order'), 0)
        FROM {docs} WHERE problem IS NULL
        """.format(**names(batch))
    )
    return {
        "orders": orders,
        "guest_orders": guests,
        "refunds": refunds,
        "order_lines": int(lines),
    } | totals_told(batch)


def _stored(batch: ImportBatch) -> dict[str, Any]:
    """The same from the house's own tables, found by the file's numbers."""
    channel = channel_of(batch)
    values = {"merchant": batch.merchant_id, "channel": channel.pk if channel else None, "batch": batch.pk}
    sql = names(batch)
    orders, guests, gross, unrated = fetch_one(
        f"""
        SELECT count(*), count(*) FILTER (WHERE o.customer_id IS NULL), coalesce(sum(o.total), 0),
               count(*) FILTER (WHERE o.rate IS NULL)
        FROM {{docs}} d JOIN {ORDER} o ON o.merchant_id = %(merchant)s AND o.channel_id = %(channel)s
             AND o.external_id = d.order_ref
        WHERE d.kind = 'order' AND d.problem IS NULL
        """.format(**sql),
        values,
    )
    (lines, lines_total) = fetch_one(
        f"""
        SELECT count(*), coalesce(sum(l.total), 0) FROM {{docs}} d
        JOIN {LINE} l ON l.merchant_id = %(merchant)s AND l.order_id = d.order_id
        WHERE d.kind = 'order' AND d.problem IS NULL
        """.format(**sql),
        values,
    )
    refunds, matched, refunded = fetch_one(
        f"""
        SELECT count(*), count(r.order_id), coalesce(sum(r.amount), 0) FROM {REFUND} r
        WHERE r.merchant_id = %(merchant)s AND r.channel_id = %(channel)s AND (
            r.external_id IN (SELECT order_ref FROM {{docs}} WHERE kind = 'refund' AND problem IS NULL)
            OR r.order_id IN (SELECT order_id FROM {{docs}} WHERE kind = 'order' AND refunded > 0))
        """.format(**sql),
        values,
    )
    customers, new = fetch_one(
        f"""
        SELECT count(*), count(*) FILTER (WHERE c.import_batch_id = %(batch)s) FROM {CUSTOMER} c
        WHERE c.merchant_id = %(merchant)s AND c.id IN (SELECT customer_id FROM {{people}})
        """.format(**sql),
        values,
    )
    return {
        "orders": orders,
        "guest_orders": guests,
        "gross": gross,
        "without_rate": unrated,
        "order_lines": lines,
        "lines_total": lines_total,
        "refunds": refunds,
        "refunds_matched": matched,
        "refunded": refunded,
        "net": gross - refunded + totals_told(batch)["adjusted"],
        "customers": customers,
        "new_customers": new,
    }
