"""The channels of a demo shop and what stands on their shelves."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from crm.accounts.models import Merchant
from crm.demo import words
from crm.lib.money import rounded
from orders.models import Product, SalesChannel, Variant


@dataclass
class Shelf:
    """A channel with its products and the factor from CNY to its currency."""

    channel: SalesChannel
    currency: str
    factor: Decimal
    products: list[Product] = field(default_factory=list)
    variants: list[Variant] = field(default_factory=list)


def shelves_write(*, merchant: Merchant) -> list[Shelf]:
    """The shop's channels with their products; made once."""
    shelves = []
    for slug, name, kind, currency, *_shares in words.CHANNELS:
        channel, _new = SalesChannel.objects.get_or_create(
            merchant=merchant, slug=slug, defaults={"name": name, "kind": kind}
        )
        factor = Decimal(1) / Decimal(words.RATES[currency]) if currency in words.RATES else Decimal(1)
        shelf = Shelf(channel, currency, factor)
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
