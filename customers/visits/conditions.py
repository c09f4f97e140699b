"""The segment condition over what people did in the shop's pages."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from crm.events.models import Event
from customers.models import Visit
from customers.segmenting import Condition, Members, Params, Scope, add_condition, choice_field, days_field
from customers.visits.services import EVENTS

DID = (
    ("product", _("looked at a product")),
    ("cart", _("put something into the cart")),
    ("search", _("searched")),
    ("page", _("looked around")),
)


def _visited(params: Params, scope: Scope) -> Members:
    where = "t.name = %s AND t.occurred_at >= %s"
    name = EVENTS[Visit.Kind(params["what"])].name
    return scope.members(Event._meta.db_table, where, [name, scope.days_ago(params["days"])])


def register() -> None:
    """Called by customers/conditions.py, which is found at start."""
    add_condition(
        Condition(
            "customers.visited",
            _("In the shop's pages"),
            _("Visited the shop"),
            _("who {what} in the shop's pages in the last {days} days"),
            _visited,
            (choice_field("what", _("What"), DID), days_field(_("Days"), 30)),
        )
    )
