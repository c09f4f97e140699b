"""What orders add to the frame: the count of late parcels, and their own finds in the palette."""

from datetime import timedelta

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.accounts.models import Membership
from crm.accounts.navigation import badge
from crm.accounts.saved_views.registry import SavedList, add_list
from crm.accounts.search import Hit, finder
from crm.lib.ui.formats import day_text, money_text
from orders.models import Order, Product
from orders.selectors import found_by

MOST_COUNTED = 99
# A promise older than this is history, not work.
LATE_DAYS = 60
add_list(SavedList("orders", _("Orders"), "order_list", "orders.view"))


@badge("orders")
def late_orders(membership: Membership) -> int:
    """Late parcels of the last 60 days, at most 99; one partial index answers."""
    today = timezone.localdate()
    border = today - timedelta(days=LATE_DAYS)
    late: QuerySet[Order] = Order.objects.visible_to(membership).late(today).filter(promised_on__gt=border)
    # Fetching so few keys is cheaper than having Django build COUNT over a sliced subquery.
    return len(late.order_by().values_list("pk", flat=True)[:MOST_COUNTED])


# More people of one name than fit a screen.
FEW = 50


@finder(label=_("Orders"), icon="shopping-bag", needs="orders.view")
def find_orders(membership: Membership, query: str, limit: int) -> list[Hit]:
    """The newest by number, or of the few whom the words mean; the orders of everybody of a common name say
    nothing, and the list has them."""
    visible = Order.objects.visible_to(membership).select_related("customer")
    found = visible.filter(found_by(query, most_people=FEW)).order_by("-placed_at", "-id")[:limit]
    return [
        Hit(
            order.number,
            reverse("order_record", args=[order.pk]),
            " · ".join(
                filter(
                    None,
                    [
                        order.contact_name or (str(order.customer) if order.customer else ""),
                        money_text(order.total, order.currency, home=membership.merchant.base_currency),
                        day_text(timezone.localtime(order.placed_at).date()),
                    ],
                )
            ),
        )
        for order in found
    ]


@finder(label=_("Products"), icon="package", needs="orders.view")
def find_products(_membership: Membership, query: str, limit: int) -> list[Hit]:
    found = Product.objects.filter(title__icontains=query).order_by("title", "id")[:limit]
    return [Hit(str(one), reverse("product_record", args=[one.pk]), one.category) for one in found]
