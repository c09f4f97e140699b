"""The fourth wall: a rival walks every model, page, API operation and portal route, and finds nothing.

The victim's shop has a row of every tenant model (tests/factories/world.py), each full of canaries.
"""

from __future__ import annotations

import time

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import F, UniqueConstraint
from django.test import Client
from django_scopes import ScopeError

from crm.accounts.models import Membership
from crm.accounts.permissions import SCOPES
from crm.api.registry import STANDARD, operations_of, registered
from crm.lib.tenancy import MerchantForeignKey, MerchantOneToOneField, merchant_scope
from customers.portal_door import SESSION_KEY
from tests.factories.accounts import make_key
from tests.factories.fixtures import client_of
from tests.factories.world import World, make_world, tenant_keys, tenant_models
from tests.routes import (
    EXCUSED,
    NOBODYS,
    PUBLIC,
    every_route,
    everything_of,
    is_excused,
    portal_routes,
    staff_routes,
)

FOREIGN_KEY_VIOLATION = "23503"
# Somebody else's system failed: the rival's own mailbox at an address that doesn't exist.
UPSTREAM = 502
# Unique across merchants on purpose.
GLOBALLY_UNIQUE = {
    "accounts.ApiKey.prefix": "a key is looked up before anybody knows whose it is",
    "integrations.Connection.uuid": "a webhook comes to this address before anybody knows whose it is",
}
KEYS = [(model, one) for model in tenant_models() for one in tenant_keys(model)]


def label(value: object) -> str:
    return getattr(getattr(value, "_meta", None), "label", "") or getattr(value, "name", str(value))


@pytest.fixture
def victim(db: None) -> World:
    return make_world("victim")


@pytest.fixture
def intruder(db: None) -> World:
    return make_world("intruder")


# --- wall 1 and 2: scopes, leading merchant -------------------------------------------------------------


@pytest.mark.parametrize("model", tenant_models(), ids=label)
def test_a_query_outside_a_scope_raises(model):
    with pytest.raises(ScopeError):
        model.objects.count()
    with pytest.raises(ScopeError):
        list(model.objects.all())


def test_a_scope_sees_its_own_rows_only(victim, intruder):
    leaks = []
    for model in tenant_models():
        with merchant_scope(intruder.merchant):
            merchants = set(model.objects.values_list("merchant_id", flat=True))
        if merchants != {intruder.merchant.pk}:
            leaks.append((label(model), merchants))
    assert leaks == []


@pytest.mark.parametrize("model", tenant_models(), ids=label)
def test_what_is_unique_is_unique_in_its_merchant(model):
    for constraint in model._meta.constraints:
        if isinstance(constraint, UniqueConstraint):
            first = constraint.fields[0] if constraint.fields else constraint.expressions[0]
            assert first in ("merchant", F("merchant")), constraint.name
    for one in model._meta.local_fields:
        if one.unique and not one.primary_key and not one.is_relation:
            name = f"{model._meta.label}.{one.name}"
            assert name in GLOBALLY_UNIQUE, f"{name} is unique over all merchants: why?"


# --- wall 3: keys that can't leave the merchant ---------------------------------------------------------


@pytest.mark.parametrize("model, one", KEYS, ids=label)
def test_a_key_between_tenant_models_is_a_merchants_key(model, one):
    assert isinstance(one, MerchantForeignKey | MerchantOneToOneField)


def test_the_database_holds_every_such_key_as_a_composite_one(db):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.conrelid::regclass::text, array_agg(a.attname::text ORDER BY a.attname)"
            " FROM pg_constraint c"
            " JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = ANY(c.conkey)"
            " WHERE c.contype = 'f' GROUP BY c.oid, c.conrelid"
        )
        held = {(table, tuple(columns)) for table, columns in cursor.fetchall()}
    missing = [
        f"{model._meta.label}.{one.name}"
        for model, one in KEYS
        if (model._meta.db_table, tuple(sorted([one.column, "merchant_id"]))) not in held
    ]
    assert missing == []


# Whatever is written there, the database puts its own answer (tests/customers/test_regions.py).
KEPT_BY_TRIGGER = {"located_in"}


def test_the_database_refuses_a_row_that_points_into_another_shop(victim, intruder):
    accepted = []
    for model, one in KEYS:
        if one.related_model is model and intruder.rows[model].pk is None:
            continue
        if one.name in KEPT_BY_TRIGGER:
            continue
        if _points_across(model, one, victim, intruder) != FOREIGN_KEY_VIOLATION:
            accepted.append(f"{model._meta.label}.{one.name}")
    assert accepted == []


def _points_across(model, one, victim: World, intruder: World) -> str:
    """The error with which PostgreSQL refuses the intruder's row that points at the victim's, else ""."""
    table, pk = model._meta.db_table, model._meta.pk.column
    target = victim.rows[one.related_model].pk
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            if one.unique:  # make room, or the unique key refuses before the foreign one is asked
                cursor.execute(f"DELETE FROM {table} WHERE merchant_id = %s", [victim.merchant.pk])
            cursor.execute(
                f"UPDATE {table} SET {one.column} = %s WHERE {pk} = %s", [target, intruder.rows[model].pk]
            )
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            transaction.set_rollback(True)
    except IntegrityError as error:
        return str(error.__cause__.pgcode)
    return ""


# --- wall 4: the walk -----------------------------------------------------------------------------------


Answer = tuple[int, str]


class Walk:
    """Knocks at addresses and writes down what should not have been."""

    def __init__(self, client: Client, victim: World) -> None:
        self.client, self.victim = client, victim
        self.client.raise_request_exception = False
        self.faults: list[str] = []

    def knock(self, method: str, path: str, data: object = None, **extra: object) -> Answer:
        """The status, and what it shows; whatever the request wrote is rolled back."""
        with transaction.atomic():
            send = getattr(self.client, method)
            response = send(path, data, **extra) if data is not None else send(path, **extra)
            body = response.getvalue() if response.streaming else response.content
            # A request that broke its transaction answers 500 and has written nothing.
            asks = method != "get" and not connection.needs_rollback
            after = self.victim.snapshot() if asks else None
            transaction.set_rollback(True)
        if self.victim.canary.encode() in body:
            self.faults.append(f"{method} {path}: shows the other shop's data")
        if response.status_code >= 500 and response.status_code != UPSTREAM:
            self.faults.append(f"{method} {path}: {response.status_code}")
        if after is not None and after != self.before:
            changed = [table for table, rows in after.items() if rows != self.before[table]]
            self.faults.append(f"{method} {path}: changed the other shop's {changed}")
        shown = body.decode("utf-8", "replace").strip() if response.status_code < 300 else ""
        return int(response.status_code), shown

    def both(self, path: str) -> list[Answer]:
        """To look and to send a form that names everything of the victim's."""
        return [self.knock("get", path), self.knock("post", path, everything_of(self.victim))]

    def watch(self) -> None:
        self.before = self.victim.snapshot()

    def must_be_closed(self, name: str, theirs: list[Answer], nobodys: list[Answer]) -> None:
        """A row of another shop is no more here than one that doesn't exist: the same refusal, or for a card
        that stays empty the same emptiness."""
        if theirs != nobodys:
            self.faults.append(f"{name}: answers {theirs} to another shop's ids, {nobodys} to nobody's")


def test_the_rivals_owner_finds_nothing_on_any_staff_page(victim, intruder):
    walk = Walk(client_of(intruder.member), victim)
    walk.watch()
    for route in staff_routes():
        answers = walk.both(route.path(victim))
        if route.names_rows:
            walk.must_be_closed(route.name, answers, walk.both(route.path(victim, nobodys=True)))
    assert walk.faults == []


def test_the_rivals_key_finds_nothing_in_any_api_operation(victim, intruder):
    secret = make_key(intruder.merchant, *SCOPES)[1]
    walk = Walk(Client(headers={"Authorization": f"Bearer {secret}"}), victim)
    walk.watch()
    body = {name: value for name, value in everything_of(victim).items() if value != ""}
    for one in registered():
        base = f"/api/v1/{one.prefix}/"
        model = one.viewset.model
        # Memberships are not scoped: they say who enters a scope.
        pk = victim.member.pk if model is Membership else victim.rows[model].pk
        for method, action in operations_of(one.viewset):
            sent = {} if method in ("GET", "DELETE") else {"data": body, "content_type": "application/json"}
            path, is_detail = _api_path(one.viewset, base, pk, action)
            answer = walk.knock(method.lower(), path, **sent)
            if is_detail:
                missing = _api_path(one.viewset, base, NOBODYS, action)[0]
                walk.must_be_closed(
                    f"{method} {path}", [answer], [walk.knock(method.lower(), missing, **sent)]
                )
    assert walk.faults == []


def _api_path(viewset, base: str, pk: int, action: str) -> tuple[str, bool]:
    if action in ("list", "create"):
        return base, False
    if action in STANDARD:
        return f"{base}{pk}/", True
    extra = getattr(viewset, action)
    return (f"{base}{pk}/{extra.url_path}/", True) if extra.detail else (f"{base}{extra.url_path}/", False)


def test_the_rivals_customer_finds_nothing_in_the_portal(victim, intruder):
    walk = Walk(Client(), victim)
    walk.watch()
    for route, is_open in portal_routes():
        walk.client = signed_in(intruder)  # the route before may have been the way out
        answers = walk.both(route.path(victim, shop=intruder.merchant.slug))
        if route.names_rows and not is_open:
            nobodys = walk.both(route.path(victim, nobodys=True, shop=intruder.merchant.slug))
            walk.must_be_closed(route.name, answers, nobodys)
        if not is_open:
            strange = [
                walk.knock("get", route.path(victim))[0],
                walk.knock("post", route.path(victim), {})[0],
            ]
            if strange != [302, 302]:
                walk.faults.append(f"{route.name}: lets a stranger in with {strange}")
    assert walk.faults == []


def signed_in(world: World) -> Client:
    """A browser of the world's customer, in the portal of their own shop."""
    client = Client(raise_request_exception=False)
    person, now = world.row("customers.Customer"), time.time()
    kept = {"customer": person.pk, "address": person.email, "grants": {}, "started": now, "seen": now}
    session = client.session
    session[SESSION_KEY] = {str(world.merchant.pk): kept}
    session.save()
    return client


def test_the_sweep_itself_finds_a_hole(victim):
    """The victim's own customer and owner are shown what the rival must not see: the walk can fail."""
    walk = Walk(signed_in(victim), victim)
    walk.watch()
    walk.knock("get", f"/portal/{victim.merchant.slug}/orders/{victim.row('orders.Order').pk}/")
    assert walk.faults, "the portal page shows no canary: the walk is blind"
    walk = Walk(client_of(victim.member), victim)
    walk.watch()
    walk.knock("get", "/customers/")
    walk.knock("post", f"/customers/{victim.row('customers.Customer').pk}/notes/", {"text": "x"})
    assert len(walk.faults) == 3, walk.faults  # shown in the list, shown in the card, changed by the note


def test_public_pages_show_a_shops_own_rows_only(victim, intruder):
    walk = Walk(Client(), victim)
    walk.watch()
    for route in every_route():
        if route.name in PUBLIC:
            status, _shown = walk.knock("get", route.path(victim, shop=intruder.merchant.slug))
            if route.names_rows and status != 404:
                walk.faults.append(f"{route.name}: answers {status} to another shop's id")
    assert walk.faults == []


# --- nothing is left out --------------------------------------------------------------------------------


def test_every_route_is_walked_or_excused_in_writing():
    walked = (
        {route.name for route in staff_routes()}
        | {route.name for route, _open in portal_routes()}
        | set(PUBLIC)
    )
    api = tuple(f"api_{one.basename}-" for one in registered())
    left = [
        route.name
        for route in every_route()
        if route.name not in walked and not route.name.startswith(api) and not is_excused(route.name)
    ]
    assert left == [], "walk these routes or excuse them in tests/routes.py"


def test_no_excuse_is_left_over():
    names = [route.name for route in every_route()]
    idle = [
        one for one in EXCUSED if not any(name == one or name.startswith(one.rstrip("*")) for name in names)
    ]
    assert idle == []
