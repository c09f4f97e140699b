"""Every route of the house with arguments that name a shop's own rows: what the sweeps of walls walk along.

A new route appears by itself. Its test fails until the source of its arguments is declared here, or until it
is excused in writing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import get_resolver, reverse
from django.urls.resolvers import URLPattern, URLResolver

import crm.urls  # noqa: F401 - loads every app's routes, operations and registries
from customers.portal_door import PORTAL_ROUTES
from tests.factories.world import World

# argument → "app.Model" (its pk) or "app.Model.column"
ARGUMENTS = {
    "customer_id": "customers.Customer",
    "identity_id": "customers.Identity",
    "other_id": "customers.Customer",
    "merge_id": "customers.MergeRecord",
    "conflict_id": "customers.IdentityConflict",
    "address_id": "customers.Address",
    "company_id": "customers.Company",
    "task_id": "customers.Task",
    "note_id": "customers.Note",
    "notice_id": "accounts.Notice",
    "channel_id": "orders.SalesChannel",
    "pair_id": "customers.DuplicatePair",
    "erasure_id": "customers.Erasure",
    "order_id": "orders.Order",
    "line_id": "orders.OrderLine",
    "shipment_id": "orders.Shipment",
    "return_id": "orders.Return",
    "product_id": "orders.Product",
    "batch_id": "imports.ImportBatch",
    "export_id": "exports.Export",
    "review_id": "reviews.Review",
    "number": "service.Ticket.number",
    "entry_id": "service.Entry",
    "macro_id": "service.Macro",
    "field_id": "customers.FieldDefinition",
    "change_id": "customers.BulkChange",
    "region_id": "customers.Region",
    "file_id": "customers.File",
    "suppression_id": "customers.Suppression",
    "package_id": "customers.DataPackage",
    "public_id": "customers.DataPackage.public_id",
    "view_id": "accounts.SavedView",
    "handover_id": "accounts.Handover",
    "move_id": "accounts.HandoverMove",
    "rule_id": "accounts.AssignmentRule",
    "letter": "marketing.Version.letter",
}
# (beginning of the route's name, argument) → source, where the argument's name says too little
NAMED = {
    ("rate_", "pk"): "accounts.ExchangeRate",
    ("team_", "pk"): "accounts.Team",
    ("apikey_", "pk"): "accounts.ApiKey",
    ("delivery_", "pk"): "events.Delivery",
    ("connection_", "pk"): "integrations.Connection",
    ("hook_", "pk"): "integrations.InboundHook",
    ("webhook_", "pk"): "integrations.WebhookEndpoint",
    ("attempt_", "pk"): "integrations.WebhookAttempt",
    ("macro_", "pk"): "service.Macro",
    ("template_", "pk"): "marketing.Template",
    ("campaign_", "pk"): "marketing.Campaign",
    ("version_", "pk"): "marketing.Campaign",
    ("journey_", "pk"): "marketing.Journey",
    ("enrolment_", "pk"): "marketing.Enrolment",
    ("sender_domain", "pk"): "marketing.SenderDomain",
    ("pace_limit_", "pk"): "marketing.PaceLimit",
    ("warmup_", "pk"): "marketing.WarmupPlan",
    ("segment_", "pk"): "marketing.Segment",
}
# Arguments that name no row of a shop.
WORDS = {
    ("customer_reveal", "what"): "addresses",
    ("connection_create", "platform"): "shopify",
    ("view_save", "list_key"): "customers",
    ("handover_held", "kind"): "customers",
    ("retention_set", "kind"): "accounts.notices",
    # Signed: what opens with a true one is told in tests/portal/test_confirming.py and test_preferences.py.
    ("portal_link", "token"): "x",
    ("portal_way_out", "token"): "x",
    ("portal_way_out", "purpose"): "reviews",
    ("portal_confirm", "token"): "x",
}
# Memberships decide who enters a scope and are not scoped themselves.
MEMBERS = (
    "member_edit",
    "member_invite_again",
    "member_deactivate",
    "member_reactivate",
    "member_handover",
)

# Public pages of a shop: anybody reads them, under that shop's own name only.
PUBLIC = ("public_product_reviews", "public_product_reviews_json", "public_integrity", "portal_contact")
# Routes outside of the walls, each with its reason; a name or, with a star, its beginning.
EXCUSED = {
    "account_*": "allauth: the user's own sign-in; no merchant in it",
    "mfa_*": "allauth: the user's own second factor; no merchant in it",
    "join": "an invitation: the signed token is the capability (tests/accounts/test_pages_settings.py)",
    "no_shop": "a page without data",
    "shop_switch": "goes to one of the user's own shops (tests/accounts/test_pages_frame.py)",
    "language_set": "sets a cookie",
    "profile": "the user's own name and language",
    "api_schema": "the description of the API, without data",
    "api_docs": "the description of the API, without data",
    "inbound_hook": "a secret address and a signed body (tests/integrations/test_receiving.py)",
    "inbound_hook_part": "a secret address and a signed body (tests/integrations/test_mail_providers.py)",
    "visit_script": "a file for everybody",
    "visit_take": "takes, never shows (tests/customers/test_visits.py)",
    "mail_open": "the signed token is the capability (tests/marketing/test_tracking.py)",
    "mail_click": "the signed token is the capability (tests/marketing/test_tracking.py)",
    "mail_unsubscribe_test": "where the links of a test mail lead; it changes nothing for anybody",
    "mail_unsubscribe": "the signed token is the capability (tests/marketing/test_tracking.py)",
}


# An id that no row has.
NOBODYS = 987_654_321


class Undeclared(AssertionError):
    """A route whose arguments nobody has explained."""


@dataclass(frozen=True)
class Route:
    """`needs` is the permission of a staff route, "" for others; `arguments` the names in its address."""

    name: str
    needs: str
    arguments: tuple[str, ...]

    def path(self, world: World, *, nobodys: bool = False, **fixed: Any) -> str:
        """The address with this world's rows in it, or with ids that no shop has."""
        values = {name: fixed[name] if name in fixed else self._value(world, name) for name in self.arguments}
        if nobodys:
            values = {name: NOBODYS if isinstance(value, int) else value for name, value in values.items()}
        return reverse(self.name, kwargs=values)

    @property
    def names_rows(self) -> bool:
        return any((self.name, one) not in WORDS and one != "shop" for one in self.arguments)

    def _value(self, world: World, argument: str) -> Any:
        if argument == "shop":
            return world.merchant.slug
        if (self.name, argument) in WORDS:
            return WORDS[self.name, argument]
        if self.name in MEMBERS and argument == "pk":
            return world.member.pk
        fitting = [
            one for (start, name), one in NAMED.items() if name == argument and self.name.startswith(start)
        ]
        source = max(fitting, key=len) if fitting else ARGUMENTS.get(argument)
        if source is None:
            raise Undeclared(f"declare in tests/routes.py where {self.name} takes its “{argument}” from")
        app, model, column = [*source.split("."), "pk"][:3]
        return getattr(world.row(f"{app}.{model}"), column)


def every_route() -> list[Route]:
    return [
        Route(pattern.name or "", getattr(pattern.callback, "needs", ""), arguments)
        for pattern, arguments in _walk(get_resolver().url_patterns, ())
    ]


def _walk(patterns: Any, before: tuple[str, ...]) -> Iterator[tuple[URLPattern, tuple[str, ...]]]:
    for one in patterns:
        names = (*before, *_arguments(one))
        if isinstance(one, URLResolver):
            yield from _walk(one.url_patterns, names)
        else:
            yield one, names


def _arguments(one: URLPattern | URLResolver) -> tuple[str, ...]:
    converters = getattr(one.pattern, "converters", {})
    return (*converters, *one.pattern.regex.groupindex) if not converters else tuple(converters)


def staff_routes() -> list[Route]:
    return [route for route in every_route() if route.needs]


def portal_routes() -> list[tuple[Route, bool]]:
    """(route, open to strangers)"""
    known = dict(PORTAL_ROUTES)
    return [(route, known[route.name]) for route in every_route() if route.name in known]


def is_excused(name: str) -> bool:
    return any(name.startswith(one[:-1]) if one.endswith("*") else name == one for one in EXCUSED)


def everything_of(world: World) -> dict[str, Any]:
    """A body that names the world's rows under every name that a form may read."""
    row = world.row
    own = {
        "ids": row("customers.Customer").pk,
        "customer": row("customers.Customer").pk,
        "customer_id": row("customers.Customer").pk,
        "order": row("orders.Order").pk,
        "owner": world.member.pk,
        "assignee": world.member.pk,
        "team": row("accounts.Team").pk,
        "segment": row("marketing.Segment").pk,
        "template": row("marketing.Template").pk,
        "campaign": row("marketing.Campaign").pk,
        "product": row("orders.Product").pk,
        "company": row("customers.Company").pk,
        "absorbed": f"x #{row('customers.Company').pk}",
        "who": f"x #{row('customers.Customer').pk}",
    }
    words = ("tag", "text", "body", "name", "subject", "reason", "carrier", "email")
    choices = {
        "action": "assign",
        "channel": "email",
        "purpose": "marketing",
        "granted": "1",
        "format": "csv",
    }
    return (
        own | dict.fromkeys(words, "x") | choices | {"state": "approved", "kind": "person", "stage": "lead"}
    )
