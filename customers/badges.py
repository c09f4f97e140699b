"""What customers add to the palette."""

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from crm.accounts.models import Membership
from crm.accounts.saved_views.registry import SavedList, add_list
from crm.accounts.search import Hit, finder
from crm.lib.masking import mask_email, mask_phone
from crm.lib.ui.formats import phone_text
from customers.models import Customer
from customers.searching import customer_ids_found

add_list(SavedList("customers", _("Customers"), "customer_list", "customers.view"))


@finder(label=_("Customers"), icon="user", needs="customers.view")
def find_customers(membership: Membership, query: str, limit: int) -> list[Hit]:
    """Those who bought last stand first."""
    may_see = membership.can("customers.pii")
    rows = (
        Customer.objects.present()
        .visible_to(membership)
        .filter(pk__in=customer_ids_found(query))
        .select_related("company")
    )
    found = rows.order_by("-metrics__last_order_at", "-pk")[:limit]
    return [
        Hit(
            str(one) if one.name else f"#{one.pk}",
            reverse("customer_record", args=[one.pk]),
            _line(one, may_see),
        )
        for one in found
    ]


def _line(customer: Customer, may_see: bool) -> str:
    """Company, e-mail or phone: whatever tells two people of one name apart."""
    if customer.company:
        return str(customer.company)
    if customer.email:
        return str(customer.email) if may_see else mask_email(customer.email)
    return phone_text(customer.phone) if may_see or not customer.phone else mask_phone(customer.phone)
