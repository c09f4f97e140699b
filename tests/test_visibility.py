"""Inside the shop: a member bound to a part of it walks every page as somebody else's customer lies there.

The shop has one row of everything (tests/factories/world.py). What belongs to a person carries a secret of
its own; it must not turn up in any page, search, count or file of a colleague who may do everything, but sees
only their own customers, only their team's, or only a region's.
"""

from __future__ import annotations

import uuid

import pytest
from django.db import connection, models, transaction
from django.test import Client

from crm.accounts.models import Membership
from crm.lib.tenancy import merchant_scope
from customers.models import Customer
from customers.searching import search_rebuild_all
from service.models import Ticket
from tests.factories.accounts import make_member, make_team
from tests.factories.fixtures import client_of, prove
from tests.factories.world import World, make_world, tenant_models
from tests.routes import Route, everything_of, staff_routes

# What the shop knows apart from its customers: anybody who may open the page may read it.
OF_THE_SHOP = {
    *("accounts.Team", "accounts.ApiKey", "accounts.ExchangeRate", "accounts.Counter"),
    *("orders.Product", "orders.Variant", "orders.SalesChannel"),
    *("marketing.Segment", "marketing.Template", "marketing.Campaign", "marketing.Journey", "marketing.Link"),
    *("loyalty.Program", "loyalty.Tier", "insight.Day", "insight.Model"),
    *("service.Macro", "service.BusinessHours", "service.ServiceSettings", "service.SlaPolicy",
    "service.Mailbox"), *("integrations.Connection", "integrations.WebhookEndpoint",
    "customers.PortalSettings"),
}
# What a colleague must not change either.
PERSONAL = ("customers_", "orders_", "service_ticket", "service_entry", "reviews_review", "reviews_reply")
BOUNDS = {
    "own": {"visibility": Membership.Visibility.OWN},
    "team": {"visibility": Membership.Visibility.TEAM},
    "region": {"visibility": Membership.Visibility.ALL, "region": "Elsewhere"},
}


@pytest.fixture
def world(db: None) -> World:
    world = make_world("whole")
    world.secret = f"q{uuid.uuid4().hex[:9]}"  # type: ignore[attr-defined]
    with connection.cursor() as cursor:
        for model in tenant_models():
            if model._meta.label not in OF_THE_SHOP:
                _mark(cursor, model, world)
    for row in world.rows.values():
        row.refresh_from_db()
    with merchant_scope(world.merchant):
        Customer.objects.update(phone="+8613912345678", region="Here")
        Ticket.objects.update(assignee=world.member)
        search_rebuild_all()
    return world


def _mark(cursor: object, model: type[models.Model], world: World) -> None:
    """Puts the secret into every text of the model's rows where the canary stood, whole or cut short."""
    for one in model._meta.local_fields:
        if isinstance(one, models.CharField | models.TextField) and not one.choices and one.column !=
        "merchant_id":
            room = min(one.max_length or 500, 500)
            if room >= len(world.secret) and one.name not in ("currency", "kind", "time_zone", "language"):
                cursor.execute(  # type: ignore[attr-defined]
                    f"UPDATE {model._meta.db_table} SET {one.column} ="
                    f" CASE WHEN {one.column} LIKE '%%@%%' THEN %s ELSE %s END"
                    f" WHERE merchant_id = %s AND {one.column} LIKE %s",
                    [
                        f"{world.secret}@x.cn"[:room],
                        world.secret,
                        world.merchant.pk,
                        f"{world.canary[:10]}%",
                    ],
                )


def colleague_of(world: World, bound: str) -> Membership:
    return make_member(world.merchant, "manager", team=make_team(world.merchant, "Others"), **BOUNDS[bound])


def walked(client: Client, world: World, route: Route) -> list[str]:
    faults = []
    before = personal(world)
    for method, data in (("get", {"q": world.secret}), ("get", {}), ("post", everything_of(world))):
        with transaction.atomic():
            response = getattr(client, method)(route.path(world), data)
            body = response.getvalue() if response.streaming else response.content
            broken = connection.needs_rollback
            after = before if broken or method == "get" else personal(world)
            transaction.set_rollback(True)
        # The words that were searched for come back in the field that they were typed into.
        text = body.decode("utf-8", "replace")
        if method == "get" and data:
            for echo in ('value="%s"', "q=%s", "q: %s", "“%s”"):
                text = text.replace(echo % world.secret, "")
        if world.secret in text or "13912345678" in text:
            faults.append(f"{method} {route.name}: shows somebody else's customer")
        if response.status_code >= 500 and response.status_code != 502:
            faults.append(f"{method} {route.name}: {response.status_code}")
        if after != before:
            changed = [table for table, rows in after.items() if rows != before[table]]
            faults.append(f"{method} {route.name}: changes {changed}")
    return faults


def personal(world: World) -> dict[str, str]:
    return {table: rows for table, rows in world.snapshot().items() if table.startswith(PERSONAL)}


@pytest.mark.parametrize("bound", BOUNDS)
def test_a_bound_member_meets_nobody_elses_customers_on_any_page(bound, world):
    client = prove(client_of(colleague_of(world, bound)))
    client.raise_request_exception = False
    faults = [fault for route in staff_routes() for fault in walked(client, world, route)]
    assert faults == []


def test_the_walk_itself_finds_a_hole(world):
    client = prove(client_of(world.member))
    routes = {route.name: route for route in staff_routes()}
    for name in ("customer_list", "order_record", "ticket", "review_detail", "audit_log"):
        assert walked(client, world, routes[name]), f"{name} shows nothing: the walk is blind"
