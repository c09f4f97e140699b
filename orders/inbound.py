"""What stores send becomes orders, refunds, parcels, customers and products here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from django.db import transaction
from django.utils.text import slugify
from django.utils.translation import gettext as _

from crm.integrations.models import Connection
from crm.integrations.registry import NotYet, register
from crm.integrations.stores import normalised as told
from customers.consent import consent_record
from customers.identities import Contact, resolve
from customers.models import Consent, Customer
from customers.models.consent import Purpose
from orders.drafts import LineDraft, OrderDraft, PaymentDraft, RefundDraft, ShipmentDraft
from orders.models import Order, SalesChannel
from orders.recording import ProductDraft, VariantDraft, product_upsert, refund_record, shipment_record
from orders.upsert import order_upsert

T = TypeVar("T")
D = TypeVar("D")


@transaction.atomic
def channel_of(connection: Connection) -> SalesChannel:
    """The connection's channel, made with its first delivery; of two at once the second waits."""
    Connection.objects.select_for_update().get(pk=connection.pk)
    channel = SalesChannel.objects.filter(connection_id=connection.pk).first()
    if channel is not None:
        return channel
    slug = slugify(connection.name)[:40] or connection.platform
    if SalesChannel.objects.filter(slug=slug).exists():
        slug = f"{slug}-{connection.pk}"
    return SalesChannel.objects.create(
        merchant_id=connection.merchant_id,
        slug=slug,
        name=connection.name,
        kind=connection.platform,
        connection_id=connection.pk,
    )


def take_order(connection: Connection, item: told.NormalisedOrder, backfill: bool) -> str:
    channel = channel_of(connection)
    draft = order_draft(item, channel)
    known = Order.objects.filter(channel=channel, external_id=item.external_id).values("fulfilment").first()
    if known and known["fulfilment"] == Order.Fulfilment.DELIVERED and draft.fulfilment == "shipped":
        draft = replace(draft, fulfilment=None)  # "fulfilled" says no more than that it left
    result = order_upsert(
        merchant=connection.merchant,
        channel=channel,
        draft=draft,
        source=connection.platform,
        backfill=backfill,
    )
    words = {
        "created": _("Order %(number)s made."),
        "updated": _("Order %(number)s updated."),
        "unchanged": _("Order %(number)s known already."),
        "stale": _("Order %(number)s is known in a newer version."),
    }
    return words[result.outcome] % {"number": result.order.number}


def order_draft(item: told.NormalisedOrder, channel: SalesChannel) -> OrderDraft:
    plain = ("external_id", "number", "placed_at", "version", "currency", "total", "payment", "fulfilment")
    sums = ("subtotal", "discount", "shipping", "tax", "coupons", "tags", "country", "note")
    times = ("paid_at", "cancelled_at")
    values = {name: getattr(item, name) for name in (*plain, *sums, *times)}
    return OrderDraft(
        **values,
        contact=contact(item.contact, channel),
        shipping_address=item.address,
        lines=tuple(_line(line) for line in item.lines),
        payments=_each(
            item.payments, lambda one: PaymentDraft(one.amount, one.paid_at, one.external_id, one.method)
        ),
        refunds=_each(item.refunds, _refund),
        shipments=_each(item.shipments, _shipment),
    )


def contact(who: told.NormalisedContact, channel: SalesChannel) -> Contact:
    names = ("name", "email", "phone", "member_id", "country", "region", "city", "language")
    return Contact(**{name: getattr(who, name) for name in names}, channel_id=channel.pk)


def _each(items: tuple[T, ...] | None, make: Callable[[T], D]) -> tuple[D, ...] | None:
    return None if items is None else tuple(make(item) for item in items)


def _line(line: told.NormalisedLine) -> LineDraft:
    return LineDraft(
        quantity=line.quantity,
        unit_price=line.unit_price,
        title=line.title,
        sku=line.sku,
        external_id=line.external_id,
        product_external_id=line.product_id,
        variant_external_id=line.variant_id,
        variant_title=line.variant_title,
        category=line.category,
        discount=line.discount,
        total=line.total,
    )


def _payment(payment: told.NormalisedPayment) -> PaymentDraft:
    return PaymentDraft(payment.amount, payment.paid_at, payment.external_id, payment.method)


def _refund(refund: told.NormalisedRefund) -> RefundDraft:
    return RefundDraft(
        refund.external_id, refund.amount, refund.refunded_at, refund.reason, lines=refund.lines
    )


def _shipment(shipment: told.NormalisedShipment) -> ShipmentDraft:
    return ShipmentDraft(
        external_id=shipment.external_id,
        carrier=shipment.carrier,
        tracking_number=shipment.tracking_number,
        tracking_url=shipment.tracking_url,
        state=shipment.state,
        shipped_at=shipment.shipped_at,
        delivered_at=shipment.delivered_at,
    )


def _order_of(connection: Connection, external_id: str) -> Order:
    """Raises NotYet: deliveries overtake each other, and the order may still come."""
    orders = Order.objects.select_related("channel").filter(channel=channel_of(connection))
    order: Order | None = orders.filter(external_id=external_id).first()
    if order is None:
        raise NotYet(_("The order %(id)s has not arrived yet.") % {"id": external_id})
    return order


def take_refund(connection: Connection, item: told.NormalisedRefund, backfill: bool) -> str:
    order = _order_of(connection, item.order_id)
    _row, outcome = refund_record(order=order, draft=_refund(item))
    text = _("Refund of order %(number)s made.") if outcome == "created" else _("Refund known already.")
    return text % {"number": order.number}


def take_shipment(connection: Connection, item: told.NormalisedShipment, backfill: bool) -> str:
    order = _order_of(connection, item.order_id)
    _row, outcome = shipment_record(order=order, draft=_shipment(item))
    text = _("Parcel of order %(number)s known already.")
    if outcome != "unchanged":
        text = _("Parcel of order %(number)s: news taken.")
    return text % {"number": order.number}


def take_customer(connection: Connection, item: told.NormalisedCustomer, backfill: bool) -> str:
    channel = channel_of(connection)
    found = resolve(
        merchant=connection.merchant, contact=contact(item.contact, channel), source=connection.platform
    )
    if found.customer is None:
        return _("Nothing in it recognises anybody.")
    for consent in item.consents:
        _take_consent(connection, found.customer, consent)
    text = _("Customer %(name)s made.") if found.created else _("Customer %(name)s known.")
    return text % {"name": found.customer}


def _take_consent(connection: Connection, customer: Customer, consent: told.NormalisedConsent) -> None:
    """A store's word counts when newer than the ledger's last entry; a withdrawal without a date counts too.

    Stores repeat an old consent with every change of an address: it must not bring back somebody who has
    unsubscribed with us since.
    """
    ledger = Consent.objects.filter(customer=customer, channel=consent.channel, purpose=Purpose.MARKETING)
    last = ledger.order_by("-recorded_at", "-id").first()
    if last is not None and consent.decided_at is not None and consent.decided_at <= last.recorded_at:
        return
    if last is not None and consent.decided_at is None and consent.granted:
        return
    consent_record(
        merchant=connection.merchant,
        customer=customer,
        channel=consent.channel,
        granted=consent.granted,
        source=connection.platform,
        proof={
            "connection": connection.pk,
            "decided_at": consent.decided_at.isoformat() if consent.decided_at else None,
        },
    )


def take_product(connection: Connection, item: told.NormalisedProduct, backfill: bool) -> str:
    names = ("external_id", "title", "category", "brand", "url", "image_url", "price", "is_active")
    draft = ProductDraft(
        **{name: getattr(item, name) for name in names},
        variants=tuple(VariantDraft(v.external_id, v.sku, v.title, v.price) for v in item.variants),
    )
    product, outcome = product_upsert(
        merchant=connection.merchant, channel=channel_of(connection), draft=draft
    )
    text = _("Product %(title)s known already.")
    if outcome != "unchanged":
        text = _("Product %(title)s taken.")
    return text % {"title": product}


register(told.NormalisedOrder, take_order)
register(told.NormalisedRefund, take_refund)
register(told.NormalisedShipment, take_shipment)
register(told.NormalisedCustomer, take_customer)
register(told.NormalisedProduct, take_product)
