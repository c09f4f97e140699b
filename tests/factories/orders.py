"""Sales channels, products, orders with their lines, parcels, refunds, returns."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from itertools import count
from typing import Any

from django.utils import timezone

from crm.accounts.models import Merchant
from crm.accounts.numbering import next_number
from crm.lib.tenancy import merchant_scope
from customers.models import Customer
from orders.models import (
    Order,
    OrderLine,
    Payment,
    Product,
    Refund,
    Return,
    ReturnLine,
    SalesChannel,
    Shipment,
    Variant,
)

_numbers = count(1)
# (product or title, quantity, unit price)
Line = tuple[Product | str, int, str | Decimal]


def make_channel(merchant: Merchant, slug: str = "shop", **fields: Any) -> SalesChannel:
    """The merchant's channel of that slug, made when missing."""
    fields.setdefault("name", slug.title())
    with merchant_scope(merchant):
        return SalesChannel.objects.get_or_create(merchant=merchant, slug=slug, defaults=fields)[0]


def make_product(merchant: Merchant, title: str = "", *, price: str = "10", **fields: Any) -> Product:
    """A product with one variant."""
    number = next(_numbers)
    fields.setdefault("channel", make_channel(merchant))
    fields.setdefault("external_id", f"p{number}")
    fields.setdefault("currency", merchant.base_currency)
    with merchant_scope(merchant):
        product = Product.objects.create(
            merchant=merchant, title=title or f"Product {number}", price=Decimal(price), **fields
        )
        Variant.objects.create(
            merchant=merchant,
            product=product,
            external_id=f"v{number}",
            sku=f"SKU-{number}",
            price=Decimal(price),
        )
    return product


def make_order(
    merchant: Merchant,
    customer: Customer | None = None,
    *,
    lines: Sequence[Line] = (("Teapot", 1, "100"),),
    paid: bool = True,
    placed_at: datetime | None = None,
    **fields: Any,
) -> Order:
    """An order of one line, paid at once, at the merchant's currency. Writes rows only: nothing is announced
    and no metrics move; `order_upsert` is the door for that."""
    number = next(_numbers)
    placed_at = placed_at or timezone.now()
    total = sum((Decimal(price) * quantity for _what, quantity, price in lines), Decimal(0))
    fields = {
        "channel": fields.pop("channel", None) or make_channel(merchant),
        "external_id": f"o{number}",
        "number": f"T-{number}",
        "currency": merchant.base_currency,
        "subtotal": total,
        "total": total,
        "email": customer.email if customer else "",
        "contact_name": customer.name if customer else "",
        "payment": Order.Payment.PAID if paid else Order.Payment.PENDING,
        "paid_at": placed_at if paid else None,
    } | fields
    if fields["currency"] == merchant.base_currency:
        fields = {"rate": Decimal(1), "base_total": fields["total"]} | fields
    with merchant_scope(merchant):
        order: Order = Order.objects.create(
            merchant=merchant, customer=customer, placed_at=placed_at, **fields
        )
        for position, (what, quantity, price) in enumerate(lines, start=1):
            _make_line(order, position, what, quantity, Decimal(price))
        if paid:
            Payment.objects.create(
                merchant=merchant,
                order=order,
                external_id="1",
                method="card",
                amount=order.total,
                currency=order.currency,
                paid_at=placed_at,
            )
    return order


def _make_line(order: Order, position: int, what: Product | str, quantity: int, price: Decimal) -> OrderLine:
    product = what if isinstance(what, Product) else None
    return OrderLine.objects.create(
        merchant_id=order.merchant_id,
        order=order,
        external_id=str(position),
        product=product,
        customer=order.customer,
        title=product.title if product else str(what),
        quantity=quantity,
        unit_price=price,
        total=price * quantity,
        placed_at=order.placed_at,
    )


def make_shipment(order: Order, **fields: Any) -> Shipment:
    """A parcel on its way."""
    number = next(_numbers)
    fields = {
        "external_id": f"s{number}",
        "carrier": "SF Express",
        "tracking_number": f"SF{number:010d}",
        "state": Shipment.State.IN_TRANSIT,
        "shipped_at": timezone.now(),
    } | fields
    with merchant_scope(order.merchant_id):
        return Shipment.objects.create(merchant_id=order.merchant_id, order=order, **fields)


def make_refund(order: Order, amount: str = "10", **fields: Any) -> Refund:
    """A refund row of the order; the order's own sums are left as they are."""
    fields = {
        "external_id": f"r{next(_numbers)}",
        "refunded_at": timezone.now(),
        "currency": order.currency,
    } | fields
    with merchant_scope(order.merchant_id):
        return Refund.objects.create(
            merchant_id=order.merchant_id,
            channel=order.channel,
            order=order,
            customer=order.customer,
            amount=Decimal(amount),
            base_amount=Decimal(amount) * order.rate if order.rate else None,
            **fields,
        )


def make_return(order: Order, *, reason: str = Return.Reason.SIZE, **fields: Any) -> Return:
    """A requested return of one piece of the order's first line."""
    with merchant_scope(order.merchant_id):
        fields.setdefault("number", next_number(merchant_id=order.merchant_id, series="return"))
        rma = Return.objects.create(
            merchant_id=order.merchant_id, order=order, customer=order.customer, reason=reason, **fields
        )
        line = order.lines.order_by("id").first()
        if line is not None:
            ReturnLine.objects.create(merchant_id=order.merchant_id, rma=rma, order_line=line, quantity=1)
    return rma
