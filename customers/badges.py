"""What customers add to the palette."""

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from crm.accounts.models import Membership
from crm.accounts.navigation import badge
from crm.accounts.saved_views.registry import SavedList, add_list
from crm.accounts.search import Hit, finder
from crm.lib.masking import mask_email, mask_phone
from crm.lib.ui.formats import phone_text
from customers.companies.searching import matching
from customers.merging.selectors import conflicts_open
from customers.models import Company, Customer
from customers.searching import customer_ids_found
from customers.todos.selectors import due_count
from customers.tokens import search_terms

add_list(SavedList("customers", _("Customers"), "customer_list", "customers.view"))


@badge("conflicts")
def open_conflicts(membership: Membership) -> int:
    """Pairs that wait for a decision, for those who may decide."""
    return conflicts_open(membership).count() if membership.can("customers.merge") else 0


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


@badge("tasks")
def tasks_due(membership: Membership) -> int:
    """Late or due today, and this member's."""
    return due_count(membership)


@finder(label=_("Companies"), icon="building", needs="companies.view")
def find_companies(membership: Membership, query: str, limit: int) -> list[Hit]:
    """By name; nothing for signs that are no words."""
    if not search_terms(query):
        return []
    rows = matching(Company.objects.active().visible_to(membership), query).order_by("name", "pk")[:limit]
    return [Hit(one.name, reverse("company_record", args=[one.pk]), one.city) for one in rows]


def _line(customer: Customer, may_see: bool) -> str:
    """Company, e-mail or phone: whatever tells two people of one name apart."""
    if customer.company:
        return str(customer.company)
    if customer.email:
        return str(customer.email) if may_see else mask_email(customer.email)
    return phone_text(customer.phone) if may_see or not customer.phone else mask_phone(customer.phone)
