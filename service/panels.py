"""The desk's cards on the customer's and the order's page, and the page that ticket events link to."""

from django.utils.translation import gettext_lazy as _

from customers.registries import Action, Panel, SubjectPage, add_action, add_panel, add_subject_page
from orders.registries import add_order_panel

add_panel(Panel("customer_tickets", _("Tickets"), needs="tickets.view", order=10, topics=("service",)))
add_order_panel(Panel("order_tickets", _("Tickets"), needs="tickets.view", order=10, topics=("service",)))
add_action(
    Action("ticket_new", _("New ticket"), "ticket", "tickets.answer", order=10, primary=True, query=True)
)
add_subject_page("service.ticket", SubjectPage("ticket", "tickets.view", key="number"))
