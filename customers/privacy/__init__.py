"""Erasing a person: everywhere, for good, and again after a backup brought them back."""

from django.utils.translation import gettext_lazy as _

from customers.privacy import around as around  # registers what it erases
from customers.privacy import erasers as erasers  # registers them, because this module is loaded at start
from customers.privacy import tasks as tasks  # Celery finds the tasks because this module is loaded
from customers.registries import Action, add_action
from customers.visits import privacy as privacy  # registers what of nameless visits it erases

add_action(Action("customer_erase", _("Erase"), "eraser", "customers.erase", order=99))
