"""The rows of a chunk of orders, written straight as COPY's text: millions are made, so chance is drawn for the
whole chunk at once, times are written by numpy and what repeats is written down once.

Everything written here is of our own words (words.py), in which no tab, backslash or quote stands; tests/demo
looks after that.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache, cached_property
from itertools import accumulate
from typing import Any

import numpy as np

from crm.accounts.models import Merchant
from crm.demo import words
from crm.demo.people import Crowd, Person
from crm.demo.shelves import Shelf
from crm.lib.copying import NULL
from crm.lib.money import in_base
from orders import events as facts

MOST_LINES = 4
TRANSIT_DAYS = 4
HOUR, DAY = 3_600 * 10**6, 86_400 * 10**6  # microseconds
GUESTS, COUPONS, SENT_BACK = 0.04, 0.12, 0.05
LINES_SHARES = (0.50, 0.80, 0.94)  # one, two, three; else four
PIECES = (1, 2, 3, 6)
PIECES_SHARES = (0.78, 0.93, 0.98)
REASONS = ("damaged", "unwanted", "size", "unlike")
Numbers = np.ndarray[Any, np.dtype[Any]]

ORDER = (
    *("id", "merchant_id", "channel_id", "external_id", "number", "customer_id", "contact_name", "email"),
    *("phone", "payment", "fulfilment", "currency", "subtotal", "discount", "shipping", "total", "refunded"),
    *("rate", "base_total", "base_refunded", "coupons", "shipping_address", "country", "placed_at"),
    *("paid_at", "cancelled_at", "promised_on", "version"),
)
LINE = (
    *("id", "merchant_id", "order_id", "external_id", "product_id", "variant_id", "customer_id", "sku"),
    *("title", "quantity", "unit_price", "total", "placed_at"),
)
PAYMENT = ("merchant_id", "order_id", "external_id", "method", "amount", "currency", "paid_at")
SHIPMENT = (
    *("id", "merchant_id", "order_id", "external_id", "carrier", "tracking_number", "state", "shipped_at"),
    *("promised_on", "delivered_at"),
)
SCAN = ("merchant_id", "shipment_id", "state", "description", "location", "happened_at")
REFUND = (
    *("id", "merchant_id", "channel_id", "external_id", "order_id", "customer_id", "amount", "currency"),
    *("base_amount", "reason", "refunded_at"),
)
REFUND_LINE = (
    *("merchant_id", "refund_id", "order_line_id", "product_id", "sku", "title", "quantity", "amount"),
)
EVENT = (
    *("merchant_id", "name", "customer_id", "subject_type", "subject_id", "data", "dedupe_key", "backfill"),
    *("occurred_at", "created_at"),
)
_PREFIX = {"tmall": "TM", "wechat": "WX", "pos": "P", "shopify-eu": "#E", "shopify-us": "#U", "woo-uk": "W"}


@dataclass
class Rows:
    """A chunk's rows by table, each a line of COPY."""

    orders: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    payments: list[str] = field(default_factory=list)
    shipments: list[str] = field(default_factory=list)
    scans: list[str] = field(default_factory=list)
    refunds: list[str] = field(default_factory=list)
    refund_lines: list[str] = field(default_factory=list)
    events: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Keys:
    """The first primary keys, the same ones whichever chunk is written first."""

    orders: int
    lines: int
    shipments: int
    refunds: int

    def after(self, orders: int) -> Keys:
        return Keys(
            self.orders + orders,
            self.lines + orders * MOST_LINES,
            self.shipments + orders,
            self.refunds + orders,
        )


@dataclass(frozen=True)
class _Ware:
    """A product on a shelf, as the columns of a line."""

    keys: str
    product_id: int
    named: str
    price: int


class _Till:
    """A shelf with what an order there needs, written down once. Amounts are in minor units."""

    def __init__(self, shelf: Shelf) -> None:
        self.channel_id = shelf.channel.pk
        self.prefix = _PREFIX[shelf.channel.slug]
        self.currency = shelf.currency
        self.method = "alipay" if shelf.currency == "CNY" else "card"
        self.rate = Decimal(words.RATES.get(shelf.currency, "1"))
        self.free_from = int(300 * shelf.factor * 100)
        self.shipping = round(12 * shelf.factor * 100)
        self.wares = [
            _Ware(
                f"{product.pk}\t{variant.pk}",
                product.pk,
                f"{variant.sku}\t{product.title}",
                int((product.price or 0) * 100),
            )
            for product, variant in zip(shelf.products, shelf.variants, strict=True)
        ]
        self.base = cache(self._base)

    def _base(self, amount: int) -> str:
        return str(in_base(Decimal(amount) / 100, self.rate))


@cache
def money(amount: int) -> str:
    """Minor units as a decimal; every currency of the demo has two places."""
    return f"{amount // 100}.{amount % 100:02d}"


class Times:
    """Moments as microseconds since 1970, UTC, written for the whole chunk at once where they are asked for."""

    def __init__(self, moments: Numbers) -> None:
        self.moments = moments.astype(np.int64)

    @cached_property
    def texts(self) -> list[str]:
        written = np.datetime_as_string(self.moments.astype("datetime64[us]"))
        texts: list[str] = np.char.add(written, "+00").tolist()
        return texts

    @cached_property
    def days(self) -> list[str]:
        days: list[str] = np.datetime_as_string(self.moments.astype("datetime64[us]"), unit="D").tolist()
        return days

    def after(self, microseconds: Numbers | int) -> Times:
        return Times(self.moments + microseconds)


class Draws:
    """What chance says of each order of a chunk."""

    def __init__(self, rng: np.random.Generator, placed: Times, now: int, products: int) -> None:
        count = len(placed.moments)
        self.luck = rng.random(count).tolist()
        self.channel = rng.random(count).tolist()
        self.guest = (rng.random(count) < GUESTS).tolist()
        self.coupon = (rng.random(count) < COUPONS).tolist()
        self.line_count = (1 + np.searchsorted(LINES_SHARES, rng.random(count), side="right")).tolist()
        self.wares = rng.random((count, products)).argsort(axis=1)[:, :MOST_LINES].tolist()
        pieces = np.searchsorted(PIECES_SHARES, rng.random((count, MOST_LINES)), side="right")
        self.pieces = np.array(PIECES)[pieces].tolist()
        self.sent_back = (rng.random(count) < SENT_BACK).tolist()
        self.which = rng.integers(0, 12, count).tolist()
        self.age = (now - placed.moments).tolist()
        self.version = placed.moments.tolist()
        self.placed, self.paid = placed, placed.after(2 * 60 * 10**6)
        self.cancelled, self.promised = placed.after(3 * HOUR), placed.after(TRANSIT_DAYS * DAY)
        self.undone = Times(np.minimum(placed.moments + DAY // 5, now))
        self.returned = Times(np.minimum(placed.moments + rng.integers(6, 16, count) * DAY, now))
        shipped = placed.moments + rng.integers(5, 31, count) * HOUR
        self.shipped = Times(np.minimum(shipped, now))
        self.delivered = Times(np.minimum(shipped + rng.integers(1, 4, count) * DAY, now))


@dataclass(slots=True)
class _Sale:
    """The order at hand."""

    at: int
    id: int
    number: str
    customer: str
    till: _Till
    total: int
    wares: list[tuple[int, _Ware, int]]
    told: str


class Maker:
    """Makes the rows of one chunk's orders."""

    def __init__(
        self,
        *,
        merchant: Merchant,
        crowd: Crowd,
        shelves: Sequence[Shelf],
        draws: Draws,
        keys: Keys,
        now: datetime,
    ) -> None:
        self.shop, self.crowd, self.draws = merchant.pk, crowd, draws
        self.tills = [_Till(shelf) for shelf in shelves]
        self.rows = Rows()
        self.next_order, self.next_line = keys.orders, keys.lines
        self.next_shipment, self.next_refund = keys.shipments, keys.refunds
        self.told_at = now.astimezone(UTC).isoformat()
        self.shares = {
            True: _rising(row[4] for row in words.CHANNELS),
            False: _rising(row[5] for row in words.CHANNELS),
        }

    def add(self, at: int, number: int, buyer: int) -> None:
        """The order at place `at` of the chunk, `number` of the shop's, by that person of the crowd."""
        draws = self.draws
        person = self.crowd.person(buyer)
        till = self.tills[bisect(self.shares[person.is_chinese], draws.channel[at])]
        fate = fate_of(draws.luck[at], draws.age[at])
        order_id, self.next_order = self.next_order, self.next_order + 1
        customer = NULL if draws.guest[at] else str(person.id)
        wares = [
            (self.next_line + place, till.wares[ware], pieces)
            for place, (ware, pieces) in enumerate(
                zip(draws.wares[at][: draws.line_count[at]], draws.pieces[at], strict=False)
            )
        ]
        self.next_line += len(wares)
        subtotal = sum(ware.price * pieces for _id, ware, pieces in wares)
        discount = (subtotal + 5) // 10 if draws.coupon[at] else 0
        shipping = 0 if subtotal > till.free_from else till.shipping
        total = subtotal - discount + shipping
        name = f"{till.prefix}{100_000 + number}"
        told = (
            f'{{"number": "{name}", "order_id": {order_id}, "channel_id": {till.channel_id}, '
            f'"total": "{money(total)}", "currency": "{till.currency}"'
        )
        sale = _Sale(at, order_id, name, customer, till, total, wares, told)
        self._lines(sale)
        refunded = self._refund(sale, fate)
        self._parcel(sale, fate, person)
        self._order(sale, fate, person, (subtotal, discount, shipping), refunded)

    def _order(
        self, sale: _Sale, fate: str, person: Person, amounts: tuple[int, int, int], refunded: int
    ) -> None:
        draws, at, till, shop = self.draws, sale.at, sale.till, self.shop
        payment = "pending" if fate == "pending" else "paid"
        if refunded:
            payment = "refunded" if refunded >= sale.total else "partly"
        fulfilment = {"delivered": "delivered", "transit": "shipped", "late": "shipped"}.get(fate, "open")
        placed = draws.placed.texts[at]
        paid = NULL if fate == "pending" else draws.paid.texts[at]
        cancelled = draws.cancelled.texts[at] if fate == "cancelled" else NULL
        promised = NULL if fate == "cancelled" else draws.promised.days[at]
        subtotal, discount, shipping = map(money, amounts)
        self.rows.orders.append(
            f"{sale.id}\t{shop}\t{till.channel_id}\t{sale.number}\t{sale.number}\t{sale.customer}\t{person.name}\t"
            f"{person.email}\t{person.phone}\t{payment}\t{fulfilment}\t{till.currency}\t{subtotal}\t{discount}\t"
            f"{shipping}\t{money(sale.total)}\t{money(refunded)}\t{till.rate}\t{till.base(sale.total)}\t"
            f"{till.base(refunded)}\t{'{TEA10}' if draws.coupon[at] else '{}'}\t"
            f'{{"name": "{person.name}", "city": "{person.city}", "province": "{person.region}", '
            f'"country": "{person.country}"}}\t'
            f"{person.country}\t{placed}\t{paid}\t{cancelled}\t{promised}\t{draws.version[at]}"
        )
        if fate != "pending":
            self.rows.payments.append(
                f"{shop}\t{sale.id}\tp1\t{till.method}\t{money(sale.total)}\t{till.currency}\t{paid}"
            )
            self._event(facts.ORDER_PAID.name, sale, paid)
        self._event(facts.ORDER_PLACED.name, sale, placed)
        if fate == "cancelled":
            self._event(facts.ORDER_CANCELLED.name, sale, cancelled)

    def _lines(self, sale: _Sale) -> None:
        placed = self.draws.placed.texts[sale.at]
        self.rows.lines += [
            f"{line_id}\t{self.shop}\t{sale.id}\t{sale.id}-{place}\t{ware.keys}\t{sale.customer}\t{ware.named}\t"
            f"{pieces}\t{money(ware.price)}\t{money(ware.price * pieces)}\t{placed}"
            for place, (line_id, ware, pieces) in enumerate(sale.wares)
        ]

    def _refund(self, sale: _Sale, fate: str) -> int:
        """What goes back: everything of a cancelled order, one line of some delivered ones."""
        draws, at, till = self.draws, sale.at, sale.till
        which = draws.which[at]
        if fate == "cancelled":
            amount, returned, reason, when = sale.total, sale.wares, "cancelled", draws.undone.texts[at]
        elif fate == "delivered" and draws.sent_back[at]:
            returned = [sale.wares[which % len(sale.wares)]]
            amount = min(returned[0][1].price * returned[0][2], sale.total)
            reason, when = REASONS[which % len(REASONS)], draws.returned.texts[at]
        else:
            return 0
        refund_id, self.next_refund = self.next_refund, self.next_refund + 1
        self.rows.refunds.append(
            f"{refund_id}\t{self.shop}\t{till.channel_id}\trf-{sale.id}\t{sale.id}\t{sale.customer}\t{money(amount)}\t"
            f"{till.currency}\t{till.base(amount)}\t{reason}\t{when}"
        )
        self.rows.refund_lines += [
            f"{self.shop}\t{refund_id}\t{line_id}\t{ware.product_id}\t{ware.named}\t{pieces}\t"
            f"{money(ware.price * pieces)}"
            for line_id, ware, pieces in returned
        ]
        more = f', "refund_id": {refund_id}, "amount": "{money(amount)}"'
        self._event(facts.ORDER_REFUNDED.name, sale, when, key=refund_id, more=more)
        return amount

    def _parcel(self, sale: _Sale, fate: str, person: Person) -> None:
        if fate not in ("delivered", "transit", "late"):
            return
        draws, at, shop = self.draws, sale.at, self.shop
        shipment_id, self.next_shipment = self.next_shipment, self.next_shipment + 1
        first, count = (0, 3) if person.is_chinese else (3, 2)
        carrier, prefix = words.CARRIERS[first + draws.which[at] % count]
        shipped, promised = draws.shipped.texts[at], draws.promised.days[at]
        delivered = draws.delivered.texts[at] if fate == "delivered" else NULL
        state = "delivered" if fate == "delivered" else "transit"
        tracking = f"{prefix}10{sale.number[len(sale.till.prefix) :]}"
        self.rows.shipments.append(
            f"{shipment_id}\t{shop}\t{sale.id}\ts1\t{carrier}\t{tracking}\t{state}\t{shipped}\t{promised}\t{delivered}"
        )
        collected, arrived = ("已揽收", "已签收") if person.is_chinese else ("Collected", "Delivered")
        self.rows.scans.append(f"{shop}\t{shipment_id}\ttransit\t{collected}\t上海\t{shipped}")
        more = f', "carrier": "{carrier}", "tracking_number": "{tracking}", "shipment_id": {shipment_id}'
        self._event(facts.ORDER_SHIPPED.name, sale, shipped, key=shipment_id, more=more)
        if fate == "delivered":
            self.rows.scans.append(f"{shop}\t{shipment_id}\tdelivered\t{arrived}\t{person.city}\t{delivered}")
            self._event(facts.ORDER_DELIVERED.name, sale, delivered, key=shipment_id, more=more)

    def _event(self, name: str, sale: _Sale, at: str, *, key: int | None = None, more: str = "") -> None:
        self.rows.events.append(
            f"{self.shop}\t{name}\t{sale.customer}\torders.order\t{sale.id}\t{sale.told}{more}}}\t{key or sale.id}\t"
            f"t\t{at}\t{self.told_at}"
        )


def fate_of(luck: float, age: int) -> str:
    """What has become of an order of that age in microseconds."""
    if luck < 0.02:
        return "cancelled"
    if age < 1.5 * DAY:
        return "pending" if luck < 0.10 else "open"
    if age < TRANSIT_DAYS * DAY:
        return "transit"
    if age < 14 * DAY and luck < 0.05:
        return "late"
    return "delivered"


def _rising(weights: Iterable[int]) -> list[float]:
    """Where each one's share of 1 ends."""
    ends = list(accumulate(weights))
    return [end / ends[-1] for end in ends]
