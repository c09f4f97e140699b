"""The desk's card on the customer page."""

from django.utils.translation import gettext_lazy as _

from customers.registries import Panel, add_panel

add_panel(Panel("customer_tickets", _("Tickets"), needs="tickets.view", order=10, topics=("service",)))
