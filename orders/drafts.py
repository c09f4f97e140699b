"""An order as a way in tells it: what adapters, the API and imports hand to `order_upsert`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from customers.identities import Contact

ZERO = Decimal(0)


@dataclass(frozen=True)
class LineDraft:
    """An item. `total` defaults to quantity × unit price − discount. Without product facts it stays
    unlinked."""

    quantity: int
    unit_price: Decimal
    title: str = ""
    sku: str = ""
    external_id: str = ""
    product_external_id: str = ""
    variant_external_id: str = ""
    variant_title: str = ""
    category: str = ""
    discount: Decimal = ZERO
    total: Decimal | None = None

    @property
    def amount(self) -> Decimal:
        return self.total if self.total is not None else self.unit_price * self.quantity - self.discount


@dataclass(frozen=True)
class PaymentDraft:
    amount: Decimal
    paid_at: datetime
    external_id: str = ""
    method: str = ""


@dataclass(frozen=True)
class RefundDraft:
    """Money back; `lines` are (line external id, quantity, amount)."""

    external_id: str
    amount: Decimal
    refunded_at: datetime
    reason: str = ""
    lines: tuple[tuple[str, int, Decimal], ...] = ()


@dataclass(frozen=True)
class ShipmentDraft:
    external_id: str
    carrier: str = ""
    tracking_number: str = ""
    tracking_url: str = ""
    state: str = "transit"
    shipped_at: datetime | None = None
    delivered_at: datetime | None = None
    promised_on: date | None = None


@dataclass(frozen=True)
class OrderDraft:
    """One version of an order. `version` is the channel's clock in microseconds; 0 where it has none,
    then the
    last to come wins. Lists that are None say nothing about what is stored; empty ones say "none"."""

    external_id: str
    placed_at: datetime
    currency: str
    total: Decimal
    number: str = ""
    contact: Contact = field(default_factory=Contact)
    lines: tuple[LineDraft, ...] | None = None
    payments: tuple[PaymentDraft, ...] | None = None
    refunds: tuple[RefundDraft, ...] | None = None
    shipments: tuple[ShipmentDraft, ...] | None = None
    payment: str = "pending"
    fulfilment: str | None = None
    subtotal: Decimal = ZERO
    discount: Decimal = ZERO
    shipping: Decimal = ZERO
    tax: Decimal = ZERO
    coupons: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    shipping_address: dict[str, Any] = field(default_factory=dict)
    country: str = ""
    note: str = ""
    paid_at: datetime | None = None
    cancelled_at: datetime | None = None
    promised_on: date | None = None
    version: int = 0
