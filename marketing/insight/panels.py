"""The score's card on the customer page."""

from django.utils.translation import gettext_lazy as _

from customers.registries import Panel, add_panel

add_panel(Panel("customer_score", _("Score"), "loyalty.view", order=35, topics=("customer:{id}",)))
