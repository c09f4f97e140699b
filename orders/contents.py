"""What is inside an order: lines kept in place, payments, refunds and parcels merged by their own ids."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from django.db.models import Sum

from crm.lib.money import in_base, stored
from orders.drafts import LineDraft, PaymentDraft, RefundDraft, ShipmentDraft
from orders.models import Order, OrderLine, Payment, Product, Refund, RefundLine, Shipment, Variant

LINE_FIELDS = ("product_id", "variant_id", "sku", "title", "quantity", "unit_price", "discount", "total")
# A parcel's story only moves forward, whatever order its news arrive in.
SHIPMENT_RANK = {"preparing": 0, "transit": 1, "exception": 2, "out": 3, "returned": 4, "delivered": 5}


def lines_replace(order: Order, drafts: Iterable[LineDraft]) -> bool:
    """The order's lines as the drafts say; True when anything differs.

    A line is recognised by its external id, else by its place, and keeps its row: returns and reviews
    hang on it."""
    stored = list(order.lines.order_by("id"))
    by_external = {line.external_id: line for line in stored if line.external_id}
    kept: set[int] = set()
    changed = False
    for position, draft in enumerate(drafts):
        found = by_external.get(draft.external_id) if draft.external_id else None
        if found is None and not draft.external_id and position < len(stored):
            found = stored[position] if not stored[position].external_id else None
        line = found or OrderLine(merchant_id=order.merchant_id, order=order, external_id=draft.external_id)
        changed |= _line_apply(order, line, draft)
        kept.add(line.pk)
    surplus = [line.pk for line in stored if line.pk not in kept]
    if surplus:
        OrderLine.objects.filter(pk__in=surplus).delete()
    return changed or bool(surplus)


def _line_apply(order: Order, line: OrderLine, draft: LineDraft) -> bool:
    before = [getattr(line, name) for name in LINE_FIELDS]
    variant = _variant(order, draft)
    line.product_id = variant.product_id if variant else None
    line.variant_id = variant.pk if variant else None
    line.sku, line.title = draft.sku[:100], draft.title[:300]
    line.quantity, line.unit_price, line.discount = draft.quantity, draft.unit_price, draft.discount
    line.total = draft.amount
    moved = (line.customer_id, line.placed_at) != (order.customer_id, order.placed_at)
    line.customer_id, line.placed_at = order.customer_id, order.placed_at
    changed = before != [getattr(line, name) for name in LINE_FIELDS]
    if changed or moved or line.pk is None:
        line.save()
    return changed


def _variant(order: Order, draft: LineDraft) -> Variant | None:
    """The variant the line sells, made when unknown; None when the line names neither product nor SKU."""
    product_key = draft.product_external_id or draft.sku
    if not product_key:
        return None
    product, _new = Product.objects.get_or_create(
        merchant_id=order.merchant_id,
        channel_id=order.channel_id,
        external_id=product_key[:100],
        defaults={
            "title": draft.title[:300],
            "category": draft.category[:120],
            "price": draft.unit_price,
            "currency": order.currency,
        },
    )
    variant, _new = Variant.objects.get_or_create(
        merchant_id=order.merchant_id,
        product=product,
        external_id=(draft.variant_external_id or draft.sku)[:100],
        defaults={"sku": draft.sku[:100], "title": draft.variant_title[:200], "price": draft.unit_price},
    )
    return variant


def payments_merge(order: Order, drafts: Iterable[PaymentDraft]) -> bool:
    new = False
    for draft in drafts:
        _row, created = Payment.objects.get_or_create(
            merchant_id=order.merchant_id,
            order=order,
            external_id=draft.external_id,
            defaults={
                "amount": draft.amount,
                "currency": order.currency,
                "method": draft.method[:60],
                "paid_at": draft.paid_at,
            },
        )
        new |= created
    return new


def refunds_merge(order: Order, drafts: Iterable[RefundDraft]) -> bool:
    """Stores unknown refunds and brings the order's sums and payment state in line. True when one was new."""
    new = False
    for draft in drafts:
        refund, created = Refund.objects.get_or_create(
            merchant_id=order.merchant_id,
            channel_id=order.channel_id,
            external_id=draft.external_id,
            defaults={
                "order": order,
                "customer_id": order.customer_id,
                "amount": draft.amount,
                "currency": order.currency,
                "base_amount": in_base(stored(draft.amount), order.rate),
                "reason": "" if order.contact_erased_at else draft.reason[:200],
                "refunded_at": draft.refunded_at,
            },
        )
        if created:
            _refund_lines(order, refund, draft)
        new |= created
    if new:
        refunds_settle(order)
    return new


def _refund_lines(order: Order, refund: Refund, draft: RefundDraft) -> None:
    lines = {line.external_id: line for line in order.lines.all() if line.external_id}
    for external_id, quantity, amount in draft.lines:
        line = lines.get(external_id)
        RefundLine.objects.create(
            merchant_id=order.merchant_id,
            refund=refund,
            order_line=line,
            product_id=line.product_id if line else None,
            sku=line.sku if line else "",
            title=line.title if line else "",
            quantity=quantity,
            amount=amount,
        )


def refunds_settle(order: Order) -> None:
    """Sets the order's refunded sums and payment state from its refunds (one query, one update)."""
    total: Decimal = order.refunds.aggregate(total=Sum("amount"))["total"] or Decimal(0)
    order.refunded = total
    order.base_refunded = in_base(total, order.rate)
    if total > 0:
        everything = total >= order.total
        order.payment = Order.Payment.REFUNDED if everything else Order.Payment.PARTLY_REFUNDED
    order.save(update_fields=["refunded", "base_refunded", "payment", "updated_at"])


def shipments_merge(order: Order, drafts: Iterable[ShipmentDraft]) -> bool:
    """Adds parcels and moves known ones forward, never back. True when anything was news."""
    news = False
    for draft in drafts:
        if order.contact_erased_at is not None:  # a parcel's number leads to its address
            draft = replace(draft, tracking_number="", tracking_url="")
        shipment, created = Shipment.objects.get_or_create(
            merchant_id=order.merchant_id,
            order=order,
            external_id=draft.external_id,
            defaults=_shipment_facts(draft) | {"state": draft.state},
        )
        news |= created or _shipment_advance(shipment, draft)
    if news:
        fulfilment_settle(order)
    return news


def _shipment_facts(draft: ShipmentDraft) -> dict[str, Any]:
    return {
        "carrier": draft.carrier[:60],
        "tracking_number": draft.tracking_number[:100],
        "tracking_url": draft.tracking_url[:500],
        "shipped_at": draft.shipped_at,
        "delivered_at": draft.delivered_at,
        "promised_on": draft.promised_on,
    }


def _shipment_advance(shipment: Shipment, draft: ShipmentDraft) -> bool:
    news = {
        name: value
        for name, value in _shipment_facts(draft).items()
        if value and getattr(shipment, name) != value
    }
    if SHIPMENT_RANK[draft.state] > SHIPMENT_RANK[shipment.state]:
        news["state"] = draft.state
    for name, value in news.items():
        setattr(shipment, name, value)
    if news:
        shipment.save(update_fields=[*news, "updated_at"])
    return bool(news)


def fulfilment_settle(order: Order) -> None:
    """Delivered when every parcel is, shipped when one is under way; a channel's own word stands
    otherwise."""
    states = set(order.shipments.values_list("state", flat=True))
    if states and states <= {"delivered"} and order.fulfilment != Order.Fulfilment.PARTIAL:
        order.fulfilment = Order.Fulfilment.DELIVERED
    elif states - {"preparing"} and order.fulfilment == Order.Fulfilment.OPEN:
        order.fulfilment = Order.Fulfilment.SHIPPED
    else:
        return
    order.save(update_fields=["fulfilment", "updated_at"])
