"""Page-shaped reads of orders, products and channels."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Count, Max, Prefetch, Q, QuerySet, Sum
from django.utils import timezone

from crm.accounts.models import Membership
from crm.events.selectors import subject_timeline
from crm.lib.errors import NotFound
from crm.lib.keyset import Count as RowCount
from crm.lib.keyset import Page, count_of, keyset_page
from crm.lib.listing import Listing
from crm.lib.ui.parts import TimelineEntry
from crm.lib.ui.places import country_name
from customers.normalising import normalise_email
from customers.searching import MOST_HITS, customer_ids_found
from customers.timeline import entries_of
from customers.visibility import narrowed, seen_by
from orders.filters import ORDER
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
)

# An order has few events; more than this is a fault of its channel.
MOST_EVENTS = 200
# Behind every prefix of a number in code point order, which C.UTF-8 sorts by.
LAST_LETTER = "\U0010ffff"


# --- the list -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class OrderList:
    page: Page[Order]
    count: RowCount | None


def order_list(*, membership: Membership, listing: Listing) -> OrderList:
    """The rows behind the cursor with channel and customer; the count with the first page only."""
    rows = orders_listed(membership=membership, listing=listing)
    with_facts = rows.select_related("channel", "customer")
    page = keyset_page(with_facts, order=ORDER[listing.sort or "recent"], after=listing.after)
    return OrderList(page, None if listing.after else count_of(rows))


def orders_listed(*, membership: Membership, listing: Listing) -> QuerySet[Order]:
    rows: QuerySet[Order] = listing.narrow(Order.objects.visible_to(membership))
    return rows.filter(found_by(listing.search)) if listing.search else rows


def found_by(text: str, *, most_people: int = MOST_HITS) -> Q:
    """Orders whose number begins so, of customers whom the words find unless they are more than
    `most_people`, or of a guest with that address."""
    bare = text.lstrip("#").strip()
    spellings = dict.fromkeys([bare, bare.upper(), f"#{bare}"])
    numbered = Q(pk__in=[])
    for spelling in spellings:
        numbered |= Q(number__gte=spelling, number__lt=spelling + LAST_LETTER)
    people = customer_ids_found(text)
    theirs = Q(customer_id__in=people if len(people) <= most_people else [])
    email = normalise_email(text)
    return numbered | theirs | (Q(customer__isnull=True, email=email) if email else Q(pk__in=[]))


# --- the record ---------------------------------------------------------------------------------------------


# As one writes it on a parcel; PostgreSQL keeps the keys of a JSON object in an order of its own.
ADDRESS_PARTS = (
    *("name", "company", "line1", "line2", "district", "city", "province", "postal_code", "country", "phone"),
)


def address_lines(address: dict[str, Any]) -> list[str]:
    """The filled parts of an address in the order of a parcel, the country by its name."""
    parts = {name: str(value) for name, value in address.items() if value}
    if "country" in parts:
        parts["country"] = country_name(parts["country"])
    known = [name for name in ADDRESS_PARTS if name in parts]
    return [parts[name] for name in known + [name for name in parts if name not in ADDRESS_PARTS]]


@dataclass(frozen=True)
class OrderRecord:
    """Everything the order page shows. `left` is what can still go back to the customer."""

    order: Order
    lines: list[OrderLine]
    shipments: list[Shipment]
    refunds: list[Refund]
    payments: list[Payment]
    returns: list[Return]
    entries: list[TimelineEntry]
    is_late: bool

    @property
    def address(self) -> list[str]:
        return address_lines(self.order.shipping_address)

    @property
    def left(self) -> Decimal:
        return max(Decimal(self.order.total) - Decimal(self.order.refunded), Decimal(0))


def order_for(*, membership: Membership, order_id: int) -> Order:
    """The order with its channel, customer and customer's metrics if the member may see it, else NotFound."""
    rows = Order.objects.visible_to(membership).select_related("merchant", "channel", "customer__metrics")
    order: Order | None = rows.filter(pk=order_id).first()
    if order is None:
        raise NotFound()
    return order


def order_record(order: Order, membership: Membership) -> OrderRecord:
    """Ten queries whatever it holds: lines, payments, parcels with scans, refunds, returns with lines, the
    events, who did them, their notes."""
    return_lines = Prefetch("lines", ReturnLine.objects.select_related("order_line"))
    events = list(subject_timeline(subject_type="orders.order", subject_id=order.pk)[:MOST_EVENTS])
    today = timezone.localdate()
    is_open = order.cancelled_at is None and order.fulfilment != Order.Fulfilment.DELIVERED
    return OrderRecord(
        order=order,
        lines=list(order.lines.select_related("product").order_by("id")),
        shipments=list(order.shipments.prefetch_related("scans").order_by("id")),
        refunds=list(order.refunds.order_by("-refunded_at", "-id")),
        payments=list(order.payments.order_by("paid_at", "id")),
        returns=list(order.returns.prefetch_related(return_lines).order_by("-id")),
        entries=entries_of(events[::-1], membership),
        is_late=bool(is_open and order.promised_on and order.promised_on < today),
    )


# --- the customer's card ------------------------------------------------------------------------------------

CARD_ORDERS = 5


def newest_orders_of(customer_id: int) -> list[Order]:
    rows = (
        Order.objects.filter(customer_id=customer_id).select_related("channel").order_by("-placed_at", "-id")
    )
    return list(rows[:CARD_ORDERS])


# --- products and channels ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class ProductList:
    page: Page[Product]
    count: RowCount | None


def product_list(*, listing: Listing) -> ProductList:
    """By title; a search looks at titles and SKUs."""
    rows = listing.narrow(Product.objects.all())
    if listing.search:
        words = Q(title__icontains=listing.search) | Q(external_id__iexact=listing.search)
        rows = rows.filter(words | Q(variants__sku__iexact=listing.search)).distinct()
    page = keyset_page(rows.select_related("channel"), order=("title", "pk"), after=listing.after)
    return ProductList(page, None if listing.after else count_of(rows))


@dataclass(frozen=True)
class ProductFacts:
    """`units` and `orders` leave cancelled orders out."""

    orders: int
    units: int
    buyers: int
    last_sold_at: Any
    newest: list[OrderLine]


def product_for(product_id: int) -> Product:
    product: Product | None = Product.objects.select_related("channel").filter(pk=product_id).first()
    if product is None:
        raise NotFound()
    return product


def product_facts(*, membership: Membership, product: Product) -> ProductFacts:
    """Of the orders that the member sees: two queries over the product's lines, which one index answers."""
    sold = OrderLine.objects.filter(product=product, order__cancelled_at__isnull=True)
    sold = narrowed(sold, membership, "order__customer__")
    sums = sold.aggregate(
        orders=Count("order_id", distinct=True),
        units=Sum("quantity"),
        buyers=Count("customer_id", distinct=True),
        last=Max("placed_at"),
    )
    newest = sold.select_related("order__customer").order_by("-placed_at", "-id")
    return ProductFacts(sums["orders"], sums["units"] or 0, sums["buyers"], sums["last"], list(newest[:10]))


def channels_with_counts(membership: Membership) -> QuerySet[SalesChannel]:
    """Every channel with its seller, and the number and the newest of the orders that the member sees."""
    seen = seen_by(membership, "orders__customer__")
    return (
        SalesChannel.objects.select_related("company")
        .annotate(
            orders_count=Count("orders", filter=seen), last_order_at=Max("orders__placed_at", filter=seen)
        )
        .order_by("name")
    )
