"""The orders' card on the customer page, and the page that order events link to."""

from django.utils.translation import gettext_lazy as _

from customers.companies.registries import add_company_panel, add_owed
from customers.registries import Panel, SubjectPage, add_panel, add_subject_page
from orders.companies import owed

add_panel(Panel("customer_orders", _("Orders"), "orders.view", order=20, topics=("customer:{id}",)))
add_company_panel(
    Panel("company_orders", _("Orders"), "orders.view", order=20, topics=("customers.company:{id}", "orders"))
)
add_owed(owed)
add_subject_page("orders.order", SubjectPage("order_record", "orders.view"))
