"""The order list as a file."""

from __future__ import annotations

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy

from crm.exports.registry import Ask, Exporter, columns_of, listing_words, register
from crm.lib.listing import Listing
from crm.lib.masking import mask_email
from orders.filters import listing_of
from orders.models import Order
from orders.selectors import orders_listed

COLUMNS: tuple[tuple[str, str], ...] = (
    *(("channel", "channel__slug"), ("external_id", "external_id"), ("number", "number")),
    *(
        ("placed_at", "placed_at"),
        ("customer_id", "customer_id"),
        ("name", "contact_name"),
        ("email", "email"),
    ),
    *(
        ("payment", "payment"),
        ("fulfilment", "fulfilment"),
        ("currency", "currency"),
        ("subtotal", "subtotal"),
    ),
    *(("discount", "discount"), ("shipping", "shipping"), ("tax", "tax"), ("total", "total")),
    *(("refunded", "refunded"), ("base_total", "base_total"), ("base_refunded", "base_refunded")),
    *(("country", "country"), ("coupons", "coupons"), ("tags", "tags"), ("cancelled_at", "cancelled_at")),
)


def _listing(ask: Ask) -> Listing:
    return listing_of(ask.parameters, reverse("order_list")).exactly()


def _select(ask: Ask) -> QuerySet[Order]:
    return ask.ticked(orders_listed(membership=ask.viewer, listing=_listing(ask)))


register(
    Exporter(
        key="orders",
        label=gettext_lazy("Orders"),
        icon="shopping-bag",
        needs="orders.view",
        scope="orders.read",
        columns=columns_of(Order, COLUMNS, {"email": mask_email}),
        select=_select,
        words=lambda ask: listing_words(_listing(ask)),
        order=("-placed_at", "-pk"),
    )
)
