"""What taking back an import announces."""

from django.utils.translation import gettext_lazy as _

from crm.events.types import EventType

ORDER_WITHDRAWN = EventType(
    "orders.order_withdrawn",
    _("Order withdrawn"),
    _("Order %(number)s was withdrawn: its import was undone"),
    icon="arrow-back-up",
    tone="warn",
    scope="orders.read",
    keys=("number",),
)
