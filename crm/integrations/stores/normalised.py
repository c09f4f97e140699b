"""What every store's words become before an upper floor turns them into rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

ZERO = Decimal(0)


@dataclass(frozen=True)
class Ignored:
    """Understood and not used; `reason` is shown to staff."""

    reason: str


@dataclass(frozen=True)
class NormalisedContact:
    name: str = ""
    email: str = ""
    phone: str = ""
    member_id: str = ""
    country: str = ""
    region: str = ""
    city: str = ""
    language: str = ""


@dataclass(frozen=True)
class NormalisedLine:
    external_id: str
    quantity: int
    unit_price: Decimal
    title: str = ""
    sku: str = ""
    product_id: str = ""
    variant_id: str = ""
    variant_title: str = ""
    category: str = ""
    discount: Decimal = ZERO
    total: Decimal | None = None


@dataclass(frozen=True)
class NormalisedPayment:
    external_id: str
    amount: Decimal
    paid_at: datetime
    method: str = ""


@dataclass(frozen=True)
class NormalisedRefund:
    """`lines` are (line id, quantity, amount)."""

    external_id: str
    order_id: str
    amount: Decimal
    refunded_at: datetime
    reason: str = ""
    lines: tuple[tuple[str, int, Decimal], ...] = ()


@dataclass(frozen=True)
class NormalisedShipment:
    """`state` is one of preparing, transit, out, delivered, exception, returned."""

    external_id: str
    order_id: str
    state: str
    carrier: str = ""
    tracking_number: str = ""
    tracking_url: str = ""
    shipped_at: datetime | None = None
    delivered_at: datetime | None = None


@dataclass(frozen=True)
class NormalisedOrder:
    """`version` is the store's clock in microseconds. `payment` is pending, paid, partly, refunded or voided;
    `fulfilment` open, partial or shipped. Lists that are None say nothing."""

    external_id: str
    number: str
    placed_at: datetime
    version: int
    currency: str
    total: Decimal
    payment: str
    fulfilment: str
    contact: NormalisedContact
    lines: tuple[NormalisedLine, ...]
    payments: tuple[NormalisedPayment, ...] | None = None
    refunds: tuple[NormalisedRefund, ...] | None = None
    shipments: tuple[NormalisedShipment, ...] | None = None
    subtotal: Decimal = ZERO
    discount: Decimal = ZERO
    shipping: Decimal = ZERO
    tax: Decimal = ZERO
    coupons: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    address: dict[str, str] = field(default_factory=dict)
    country: str = ""
    note: str = ""
    paid_at: datetime | None = None
    cancelled_at: datetime | None = None


@dataclass(frozen=True)
class NormalisedConsent:
    """What the store says about writing by `channel`; `decided_at` None when it doesn't say since when."""

    channel: str
    granted: bool
    decided_at: datetime | None = None


@dataclass(frozen=True)
class NormalisedCustomer:
    external_id: str
    contact: NormalisedContact
    consents: tuple[NormalisedConsent, ...] = ()


@dataclass(frozen=True)
class NormalisedVariant:
    external_id: str
    sku: str = ""
    title: str = ""
    price: Decimal | None = None


@dataclass(frozen=True)
class NormalisedProduct:
    external_id: str
    title: str
    category: str = ""
    brand: str = ""
    url: str = ""
    image_url: str = ""
    price: Decimal | None = None
    is_active: bool = True
    variants: tuple[NormalisedVariant, ...] = ()


Item = (
    NormalisedOrder | NormalisedRefund | NormalisedShipment | NormalisedCustomer | NormalisedProduct | Ignored
)
