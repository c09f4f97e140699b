"""WooCommerce's orders, refunds, customers and products in our words (REST API v3)."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal

from django.utils.translation import gettext as _

from crm.integrations.stores.normalised import (
    Ignored,
    Item,
    NormalisedContact,
    NormalisedCustomer,
    NormalisedLine,
    NormalisedOrder,
    NormalisedPayment,
    NormalisedProduct,
    NormalisedRefund,
)
from crm.integrations.stores.reading import (
    JSON,
    full_name,
    instant,
    key,
    money,
    needed,
    part,
    parts,
    text,
    version,
    whole,
    wrong,
)

PAID = frozenset({"processing", "completed"})
DROPPED = frozenset({"cancelled", "failed", "trash"})
# A basket at the checkout: WooCommerce stores it as an order before anybody has ordered.
NOT_ORDERED = frozenset({"checkout-draft", "auto-draft"})
ORDER_IN_LINK = re.compile(r"/orders/(\d+)/?$")


def order(data: JSON) -> Item:
    external_id, status = key(data, "id"), text(data, "status")
    if not external_id:
        raise wrong("id", data.get("id"))
    if status in NOT_ORDERED:
        return Ignored(_("A basket at the checkout, not ordered yet."))
    changed_at = instant(data, "date_modified_gmt", "date_created_gmt")
    paid_at = instant(data, "date_paid_gmt")
    placed_at = needed(instant(data, "date_created_gmt"), "date_created_gmt")
    address = part(data, "shipping") if any(part(data, "shipping").values()) else part(data, "billing")
    refunds = tuple(
        _order_refund(one, external_id, changed_at or placed_at) for one in parts(data, "refunds")
    )
    return NormalisedOrder(
        external_id=external_id,
        number=text(data, "number", 60) or external_id,
        placed_at=placed_at,
        version=version(changed_at),
        currency=text(data, "currency", 3),
        total=money(data, "total"),
        payment=_payment(status, paid_at),
        fulfilment="shipped" if status == "completed" else "open",
        contact=_buyer(data),
        lines=tuple(_line(one) for one in parts(data, "line_items")),
        payments=_payments(data, external_id, paid_at),
        refunds=tuple(one for one in refunds if one.amount > 0),
        subtotal=sum((money(one, "subtotal") for one in parts(data, "line_items")), Decimal(0)),
        discount=money(data, "discount_total"),
        shipping=money(data, "shipping_total"),
        tax=money(data, "total_tax"),
        coupons=tuple(filter(None, (text(one, "code", 60) for one in parts(data, "coupon_lines")))),
        address=_address(address),
        country=text(address, "country", 2),
        note=text(data, "customer_note", 5_000),
        paid_at=paid_at,
        cancelled_at=changed_at if status in DROPPED else None,
    )


def _payment(status: str, paid_at: datetime | None) -> str:
    if status == "refunded":
        return "refunded"
    if status in DROPPED:
        return "voided"
    return "paid" if paid_at or status in PAID else "pending"


def _payments(data: JSON, order_id: str, paid_at: datetime | None) -> tuple[NormalisedPayment, ...]:
    if paid_at is None:
        return ()
    method = text(data, "payment_method_title", 60) or text(data, "payment_method", 60)
    external_id = text(data, "transaction_id", 100) or f"order-{order_id}"
    return (NormalisedPayment(external_id, money(data, "total"), paid_at, method),)


def _buyer(data: JSON) -> NormalisedContact:
    billing, shipping = part(data, "billing"), part(data, "shipping")
    return NormalisedContact(
        name=_name(billing) or _name(shipping),
        email=text(billing, "email", 320),
        phone=text(billing, "phone", 40) or text(shipping, "phone", 40),
        member_id=key(data, "customer_id"),
        country=text(billing, "country", 2) or text(shipping, "country", 2),
        region=text(billing, "state", 100),
        city=text(billing, "city", 100),
    )


def _name(data: JSON) -> str:
    return full_name(text(data, "first_name", 100), text(data, "last_name", 100))


def _address(data: JSON) -> dict[str, str]:
    names = {
        "line1": "address_1",
        "line2": "address_2",
        "city": "city",
        "company": "company",
        "province": "state",
        "postal_code": "postcode",
        "country": "country",
        "phone": "phone",
    }
    found = {"name": _name(data)} | {ours: text(data, theirs) for ours, theirs in names.items()}
    return {name: value for name, value in found.items() if value}


def _line(data: JSON) -> NormalisedLine:
    quantity, before, after = whole(data, "quantity"), money(data, "subtotal"), money(data, "total")
    price = (before / quantity).quantize(Decimal("0.0001")) if quantity else money(data, "price")
    return NormalisedLine(
        external_id=key(data, "id"),
        quantity=quantity,
        unit_price=price,
        title=text(data, "name"),
        sku=text(data, "sku", 100),
        product_id=key(data, "product_id"),
        variant_id=key(data, "variation_id"),
        discount=max(before - after, Decimal(0)),
        total=after,
    )


def _order_refund(data: JSON, order_id: str, at: datetime) -> NormalisedRefund:
    """An order tells of its refunds the id, reason and negative total; the moment is the order's change."""
    amount = abs(money(data, "total"))
    return NormalisedRefund(key(data, "id"), order_id, amount, at, text(data, "reason", 200))


def refund(data: JSON) -> Item:
    """A refund by itself says which order it belongs to only in its links."""
    up = next(parts(part(data, "_links"), "up"), {})
    found = ORDER_IN_LINK.search(text(up, "href", 500))
    order_id = found[1] if found else key(data, "parent_id")
    if not order_id or not key(data, "id"):
        raise wrong("_links.up", up)
    amount = abs(money(data, "amount") or money(data, "total"))
    if amount <= 0:
        return Ignored(_("This refund moved no money."))
    lines = tuple(
        (_refunded_item(one), abs(whole(one, "quantity")), abs(money(one, "total") + money(one, "total_tax")))
        for one in parts(data, "line_items")
    )
    refunded_at = needed(instant(data, "date_created_gmt"), "date_created_gmt")
    return NormalisedRefund(key(data, "id"), order_id, amount, refunded_at, text(data, "reason", 200), lines)


def _refunded_item(data: JSON) -> str:
    """The id of the order's line, which WooCommerce hides among the refund line's metadata."""
    for one in parts(data, "meta_data"):
        if text(one, "key") == "_refunded_item_id":
            return key(one, "value")
    return ""


def customer(data: JSON) -> Item:
    external_id = key(data, "id")
    if not external_id:
        raise wrong("id", data.get("id"))
    billing = part(data, "billing")
    contact = NormalisedContact(
        name=_name(data) or _name(billing),
        email=text(data, "email", 320) or text(billing, "email", 320),
        phone=text(billing, "phone", 40),
        member_id=external_id,
        country=text(billing, "country", 2),
        region=text(billing, "state", 100),
        city=text(billing, "city", 100),
    )
    return NormalisedCustomer(external_id, contact)


def product(data: JSON) -> Item:
    external_id = key(data, "id")
    if not external_id:
        raise wrong("id", data.get("id"))
    categories = [text(one, "name", 120) for one in parts(data, "categories")]
    images = [text(one, "src", 500) for one in parts(data, "images")]
    return NormalisedProduct(
        external_id=external_id,
        title=text(data, "name"),
        category=categories[0] if categories else "",
        url=text(data, "permalink", 500),
        image_url=images[0] if images else "",
        price=money(data, "price"),
        is_active=text(data, "status") in {"", "publish"},
    )
