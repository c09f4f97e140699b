"""Orders and their lines, a thousand at a time: new ones set-based, changed ones through `order_upsert`."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.utils import timezone

from crm.accounts.models import Merchant
from crm.events.emitting import Draft, emit_many
from crm.imports.models import ImportBatch
from crm.imports.sql import execute, fetch, fetch_one
from crm.lib.money import in_base_sql
from customers.models import Customer
from orders import events
from orders.announcing import plain
from orders.importing.changing import change_orders
from orders.importing.rates import rates_sql
from orders.importing.sorting import item_key
from orders.importing.tables import LINE, ORDER, channel_of, names
from orders.importing.words import FILE_VERSION, fulfilment_sql, payment_sql, total_sql
from orders.models import Order, SalesChannel

CHUNK_ORDERS = 1_000


def document_count(batch: ImportBatch) -> int:
    """How far the document cursor goes: documents are numbered from 1 without gaps."""
    return int(fetch_one("SELECT coalesce(max(doc_no), 0) FROM {docs}".format(**names(batch)))[0])


def orders_chunk(batch: ImportBatch, cursor: int) -> int | None:
    """Writes the next orders with their lines and events; the number of the last document seen."""
    sql = names(batch)
    (last,) = fetch_one(
        """
        SELECT max(doc_no) FROM (
            SELECT doc_no FROM {docs} WHERE doc_no > %s AND kind = 'order' AND problem IS NULL
            ORDER BY doc_no LIMIT %s
        ) next
        """.format(**sql),
        [cursor, CHUNK_ORDERS],
    )
    if last is None:
        return None
    channel = channel_of(batch)
    assert channel is not None
    values = {"first": cursor, "last": last, "merchant": batch.merchant_id, "channel": channel.pk}
    _lock(batch, values)
    _link(batch, values)
    created = _insert(batch, channel, values)
    _insert_lines(batch, values)
    change_orders(batch, channel, values)
    _announce(batch.merchant, channel, created)
    return int(last)


def _lock(batch: ImportBatch, values: dict[str, Any]) -> None:
    """The locks of `order_upsert`, in one order: a webhook that tells of the same order waits or goes
    first."""
    execute(
        """
        SELECT pg_advisory_xact_lock(hashtextextended(name, 0)) FROM (
            SELECT 'order:' || %(merchant)s || ':' || %(channel)s || ':' || order_ref AS name FROM {docs}
            WHERE doc_no > %(first)s AND doc_no <= %(last)s AND kind = 'order' AND problem IS NULL ORDER BY 1
        ) locks
        """.format(**names(batch)),
        values,
    )


def _link(batch: ImportBatch, values: dict[str, Any]) -> None:
    """Marks the documents whose order is stored already."""
    execute(
        f"""
        UPDATE {{docs}} d SET order_id = o.id, outcome = 'known' FROM {ORDER} o
        WHERE d.doc_no > %(first)s AND d.doc_no <= %(last)s AND d.kind = 'order' AND d.problem IS NULL
              AND o.merchant_id = %(merchant)s AND o.channel_id = %(channel)s AND o.external_id = d.order_ref
        """.format(**names(batch)),
        values,
    )


def _insert(batch: ImportBatch, channel: SalesChannel, values: dict[str, Any]) -> list[tuple[Any, ...]]:
    """(id, customer, number, total, currency, placed, paid, cancelled) of the orders that are new."""
    sql = names(batch)
    paid = f"{payment_sql()} IN ('paid', 'partly', 'refunded')"
    created = fetch(
        f"""
        WITH fresh AS (
            SELECT d.*, {payment_sql()} AS payment_state, {fulfilment_sql()} AS fulfilment_state,
                   round({total_sql()}, 4) AS order_total, coalesce(d.currency, %(currency)s) AS
                       order_currency,
                   {rates_sql("d")} AS rate, {FILE_VERSION} AS file_version, CASE WHEN {paid} THEN
                       coalesce(d.paid_at, d.placed_at) END AS paid_on
            FROM {{docs}} d
            WHERE d.doc_no > %(first)s AND d.doc_no <= %(last)s AND d.kind = 'order' AND d.problem IS NULL
                  AND d.order_id IS NULL
        )
        INSERT INTO {ORDER} (merchant_id, channel_id, external_id, number, customer_id, member_id,
            contact_name, email, phone,
            payment, fulfilment, currency, subtotal, discount, shipping, tax, total, refunded, rate,
                base_total,
            base_refunded, coupons, tags, shipping_address, country, note, placed_at, paid_at, cancelled_at,
            version, import_batch_id, created_at, updated_at)
        SELECT %(merchant)s, %(channel)s, order_ref, left(order_ref, 60), customer_id,
            left(coalesce(customer_ref, ''), 100), coalesce(customer_name, ''),
            coalesce(email, ''), coalesce(phone, ''), payment_state, fulfilment_state, order_currency,
            round(lines_total, 4), coalesce(discount, 0), coalesce(shipping, 0), coalesce(tax, 0),
                order_total, 0,
            rate, {in_base_sql("order_total", "rate")},
            CASE WHEN rate IS NOT NULL THEN 0 END, '{{{{}}}}', '{{{{}}}}', '{{{{}}}}', coalesce(country, ''),
            coalesce(note, ''), placed_at, paid_on, cancelled_at,
            file_version, %(batch)s, now(), now()
        FROM fresh ORDER BY doc_no
        RETURNING id, customer_id, number, total, currency, placed_at, paid_at, cancelled_at, external_id
        """.format(**sql),
        values | {"batch": batch.pk, "currency": batch.options["currency"]},
    )
    _leave_erased(created)
    execute(
        """
        UPDATE {docs} d SET order_id = made.id, outcome = 'created'
        FROM unnest(%s::bigint[], %s::text[]) AS made(id, ref) WHERE d.order_ref = made.ref
        """.format(**sql),
        [[row[0] for row in created], [row[8] for row in created]],
    )
    return created


def _leave_erased(created: list[tuple[Any, ...]]) -> None:
    """The sums of an erased person's orders come into the books, the person does not."""
    buyers = {row[1] for row in created if row[1]}
    erased = list(
        Customer.objects.filter(pk__in=buyers, erased_at__isnull=False).values_list("pk", flat=True)
    )
    if erased:
        Order.objects.filter(pk__in=[row[0] for row in created], customer_id__in=erased).update(
            contact_name="", email="", phone="", member_id="", note="", contact_erased_at=timezone.now()
        )


def _insert_lines(batch: ImportBatch, values: dict[str, Any]) -> None:
    if "quantity" not in batch.mapping:
        return
    execute(
        f"""
        INSERT INTO {LINE} (merchant_id, order_id, external_id, product_id, variant_id, customer_id, sku,
            title,
                            quantity, unit_price, discount, total, placed_at)
        SELECT %(merchant)s, d.order_id, '', i.product_id, i.variant_id, d.customer_id, coalesce(r.sku, ''),
               coalesce(r.title, ''), r.quantity, r.unit_price, coalesce(r.line_discount, 0),
               r.quantity * r.unit_price - coalesce(r.line_discount, 0), d.placed_at
        FROM {{docs}} d JOIN {{rows}} r ON r.order_ref = d.order_ref AND NOT r.duplicate
        LEFT JOIN {{items}} i ON i.item_key = {item_key("r")}
        WHERE d.doc_no > %(first)s AND d.doc_no <= %(last)s AND d.outcome = 'created' AND r.quantity IS NOT
            NULL
        ORDER BY d.doc_no, r.row
        """.format(**names(batch)),
        values,
    )


def _announce(merchant: Merchant, channel: SalesChannel, created: list[tuple[Any, ...]]) -> None:
    """Placed, paid and cancelled, as `orders.announcing` would say it, marked as history."""
    drafts = []
    for order_id, customer_id, number, total, currency, placed_at, paid_at, cancelled_at, _ref in created:
        data = {
            "number": number,
            "order_id": order_id,
            "channel_id": channel.pk,
            "total": plain(Decimal(total), currency),
            "currency": currency,
        }
        moments = (
            (events.ORDER_PLACED, placed_at),
            (events.ORDER_PAID, paid_at),
            (events.ORDER_CANCELLED, cancelled_at),
        )
        drafts += [
            Draft(kind, customer_id, "orders.order", order_id, data, str(order_id), at)
            for kind, at in moments
            if at is not None
        ]
    emit_many(drafts, merchant=merchant, backfill=True)
