"""Facts about orders and products told one by one: a parcel, a refund, a product."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from crm.accounts.models import Merchant
from crm.lib.errors import Conflict
from orders.announcing import announce_changed, announce_state
from orders.contents import refunds_merge, shipments_merge
from orders.drafts import RefundDraft, ShipmentDraft
from orders.models import Order, Product, Refund, SalesChannel, Shipment, Variant
from orders.upsert import Outcome, order_lock


@dataclass(frozen=True)
class VariantDraft:
    external_id: str
    sku: str = ""
    title: str = ""
    price: Decimal | None = None


@dataclass(frozen=True)
class ProductDraft:
    """A product as its channel tells it. Variants are merged by their own ids; those not named stay."""

    external_id: str
    title: str = ""
    category: str = ""
    brand: str = ""
    url: str = ""
    image_url: str = ""
    price: Decimal | None = None
    currency: str = ""
    is_active: bool = True
    variants: tuple[VariantDraft, ...] = field(default=())


PRODUCT_FIELDS = ("title", "category", "brand", "url", "image_url", "price", "currency", "is_active")
VARIANT_FIELDS = ("sku", "title", "price")


@transaction.atomic
def shipment_record(*, order: Order, draft: ShipmentDraft) -> tuple[Shipment, Outcome]:
    """The order's parcel of that external id, moved forward, never back; announces what is new."""
    order = _locked(order)
    is_new = not order.shipments.filter(external_id=draft.external_id).exists()
    if shipments_merge(order, [draft]):
        announce_state(order, backfill=False)
        outcome = Outcome.CREATED if is_new else Outcome.UPDATED
    else:
        outcome = Outcome.UNCHANGED
    return order.shipments.get(external_id=draft.external_id), outcome


@transaction.atomic
def refund_record(*, order: Order, draft: RefundDraft) -> tuple[Refund, Outcome]:
    """The refund of that external id; a known one is left as it was told first.

    Raises Conflict when the id belongs to another order of the channel.
    """
    order = _locked(order)
    known = Refund.objects.filter(channel_id=order.channel_id, external_id=draft.external_id).first()
    if known is not None and known.order_id != order.pk:
        text = _("This channel has a refund of that id already, of another order.")
        raise Conflict(text, code="refund_exists", fields={"external_id": [text]})
    if refunds_merge(order, [draft]):
        announce_changed(order, backfill=False)
        announce_state(order, backfill=False)
    refund = Refund.objects.get(channel_id=order.channel_id, external_id=draft.external_id)
    return refund, Outcome.UNCHANGED if known else Outcome.CREATED


def _locked(order: Order) -> Order:
    """The order as it is now, with the lock that upserts of it take."""
    order_lock(merchant_id=order.merchant_id, channel_id=order.channel_id, external_id=order.external_id)
    fresh: Order = Order.objects.get(pk=order.pk)
    return fresh


@transaction.atomic
def product_upsert(
    *, merchant: Merchant, channel: SalesChannel, draft: ProductDraft
) -> tuple[Product, Outcome]:
    """The product in its newest state; unique by (channel, external id)."""
    values: dict[str, Any] = {name: getattr(draft, name) for name in PRODUCT_FIELDS}
    product, is_new = Product.objects.select_for_update().get_or_create(
        merchant=merchant, channel=channel, external_id=draft.external_id, defaults=values
    )
    changed = is_new or _assign(product, values)
    for variant_draft in draft.variants:
        values = {name: getattr(variant_draft, name) for name in VARIANT_FIELDS}
        variant, made = Variant.objects.get_or_create(
            merchant=merchant, product=product, external_id=variant_draft.external_id, defaults=values
        )
        changed |= made or _assign(variant, values)
    if is_new:
        return product, Outcome.CREATED
    return product, Outcome.UPDATED if changed else Outcome.UNCHANGED


def _assign(row: Product | Variant, values: dict[str, Any]) -> bool:
    different = [name for name, value in values.items() if getattr(row, name) != value]
    for name in different:
        setattr(row, name, values[name])
    if different:
        row.save()
    return bool(different)
