"""Orders that the file tells anew: told apart from unchanged ones in bulk, then handed to `order_upsert`."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Model

from crm.imports.models import Change, ImportBatch
from crm.imports.sql import execute, fetch
from customers.identities import Contact
from orders.drafts import LineDraft, OrderDraft, RefundDraft
from orders.importing.tables import LINE, ORDER, names
from orders.importing.words import FILE_VERSION, fulfilment_sql, payment_sql, total_sql
from orders.models import Order, OrderLine, SalesChannel
from orders.upsert import FIELDS, Outcome, order_upsert

LINE_SNAPSHOT = (
    *(
        "external_id",
        "product_id",
        "variant_id",
        "sku",
        "title",
        "quantity",
        "unit_price",
        "discount",
        "total",
    ),
    *("customer_id", "placed_at"),
)


def change_orders(batch: ImportBatch, channel: SalesChannel, values: dict[str, Any]) -> None:
    """Sets each known document's outcome: same, stale (a newer version is stored), or changed and written."""
    _classify(batch, values)
    for draft in _drafts(batch, values):
        order = Order.objects.get(channel=channel, external_id=draft.external_id)
        before = snapshot(order)
        result = order_upsert(
            merchant=batch.merchant, channel=channel, draft=draft, source=channel.slug, backfill=True
        )
        if result.outcome is Outcome.UPDATED:
            changed = Order.objects.get(pk=order.pk)
            Change.objects.get_or_create(
                merchant_id=batch.merchant_id,
                batch=batch,
                model="orders.order",
                object_id=order.pk,
                defaults={"before": before, "stamp": changed.updated_at},
            )


def snapshot(order: Order) -> dict[str, Any]:
    """The order and its lines as JSON, enough to put them back."""
    row = {name: getattr(order, name) for name in (*FIELDS, "version", "rate", "base_total")}
    lines = [
        {"id": line.pk} | {name: getattr(line, name) for name in LINE_SNAPSHOT}
        for line in order.lines.order_by("id")
    ]
    result: dict[str, Any] = json.loads(json.dumps({"order": row, "lines": lines}, cls=DjangoJSONEncoder))
    return result


def _classify(batch: ImportBatch, values: dict[str, Any]) -> None:
    mapped = set(batch.mapping)
    differs = [
        f"o.total <> round({total_sql()}, 4)",
        "o.currency <> coalesce(d.currency, %(currency)s)",
        "o.placed_at <> d.placed_at",
        "o.customer_id IS NULL AND d.customer_id IS NOT NULL",
    ]
    if "payment" in mapped:
        differs.append(f"o.refunded = 0 AND o.payment <> {payment_sql()}")
    if "fulfilment" in mapped:
        differs.append(f"o.fulfilment <> {fulfilment_sql()}")
    if "cancelled_at" in mapped:
        differs.append("o.cancelled_at IS NULL AND d.cancelled_at IS NOT NULL")
    if "refunded" in mapped:
        differs.append("coalesce(d.refunded, 0) > o.refunded")
    if "quantity" in mapped:
        differs.append("l.contents IS DISTINCT FROM f.contents")
    either = " OR ".join(f"({condition})" for condition in differs)
    execute(
        f"""
        WITH known AS (
            SELECT * FROM {{docs}} WHERE doc_no > %(first)s AND doc_no <= %(last)s AND outcome = 'known'
        ), stored AS MATERIALIZED (  -- inlined, it could be computed anew for every order
            SELECT x.order_id, {_contents("x.sku", "x.quantity", "x.unit_price", "x.discount")} AS contents
            FROM {LINE} x JOIN known k ON k.order_id = x.order_id WHERE x.merchant_id = %(merchant)s
            GROUP BY 1
        ), told AS MATERIALIZED (
            SELECT r.order_ref, {_contents("r.sku", "r.quantity", "r.unit_price", "r.line_discount")}
                   AS contents
            FROM {{rows}} r JOIN known k ON k.order_ref = r.order_ref
            WHERE NOT r.duplicate AND r.quantity IS NOT NULL GROUP BY 1
        )
        UPDATE {{docs}} t SET outcome = CASE WHEN o.version > {FILE_VERSION} THEN 'stale'
                                             WHEN {either} THEN 'changed' ELSE 'same' END
        FROM known d
        JOIN {ORDER} o ON o.merchant_id = %(merchant)s AND o.id = d.order_id
        LEFT JOIN stored l ON l.order_id = d.order_id LEFT JOIN told f ON f.order_ref = d.order_ref
        WHERE t.doc_no = d.doc_no
        """.format(**names(batch)),
        values | {"currency": batch.options["currency"]},
    )


def _contents(sku: str, quantity: str, price: str, discount: str) -> str:
    """A fingerprint of an order's lines, whatever their order."""
    off = f"coalesce({discount}, 0)::numeric(19,4)"
    line = f"coalesce({sku}, '') || '|' || {quantity} || '|' || {price} || '|' || {off}"
    return f"md5(string_agg({line}, ',' ORDER BY {line}))"


def _drafts(batch: ImportBatch, values: dict[str, Any]) -> list[OrderDraft]:
    sql = names(batch)
    docs = fetch(
        f"""
        SELECT d.order_ref, d.placed_at, coalesce(d.currency, %(currency)s), round({total_sql()}, 4),
               d.customer_name, d.email, d.phone, d.customer_ref, {payment_sql()}, {fulfilment_sql()},
               d.lines_total, coalesce(d.discount, 0), coalesce(d.shipping, 0), coalesce(d.tax, 0),
               coalesce(d.country, ''), coalesce(d.note, ''), d.paid_at, d.cancelled_at, {FILE_VERSION},
               coalesce(d.refunded, 0) - o.refunded, d.refunded
        FROM {{docs}} d JOIN {ORDER} o ON o.merchant_id = %(merchant)s AND o.id = d.order_id
        WHERE d.doc_no > %(first)s AND d.doc_no <= %(last)s AND d.outcome = 'changed' ORDER BY d.order_ref
        """.format(**sql),
        values | {"currency": batch.options["currency"]},
    )
    lines = _lines(batch, [doc[0] for doc in docs]) if docs else {}
    return [_draft(doc, lines, int(values["channel"]), "quantity" in batch.mapping) for doc in docs]


def _lines(batch: ImportBatch, refs: list[str]) -> dict[str, list[LineDraft]]:
    rows = fetch(
        """
        SELECT order_ref, sku, title, quantity, unit_price, coalesce(line_discount, 0), category FROM {rows}
        WHERE order_ref = ANY(%s) AND NOT duplicate AND quantity IS NOT NULL ORDER BY row
        """.format(**names(batch)),
        [refs],
    )
    lines: dict[str, list[LineDraft]] = {}
    for ref, sku, title, quantity, price, discount, category in rows:
        # Without a SKU the title names the product, as in orders/importing/catalogue.py.
        product = sku or (title or "")[:100]
        lines.setdefault(ref, []).append(
            LineDraft(
                quantity=quantity,
                unit_price=price,
                title=title or "",
                sku=sku or "",
                product_external_id=product,
                category=category or "",
                discount=discount,
            )
        )
    return lines


def _draft(
    doc: tuple[Any, ...], lines: dict[str, list[LineDraft]], channel_id: int, has_lines: bool
) -> OrderDraft:
    (ref, placed_at, currency, total, name, email, phone, member, payment, fulfilment, subtotal) = doc[:11]
    (discount, shipping, tax, country, note, paid_at, cancelled_at, version, refund, refunded) = doc[11:]
    refunds: tuple[RefundDraft, ...] = ()
    if refund is not None and refund > 0:
        refunds = (RefundDraft(f"{ref}:refunded:{refunded}", refund, _refund_moment(placed_at, paid_at)),)
    return OrderDraft(
        external_id=ref,
        placed_at=placed_at,
        currency=currency,
        total=Decimal(total),
        number=ref[:60],
        contact=Contact(
            name=name or "",
            email=email or "",
            phone=phone or "",
            member_id=member or "",
            channel_id=channel_id,
        ),
        lines=tuple(lines.get(ref, ())) if has_lines else None,
        refunds=refunds,
        payment=payment,
        fulfilment=fulfilment,
        subtotal=subtotal,
        discount=discount,
        shipping=shipping,
        tax=tax,
        country=country,
        note=note,
        paid_at=paid_at,
        cancelled_at=cancelled_at,
        version=version,
    )


def _refund_moment(placed_at: datetime, paid_at: datetime | None) -> datetime:
    """Such files tell how much went back, not when; the sale's own moment keeps it in the right period."""
    return paid_at or placed_at


def restore(order: Order, before: dict[str, Any]) -> None:
    """Puts the order and its lines back as `snapshot` saw them; the lines keep their rows where they can."""
    fields = {name: _from_json(Order, name, value) for name, value in before["order"].items()}
    Order.objects.filter(pk=order.pk).update(**fields)
    wanted = {line["id"]: line for line in before["lines"]}
    for line in order.lines.all():
        facts = wanted.pop(line.pk, None)
        if facts is None:
            line.delete()
            continue
        _fill_line(line, facts)
        line.save()
    for facts in wanted.values():
        line = OrderLine(merchant_id=order.merchant_id, order=order)
        _fill_line(line, facts)
        line.save()


def _fill_line(line: OrderLine, facts: dict[str, Any]) -> None:
    for name in LINE_SNAPSHOT:
        setattr(line, name, _from_json(OrderLine, name, facts[name]))


def _from_json(model: type[Model], name: str, value: Any) -> Any:
    """Decimals and instants are text in JSON; ids are what they are."""
    if name.endswith("_id"):
        return value
    field: Any = model._meta.get_field(name)
    return field.to_python(value)
