"""Orders of a demo shop with what hangs on them, by COPY, chunk by chunk."""

from __future__ import annotations

import string
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import accumulate
from random import Random
from typing import Any

import numpy as np
from django.db import transaction

from crm.accounts.models import Merchant
from crm.demo import words
from crm.demo.parallel import chunks_of, side_by_side, unchecked
from crm.demo.people import Crowd, Person
from crm.events.models import Event
from crm.lib.copying import copy_rows, reserve_ids
from crm.lib.money import in_base, rounded
from orders import events as facts
from orders.models import (
    Order,
    OrderLine,
    Payment,
    Product,
    Refund,
    RefundLine,
    SalesChannel,
    Shipment,
    ShipmentEvent,
    Variant,
)

CHUNK = 20_000
MOST_LINES = 4
DAYS = 540
TRANSIT_DAYS = 4
Row = tuple[Any, ...]


@dataclass
class Shelf:
    """A channel with its products and the factor from CNY to its currency."""

    channel: SalesChannel
    factor: Decimal
    products: list[Product]
    variants: list[Variant]


@dataclass
class Rows:
    """A chunk's rows by table, ready for COPY."""

    orders: list[Row] = field(default_factory=list)
    lines: list[Row] = field(default_factory=list)
    payments: list[Row] = field(default_factory=list)
    shipments: list[Row] = field(default_factory=list)
    scans: list[Row] = field(default_factory=list)
    refunds: list[Row] = field(default_factory=list)
    refund_lines: list[Row] = field(default_factory=list)
    events: list[Row] = field(default_factory=list)


ORDER = (
    *(
        "id",
        "merchant_id",
        "channel_id",
        "external_id",
        "number",
        "customer_id",
        "contact_name",
        "email",
        "phone",
    ),
    *("payment", "fulfilment", "currency", "subtotal", "discount", "shipping", "total", "refunded", "rate"),
    *("base_total", "base_refunded", "coupons", "shipping_address", "country", "placed_at", "paid_at"),
    *("cancelled_at", "promised_on", "version"),
)
LINE = (
    *(
        "id",
        "merchant_id",
        "order_id",
        "external_id",
        "product_id",
        "variant_id",
        "customer_id",
        "sku",
        "title",
    ),
    *("quantity", "unit_price", "total", "placed_at"),
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
    "merchant_id",
    "refund_id",
    "order_line_id",
    "product_id",
    "sku",
    "title",
    "quantity",
    "amount",
)
EVENT = (
    *("merchant_id", "name", "customer_id", "subject_type", "subject_id", "data", "dedupe_key", "backfill"),
    *("occurred_at", "created_at"),
)


def shelves_write(*, merchant: Merchant) -> list[Shelf]:
    """The shop's channels with their products; made once."""
    shelves = []
    for slug, name, kind, currency, *_shares in words.CHANNELS:
        channel, _new = SalesChannel.objects.get_or_create(
            merchant=merchant, slug=slug, defaults={"name": name, "kind": kind}
        )
        factor = Decimal(1) / Decimal(words.RATES[currency]) if currency in words.RATES else Decimal(1)
        shelf = Shelf(channel, factor, [], [])
        for sku, chinese, english, category, price in words.PRODUCTS:
            shown = rounded((Decimal(price) * factor).quantize(Decimal(1)), currency)
            title = chinese if currency == "CNY" else english
            product, _new = Product.objects.get_or_create(
                merchant=merchant,
                channel=channel,
                external_id=sku,
                defaults={"title": title, "category": category, "price": shown, "currency": currency},
            )
            variant, _new = Variant.objects.get_or_create(
                merchant=merchant, product=product, external_id=sku, defaults={"sku": sku, "price": shown}
            )
            shelf.products.append(product)
            shelf.variants.append(variant)
        shelves.append(shelf)
    return shelves


def order_times(count: int, now: datetime, seed: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Seconds before `now` of each order, oldest first: growing, fuller at weekends and at 11.11."""
    rng = np.random.default_rng(abs(hash_of(seed)))
    days = np.arange(DAYS)
    weight = 0.45 + 0.55 * (1 - days / DAYS)
    dates = [now - timedelta(days=int(day)) for day in days]
    weight *= np.array([1.3 if date.weekday() >= 5 else 1.0 for date in dates])
    weight *= np.array(
        [4.0 if (date.month, date.day) in {(11, 11), (6, 18), (12, 12)} else 1.0 for date in dates]
    )
    chosen = rng.choice(days, size=count, p=weight / weight.sum())
    hours = np.clip(rng.normal(15, 4.5, size=count), 0, 23.99)
    seconds: np.ndarray[Any, np.dtype[np.float64]] = chosen * 86_400.0 + hours * 3_600
    seconds.sort()
    return seconds[::-1]


def hash_of(seed: str) -> int:
    """The same number for the same words in every process."""
    return int.from_bytes(seed.encode()[-8:], "big")


def sales_write(
    *, merchant: Merchant, crowd: Crowd, shelves: Sequence[Shelf], count: int, seed: str, now: datetime
) -> Iterator[int]:
    """Writes the orders, each chunk in its own transaction; yields the number written so far."""
    before = order_times(count, now, seed)
    # Few buy much, most buy little: the number of orders a customer has falls like a log-normal.
    rng = np.random.default_rng(abs(hash_of(seed)) + 1)
    taste = rng.lognormal(0, 1.1, size=max(crowd.count, 1))
    buyers = rng.choice(max(crowd.count, 1), size=count, p=taste / taste.sum())
    with transaction.atomic():
        keys = _Keys(
            orders=reserve_ids(Order, count),
            lines=reserve_ids(OrderLine, count * MOST_LINES),
            shipments=reserve_ids(Shipment, count),
            refunds=reserve_ids(Refund, count),
        )

    def write(chunk: tuple[int, int]) -> int:
        start, stop = chunk
        rng = Random(f"{seed}:orders:{start}")
        maker = _Maker(merchant, crowd, shelves, rng, now, keys.after(start))
        for at in range(start, stop):
            maker.add(at, int(buyers[at]), now - timedelta(seconds=float(before[at])))
        with unchecked():
            _copy(maker.rows)
        return stop - start

    yield from accumulate(side_by_side(write, chunks_of(count, CHUNK)))


def _copy(rows: Rows) -> None:
    copy_rows(Order, ORDER, rows.orders)
    copy_rows(OrderLine, LINE, rows.lines)
    copy_rows(Payment, PAYMENT, rows.payments)
    copy_rows(Shipment, SHIPMENT, rows.shipments)
    copy_rows(ShipmentEvent, SCAN, rows.scans)
    copy_rows(Refund, REFUND, rows.refunds)
    copy_rows(RefundLine, REFUND_LINE, rows.refund_lines)
    copy_rows(Event, EVENT, rows.events)


@dataclass(frozen=True)
class _Keys:
    """The first primary keys, the same ones whichever chunk is written first."""

    orders: int
    lines: int
    shipments: int
    refunds: int

    def after(self, orders: int) -> _Keys:
        return _Keys(
            self.orders + orders,
            self.lines + orders * MOST_LINES,
            self.shipments + orders,
            self.refunds + orders,
        )


class _Maker:
    """Makes the rows of one chunk's orders."""

    def __init__(
        self,
        merchant: Merchant,
        crowd: Crowd,
        shelves: Sequence[Shelf],
        rng: Random,
        now: datetime,
        keys: _Keys,
    ) -> None:
        self.merchant, self.crowd, self.shelves, self.rng, self.now = merchant, crowd, shelves, rng, now
        self.rows = Rows()
        self.next_order, self.next_line = keys.orders, keys.lines
        self.next_shipment, self.next_refund = keys.shipments, keys.refunds
        self.shares = {
            True: [row[4] for row in words.CHANNELS],
            False: [row[5] for row in words.CHANNELS],
        }

    def add(self, number: int, buyer: int, placed_at: datetime) -> None:
        rng = self.rng
        person = self.crowd.person(buyer)
        shelf = rng.choices(self.shelves, self.shares[person.is_chinese])[0]
        is_guest = rng.random() < 0.04
        order_id, self.next_order = self.next_order, self.next_order + 1
        fate = _fate(rng, self.now - placed_at)
        customer_id = None if is_guest else person.id
        lines = self._lines(shelf, order_id, customer_id, placed_at)
        subtotal = sum((line[11] for line in lines), Decimal(0))
        currency = words.CHANNELS[self.shelves.index(shelf)][3]
        coupon = rng.random() < 0.12
        discount = rounded(subtotal / 10, currency) if coupon else Decimal(0)
        shipping = (
            Decimal(0)
            if subtotal * (1 / shelf.factor) > 300
            else rounded(Decimal(12) * shelf.factor, currency)
        )
        total = subtotal - discount + shipping
        sale = _Sale(
            order_id, f"{_PREFIX[shelf.channel.slug]}{100_000 + number}", customer_id, currency, total, shelf
        )
        refunded = self._refund(sale, fate, lines, placed_at)
        self._parcel(sale, fate, person, placed_at)
        rate = Decimal(words.RATES.get(currency, "1"))
        payment = "pending" if fate == "pending" else "paid"
        if refunded:
            payment = "refunded" if refunded >= total else "partly"
        fulfilment = {"delivered": "delivered", "transit": "shipped", "late": "shipped"}.get(fate, "open")
        promised = (placed_at + timedelta(days=TRANSIT_DAYS)).date() if fate != "cancelled" else None
        self.rows.orders.append((
            order_id, self.merchant.pk, shelf.channel.pk, sale.number, sale.number, customer_id, person.name,
            person.email, person.phone, payment, fulfilment, currency, subtotal, discount, shipping, total,
            refunded, rate, in_base(total, rate), in_base(refunded, rate), ["TEA10"] if coupon else [],
            {"name": person.name, "city": person.city, "province": person.region, "country": person.country},
            person.country, placed_at, None if fate == "pending" else placed_at + timedelta(minutes=2),
            placed_at + timedelta(hours=3) if fate == "cancelled" else None, promised,
            int(placed_at.timestamp() * 1_000_000),
        ))  # fmt: skip
        if fate != "pending":
            paid_at = placed_at + timedelta(minutes=2)
            method = "alipay" if currency == "CNY" else "card"
            self.rows.payments.append((self.merchant.pk, order_id, "p1", method, total, currency, paid_at))
            self._event(facts.ORDER_PAID, sale, paid_at)
        self._event(facts.ORDER_PLACED, sale, placed_at)
        if fate == "cancelled":
            self._event(facts.ORDER_CANCELLED, sale, placed_at + timedelta(hours=3))

    def _lines(self, shelf: Shelf, order_id: int, customer_id: int | None, placed_at: datetime) -> list[Row]:
        rng = self.rng
        chosen = rng.sample(range(len(shelf.products)), rng.choices((1, 2, 3, 4), (50, 30, 14, 6))[0])
        made: list[Row] = []
        for position, at in enumerate(chosen):
            product, variant = shelf.products[at], shelf.variants[at]
            quantity = rng.choices((1, 2, 3, 6), (78, 15, 5, 2))[0]
            price = product.price or Decimal(0)
            made.append((
                self.next_line, self.merchant.pk, order_id, f"{order_id}-{position}", product.pk, variant.pk,
                customer_id, variant.sku, product.title, quantity, price, price * quantity, placed_at,
            ))  # fmt: skip
            self.next_line += 1
        self.rows.lines += made
        return made

    def _refund(self, sale: _Sale, fate: str, lines: list[Row], placed_at: datetime) -> Decimal:
        """What goes back: everything of a cancelled order, one line of some delivered ones."""
        if fate == "cancelled":
            amount, returned = sale.total, lines
        elif fate == "delivered" and self.rng.random() < 0.05:
            returned = [self.rng.choice(lines)]
            amount = min(returned[0][11], sale.total)
        else:
            return Decimal(0)
        at = min(
            placed_at + timedelta(days=0.2 if fate == "cancelled" else self.rng.randint(6, 15)), self.now
        )
        refund_id, self.next_refund = self.next_refund, self.next_refund + 1
        rate = Decimal(words.RATES.get(sale.currency, "1"))
        reason = (
            "cancelled" if fate == "cancelled" else self.rng.choice(["damaged", "unwanted", "size", "unlike"])
        )
        self.rows.refunds.append((
            refund_id, self.merchant.pk, sale.shelf.channel.pk, f"rf-{sale.id}", sale.id, sale.customer_id,
            amount, sale.currency, in_base(amount, rate), reason, at,
        ))  # fmt: skip
        for line in returned:
            self.rows.refund_lines.append(
                (self.merchant.pk, refund_id, line[0], line[4], line[7], line[8], line[9], line[11])
            )
        more = {"refund_id": refund_id, "amount": str(amount)}
        self._event(facts.ORDER_REFUNDED, sale, at, key=str(refund_id), **more)
        return Decimal(amount)

    def _parcel(self, sale: _Sale, fate: str, person: Person, placed_at: datetime) -> None:
        if fate not in ("delivered", "transit", "late"):
            return
        shipment_id, self.next_shipment = self.next_shipment, self.next_shipment + 1
        carrier, prefix = words.CARRIERS[
            self.rng.randrange(3) if person.is_chinese else self.rng.randrange(3, 5)
        ]
        shipped = placed_at + timedelta(hours=self.rng.randint(5, 30))
        delivered = shipped + timedelta(days=self.rng.randint(1, 3)) if fate == "delivered" else None
        state = "delivered" if delivered else "transit"
        tracking = f"{prefix}10{sale.number.lstrip(string.ascii_uppercase + '#')}"
        self.rows.shipments.append((
            shipment_id, self.merchant.pk, sale.id, "s1", carrier, tracking, state, shipped,
            (placed_at + timedelta(days=TRANSIT_DAYS)).date(), delivered,
        ))  # fmt: skip
        story = [("transit", "已揽收" if person.is_chinese else "Collected", "上海", shipped)]
        if delivered:
            at = "已签收" if person.is_chinese else "Delivered"
            story.append(("delivered", at, person.city, delivered))
        self.rows.scans += [(self.merchant.pk, shipment_id, *scan) for scan in story]
        more = {"carrier": carrier, "tracking_number": tracking, "shipment_id": shipment_id}
        self._event(facts.ORDER_SHIPPED, sale, shipped, key=str(shipment_id), **more)
        if delivered:
            self._event(facts.ORDER_DELIVERED, sale, delivered, key=str(shipment_id), **more)

    def _event(self, kind: Any, sale: _Sale, at: datetime, *, key: str = "", **more: Any) -> None:
        # Our own words, none with a quote in it: written out at once, several times as fast as by an encoder.
        extra = "".join(
            f', "{name}": {value}' if isinstance(value, int) else f', "{name}": "{value}"'
            for name, value in more.items()
        )
        data = (
            f'{{"number": "{sale.number}", "order_id": {sale.id}, "channel_id": {sale.shelf.channel.pk}, '
            f'"total": "{sale.total:.2f}", "currency": "{sale.currency}"{extra}}}'
        )
        self.rows.events.append((
            self.merchant.pk, kind.name, sale.customer_id, "orders.order", sale.id, data, key or str(sale.id),
            True, at, self.now,
        ))  # fmt: skip


@dataclass(frozen=True)
class _Sale:
    id: int
    number: str
    customer_id: int | None
    currency: str
    total: Decimal
    shelf: Shelf


_PREFIX = {"tmall": "TM", "wechat": "WX", "pos": "P", "shopify-eu": "#E", "shopify-us": "#U", "woo-uk": "W"}


def _fate(rng: Random, age: timedelta) -> str:
    """What has become of an order of that age."""
    luck = rng.random()
    if luck < 0.02:
        return "cancelled"
    if age < timedelta(days=1.5):
        return "pending" if luck < 0.10 else "open"
    if age < timedelta(days=TRANSIT_DAYS):
        return "transit"
    if age < timedelta(days=14) and luck < 0.05:
        return "late"
    return "delivered"
