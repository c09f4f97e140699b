"""Orders after an erasure: sums, items and dates stay in the books, whose they were goes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import ngettext

from crm.lib.privacy import Person, add_concern, add_eraser, harmless, personal
from orders.models import Order, OrderLine, Payment, Refund, Return, Shipment, ShipmentEvent

# Parts of an address that thousands share: no words to recognise somebody by.
# Older orders that nobody marked as delivered are not under way any more.
UNDER_WAY = timedelta(days=60)
COMMON = ("country", "province", "region", "state", "city", "district", "postal", "zip", "code")


def find(person: Person) -> None:
    """Their orders, and a guest's orders with one of their addresses."""
    guests = Q(customer__isnull=True) & (Q(email__in=person.emails) | Q(phone__in=person.phones))
    orders = Order.objects.filter(Q(customer_id__in=person.customer_ids) | guests)
    for order in orders.only("contact_name", "email", "phone", "shipping_address").iterator():
        person.goes_by(order.contact_name, order.email, order.phone)
        person.goes_by(
            *(
                str(value)
                for key, value in order.shipping_address.items()
                if value and not any(part in key.lower() for part in COMMON)
            )
        )
        person.owns("orders.order", [order.pk])
    ids = person.ids("orders.order")
    shipments = Shipment.objects.filter(order_id__in=ids)
    for pk, number in shipments.values_list("pk", "tracking_number"):
        person.owns("orders.shipment", [pk])
        person.goes_by(number)
    refunds = Refund.objects.filter(Q(order_id__in=ids) | Q(customer_id__in=person.customer_ids))
    person.owns("orders.refund", refunds.values_list("pk", flat=True))
    returns = Return.objects.filter(Q(order_id__in=ids) | Q(customer_id__in=person.customer_ids))
    person.owns("orders.return", returns.values_list("pk", flat=True))


def wipe(person: Person) -> int:
    """The country stays, for the figures by country; `contact_erased_at` keeps a later version of the order
    from bringing the person back."""
    now = timezone.now()
    changed: int = Order.objects.filter(pk__in=person.ids("orders.order")).update(
        contact_name="",
        email="",
        phone="",
        member_id="",
        shipping_address={},
        note="",
        tags=[],
        contact_erased_at=now,
        updated_at=now,
    )
    Refund.objects.filter(pk__in=person.ids("orders.refund")).update(reason="")
    Return.objects.filter(pk__in=person.ids("orders.return")).update(
        comment="", decision_note="", updated_at=now
    )
    shipments = person.ids("orders.shipment")
    Shipment.objects.filter(pk__in=shipments).update(tracking_number="", tracking_url="", updated_at=now)
    ShipmentEvent.objects.filter(shipment_id__in=shipments).update(description="", location="")
    _without_names(person)
    return changed


def _without_names(person: Person) -> None:
    """Codes and item names are the shop's own; one that carries the person's name (an engraving, a personal
    coupon) loses it."""
    pattern, ids = person.pattern(), person.ids("orders.order")
    for order in Order.objects.filter(pk__in=ids).exclude(coupons=[]).only("pk", "coupons"):
        kept = [code for code in order.coupons if not pattern.search(code.lower())]
        if kept != order.coupons:
            Order.objects.filter(pk=order.pk).update(coupons=kept)
    for line in OrderLine.objects.filter(order_id__in=ids).only("pk", "title").iterator():
        if pattern.search(line.title.lower()):
            OrderLine.objects.filter(pk=line.pk).update(title="")
    for payment in Payment.objects.filter(order_id__in=ids).only("pk", "method").iterator():
        if pattern.search(payment.method.lower()):
            Payment.objects.filter(pk=payment.pk).update(method="")


def concerns(customer_id: int) -> Iterator[str]:
    """What would be hard to finish without a name and an address."""
    mine = Order.objects.filter(customer_id=customer_id)
    under_way = mine.filter(cancelled_at__isnull=True).exclude(fulfilment=Order.Fulfilment.DELIVERED)
    if count := under_way.filter(placed_at__gt=timezone.now() - UNDER_WAY).count():
        yield ngettext(
            "%(count)s order isn't delivered yet: its address would be gone.",
            "%(count)s orders aren't delivered yet: their addresses would be gone.",
            count,
        ) % {"count": count}
    if count := Return.objects.filter(customer_id=customer_id, state__in=Return.OPEN).count():
        yield ngettext("%(count)s return is open.", "%(count)s returns are open.", count) % {"count": count}


add_concern(concerns)
add_eraser("orders", find=find, wipe=wipe)
personal("orders.order", "contact_name", "email", "phone", "member_id", "shipping_address")
personal("orders.order", "note", "tags", "coupons")
harmless(
    "orders.order",
    *("external_id", "number", "currency", "country"),
    why="the books: tax law asks for the order's number, country and sums for years",
)
personal("orders.orderline", "title")
harmless("orders.orderline", "external_id", "sku", why="the books")
personal("orders.payment", "method")
harmless("orders.payment", "external_id", "currency", why="the books")
personal("orders.refund", "reason")
harmless("orders.refund", "external_id", "currency", why="the books")
harmless("orders.refundline", "sku", "title", why="the product's name, as the channel's catalogue has it")
personal("orders.return", "comment", "decision_note")
personal("orders.shipment", "tracking_number", "tracking_url")
harmless("orders.shipment", "external_id", "carrier", why="the carrier's name, the channel's id")
personal("orders.shipmentevent", "description", "location")
harmless("orders.saleschannel", "slug", "name", why="the shop's own")
harmless(
    "orders.product",
    *("external_id", "title", "category", "brand", "url", "image_url", "currency"),
    why="the shop's catalogue",
)
harmless("orders.variant", "external_id", "sku", "title", why="the shop's catalogue")
