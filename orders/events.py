"""What is announced about orders, parcels and returns. Amounts are strings in the order's currency."""

from django.utils.translation import gettext_lazy as _

from crm.events.types import EventType

ORDER_PLACED = EventType(
    "orders.order_placed",
    _("Order placed"),
    _("Order %(number)s placed, %(total)s"),
    icon="shopping-cart",
    scope="orders.read",
    portal=True,
    keys=("number", "total", "currency"),
    amounts=("total",),
)
ORDER_PAID = EventType(
    "orders.order_paid",
    _("Order paid"),
    _("Order %(number)s paid, %(total)s"),
    icon="credit-card",
    tone="good",
    scope="orders.read",
    portal=True,
    keys=("number", "total", "currency"),
    amounts=("total",),
)
ORDER_CHANGED = EventType(
    "orders.order_changed",
    _("Order changed"),
    _("Order %(number)s changed by its shop"),
    icon="refresh",
    scope="orders.read",
    on_timeline=False,
    keys=("number",),
)
ORDER_CANCELLED = EventType(
    "orders.order_cancelled",
    _("Order cancelled"),
    _("Order %(number)s cancelled"),
    icon="ban",
    tone="warn",
    scope="orders.read",
    portal=True,
    keys=("number",),
)
ORDER_REFUNDED = EventType(
    "orders.order_refunded",
    _("Refund"),
    _("%(amount)s of order %(number)s refunded"),
    icon="receipt-refund",
    tone="warn",
    scope="orders.read",
    portal=True,
    keys=("number", "amount", "currency"),
    amounts=("amount",),
)
ORDER_SHIPPED = EventType(
    "orders.order_shipped",
    _("Parcel sent"),
    _("Parcel of order %(number)s on its way with %(carrier)s"),
    icon="truck",
    scope="orders.read",
    portal=True,
    keys=("number", "carrier"),
)
ORDER_DELIVERED = EventType(
    "orders.order_delivered",
    _("Parcel delivered"),
    _("Parcel of order %(number)s delivered"),
    icon="package",
    tone="good",
    scope="orders.read",
    portal=True,
    keys=("number",),
)
PARCEL_SCANNED = EventType(
    "orders.parcel_scanned",
    _("Parcel news"),
    _("Order %(number)s: %(description)s %(location)s"),
    icon="map-pin",
    scope="orders.read",
    portal=True,
    on_timeline=False,
    keys=("number", "description", "location"),
)
PARCEL_LATE = EventType(
    "orders.parcel_late",
    _("Parcel late"),
    _("Order %(number)s is late, it was promised for %(promised_on)s"),
    icon="clock-exclamation",
    tone="bad",
    scope="orders.read",
    keys=("number", "promised_on"),
)
RETURN_REQUESTED = EventType(
    "orders.return_requested",
    _("Return requested"),
    _("Return R-%(return_number)s of order %(number)s requested"),
    icon="arrow-back-up",
    tone="warn",
    scope="orders.read",
    portal=True,
    keys=("number", "return_number"),
)
RETURN_DECIDED = EventType(
    "orders.return_decided",
    _("Return decided"),
    _("Return R-%(return_number)s of order %(number)s: %(state)s"),
    icon="arrow-back-up",
    scope="orders.read",
    portal=True,
    keys=("number", "return_number", "state"),
)
