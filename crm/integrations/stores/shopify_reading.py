"""Shopify's orders, refunds, fulfilments, customers and products in our words (Admin REST API 2025-01)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _

from crm.integrations.stores.normalised import (
    Ignored,
    Item,
    NormalisedConsent,
    NormalisedContact,
    NormalisedCustomer,
    NormalisedLine,
    NormalisedOrder,
    NormalisedPayment,
    NormalisedProduct,
    NormalisedRefund,
    NormalisedShipment,
    NormalisedVariant,
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

PAYMENT = {
    "pending": "pending",
    "authorized": "pending",
    "partially_paid": "pending",
    "unpaid": "pending",
    "paid": "paid",
    "partially_refunded": "partly",
    "refunded": "refunded",
    "voided": "voided",
    "expired": "voided",
}
FULFILMENT = {"fulfilled": "shipped", "partial": "partial"}
PARCEL = {
    "label_printed": "preparing",
    "label_purchased": "preparing",
    "confirmed": "preparing",
    "in_transit": "transit",
    "ready_for_pickup": "out",
    "out_for_delivery": "out",
    "attempted_delivery": "exception",
    "failure": "exception",
    "delayed": "exception",
    "delivered": "delivered",
    "picked_up": "delivered",
}
# Fulfilments that never became a parcel.
NO_PARCEL = frozenset({"cancelled", "error", "failure"})


def order(data: JSON) -> Item:
    external_id = key(data, "id")
    if not external_id:
        raise wrong("id", data.get("id"))
    placed_at = needed(instant(data, "processed_at", "created_at"), "created_at")
    payment = PAYMENT.get(text(data, "financial_status"), "pending")
    refunds = [refund(one, external_id) for one in parts(data, "refunds")]
    shipments = [shipment(one, external_id) for one in parts(data, "fulfillments")]
    tags = [tag.strip()[:60] for tag in text(data, "tags", 5_000).split(",")]
    address = part(data, "shipping_address")
    return NormalisedOrder(
        external_id=external_id,
        number=text(data, "name", 60) or text(data, "order_number", 60) or external_id,
        placed_at=placed_at,
        version=version(instant(data, "updated_at", "created_at")),
        currency=text(data, "currency", 3),
        total=money(data, "total_price"),
        payment=payment,
        fulfilment=FULFILMENT.get(text(data, "fulfillment_status"), "open"),
        contact=_buyer(data),
        lines=tuple(_line(one) for one in parts(data, "line_items")),
        payments=tuple(_payments(data)),
        refunds=tuple(one for one in refunds if isinstance(one, NormalisedRefund)),
        shipments=tuple(one for one in shipments if isinstance(one, NormalisedShipment)),
        subtotal=money(data, "subtotal_price"),
        discount=money(data, "total_discounts"),
        shipping=sum((money(one, "price") for one in parts(data, "shipping_lines")), Decimal(0)),
        tax=money(data, "total_tax"),
        coupons=tuple(filter(None, (text(one, "code", 60) for one in parts(data, "discount_codes")))),
        tags=tuple(filter(None, [*tags, "test" if data.get("test") is True else ""])),
        address=_address(address),
        country=text(address, "country_code", 2),
        note=text(data, "note", 5_000),
        paid_at=placed_at if payment in {"paid", "partly", "refunded"} else None,
        cancelled_at=instant(data, "cancelled_at"),
    )


def _buyer(data: JSON) -> NormalisedContact:
    customer = part(data, "customer")
    shipping, billing = part(data, "shipping_address"), part(data, "billing_address")
    address = shipping or billing or part(customer, "default_address")
    named = _name(customer) or _name(billing) or _name(address)
    phones = (data, customer, address, billing)
    return NormalisedContact(
        name=named,
        email=text(data, "email", 320) or text(data, "contact_email", 320) or text(customer, "email", 320),
        phone=next(filter(None, (text(one, "phone", 40) for one in phones)), ""),
        member_id=key(customer, "id"),
        country=text(address, "country_code", 2),
        region=text(address, "province", 100),
        city=text(address, "city", 100),
        language=text(data, "customer_locale", 10),
    )


def _name(data: JSON) -> str:
    return full_name(text(data, "first_name", 100), text(data, "last_name", 100)) or text(data, "name", 200)


def _address(data: JSON) -> dict[str, str]:
    names = {
        "name": "name",
        "line1": "address1",
        "line2": "address2",
        "city": "city",
        "company": "company",
        "province": "province",
        "postal_code": "zip",
        "country": "country_code",
        "phone": "phone",
    }
    found = {ours: text(data, theirs) for ours, theirs in names.items()}
    return {name: value for name, value in found.items() if value}


def _line(data: JSON) -> NormalisedLine:
    quantity, price = whole(data, "quantity"), money(data, "price")
    allocated = sum((money(one, "amount") for one in parts(data, "discount_allocations")), Decimal(0))
    discount = allocated or money(data, "total_discount")
    return NormalisedLine(
        external_id=key(data, "id"),
        quantity=quantity,
        unit_price=price,
        title=text(data, "title") or text(data, "name"),
        sku=text(data, "sku", 100),
        product_id=key(data, "product_id"),
        variant_id=key(data, "variant_id"),
        variant_title=text(data, "variant_title", 200),
        category=text(data, "product_type", 120),
        discount=discount,
        total=price * quantity - discount,
    )


def _payments(data: JSON) -> list[NormalisedPayment]:
    taken = []
    for one in parts(data, "transactions"):
        if text(one, "kind") in {"sale", "capture"} and text(one, "status") == "success":
            paid_at = needed(instant(one, "processed_at", "created_at"), "created_at")
            amount = money(one, "amount")
            taken.append(NormalisedPayment(key(one, "id"), amount, paid_at, text(one, "gateway", 60)))
    return taken


def refund(data: JSON, order_id: str = "") -> Item:
    """What went back to the buyer: successful refund transactions; a restock without money is no refund."""
    returned = [
        money(one, "amount")
        for one in parts(data, "transactions")
        if text(one, "kind") == "refund" and text(one, "status") in {"success", ""}
    ]
    amount = sum(returned, Decimal(0))
    external_id, order_id = key(data, "id"), order_id or key(data, "order_id")
    if not external_id or not order_id:
        raise wrong("order_id", data.get("order_id"))
    if amount <= 0:
        return Ignored(_("This refund moved no money."))
    lines = tuple(
        (
            key(one, "line_item_id"),
            whole(one, "quantity"),
            money(one, "subtotal") + money(one, "total_tax"),
        )
        for one in parts(data, "refund_line_items")
    )
    return NormalisedRefund(
        external_id=external_id,
        order_id=order_id,
        amount=amount,
        refunded_at=needed(instant(data, "processed_at", "created_at"), "created_at"),
        reason=text(data, "note", 200),
        lines=lines,
    )


def shipment(data: JSON, order_id: str = "") -> Item:
    external_id, order_id = key(data, "id"), order_id or key(data, "order_id")
    if not external_id or not order_id:
        raise wrong("order_id", data.get("order_id"))
    if text(data, "status") in NO_PARCEL:
        return Ignored(_("This fulfilment was cancelled or failed."))
    told = text(data, "shipment_status")
    state = PARCEL.get(told, "transit" if text(data, "status") == "success" else "preparing")
    updated_at = instant(data, "updated_at")
    return NormalisedShipment(
        external_id=external_id,
        order_id=order_id,
        state=state,
        carrier=text(data, "tracking_company", 60),
        tracking_number=text(data, "tracking_number", 100),
        tracking_url=text(data, "tracking_url", 500),
        shipped_at=instant(data, "created_at") if state != "preparing" else None,
        delivered_at=updated_at if state == "delivered" else None,
    )


def shipment_event(data: JSON) -> Item:
    """A carrier's scan that Shopify passes on; it names the fulfilment and, in webhooks, the order."""
    order_id, parcel_id = key(data, "order_id"), key(data, "fulfillment_id")
    state = PARCEL.get(text(data, "status"))
    if not order_id or not parcel_id or state is None:
        return Ignored(_("This scan names no order or says nothing new."))
    happened_at = instant(data, "happened_at", "created_at")
    return NormalisedShipment(
        external_id=parcel_id,
        order_id=order_id,
        state=state,
        delivered_at=happened_at if state == "delivered" else None,
    )


def customer(data: JSON) -> Item:
    external_id = key(data, "id")
    if not external_id:
        raise wrong("id", data.get("id"))
    home = part(data, "default_address")
    contact = NormalisedContact(
        name=_name(data),
        email=text(data, "email", 320),
        phone=text(data, "phone", 40) or text(home, "phone", 40),
        member_id=external_id,
        country=text(home, "country_code", 2),
        region=text(home, "province", 100),
        city=text(home, "city", 100),
        language=text(data, "locale", 10),
    )
    return NormalisedCustomer(external_id, contact, tuple(_consents(data)))


def _consents(data: JSON) -> list[NormalisedConsent]:
    found = []
    for channel, name in (("email", "email_marketing_consent"), ("sms", "sms_marketing_consent")):
        consent = part(data, name)
        state = text(consent, "state")
        if state in {"subscribed", "unsubscribed"}:
            since = instant(consent, "consent_updated_at")
            found.append(NormalisedConsent(channel, state == "subscribed", since))
    return found


def product(data: JSON) -> Item:
    external_id = key(data, "id")
    if not external_id:
        raise wrong("id", data.get("id"))
    variants = tuple(_variant(one) for one in parts(data, "variants") if key(one, "id"))
    images: list[Any] = [part(data, "image"), *parts(data, "images")]
    return NormalisedProduct(
        external_id=external_id,
        title=text(data, "title"),
        category=text(data, "product_type", 120),
        brand=text(data, "vendor", 120),
        image_url=next(filter(None, (text(one, "src", 500) for one in images)), ""),
        price=variants[0].price if variants else None,
        is_active=text(data, "status") in {"", "active"},
        variants=variants,
    )


def _variant(data: JSON) -> NormalisedVariant:
    return NormalisedVariant(
        key(data, "id"), text(data, "sku", 100), text(data, "title", 200), money(data, "price")
    )
