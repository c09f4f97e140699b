"""The points' card on the customer page."""

from django.utils.translation import gettext_lazy as _

from customers.registries import Panel, add_panel

add_panel(Panel("customer_points", _("Points"), "loyalty.view", order=40, topics=("loyalty",)))
