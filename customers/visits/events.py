"""What is announced about visits of the shop's own pages."""

from django.utils.translation import gettext_lazy as _

from crm.events.types import EventType, Text
from customers import codes


def _visit(name: str, label: Text, sentence: Text, icon: str) -> EventType:
    return EventType(
        name, label, sentence, icon=icon, scope="customers.read", keys=("title",), optional=("path", "sku")
    )


VISITED = _visit(
    "customers.visited", _("Visited the shop"), _("Looked around in the shop: %(title)s"), "world"
)
PRODUCT_VIEWED = _visit("customers.product_viewed", _("Looked at a product"), _("Looked at %(title)s"), "eye")
CART_FILLED = _visit(
    "customers.cart_filled",
    _("Put something into the cart"),
    _("Put %(title)s into the cart"),
    "shopping-cart-plus",
)
SEARCHED = _visit("customers.searched", _("Searched in the shop"), _("Searched for “%(title)s”"), "search")
VISITOR_RECOGNISED = EventType(
    "customers.visitor_recognised",
    _("Browser recognised"),
    _("Recognised in the shop's pages (%(source)s); %(visits)s earlier visits are theirs"),
    icon="device-desktop",
    scope="customers.read",
    keys=("source", "visits"),
    words={"source": codes.source_inside},
)
VISIT_SETTINGS_CHANGED = EventType(
    "customers.visit_settings_changed",
    _("Visits of the shop's pages switched"),
    _("Visits of the shop's pages taken: %(is_on)s (%(hosts)s)"),
    icon="world",
    on_timeline=False,
    keys=("is_on", "hosts"),
    words={"is_on": codes.switch_text},
)
