"""Who may do what, as a table that a shop manager could proof-read, and the doors that keep it."""

from __future__ import annotations

import pytest
from django.test import Client

from crm.accounts.permissions import PERMISSIONS, TABLE, Role
from tests.factories.accounts import make_member
from tests.factories.fixtures import client_of
from tests.factories.world import World, make_world
from tests.routes import Route, staff_routes

# O owner, M manager, K marketer, A agent, N analyst, V viewer
PROOF = """
    permission              O M K A N V
    home.view               x x x x x x
    customers.view          x x x x x x
    customers.pii           x x x x . .
    customers.edit          x x . x . .
    customers.bulk          x x . . . .
    customers.export        x x . . . .
    exports.approve         x x . . . .
    customers.erase         x x . . . .
    customers.merge         x x . . . .
    suppressions.view       x x x x . .
    suppressions.edit       x x . . . .
    companies.view          x x x x x x
    companies.edit          x x . x . .
    tasks.view              x x x x x x
    tasks.edit              x x x x . .
    orders.view             x x x x x x
    orders.edit             x x . x . .
    imports.view            x x . . x .
    imports.run             x x . . . .
    imports.undo            x x . . . .
    reviews.view            x x x x x x
    reviews.moderate        x x . x . .
    tickets.view            x x . x x x
    tickets.answer          x x . x . .
    segments.view           x x x . x x
    segments.edit           x x x . . .
    campaigns.view          x x x . x x
    campaigns.edit          x x x . . .
    campaigns.send          x x x . . .
    journeys.view           x x x . x x
    journeys.edit           x x x . . .
    loyalty.view            x x x x x x
    loyalty.edit            x x . . . .
    insight.view            x x x . x .
    views.share             x x x x . .
    settings.view           x x . . . .
    settings.edit           x x . . . .
    team.view               x x x x x x
    team.edit               x x . . . .
    team.handover           x x . . . .
    team.assign             x x . . . .
    integrations.view       x x . . . .
    integrations.edit       x x . . . .
    audit.view              x x . . . .
"""
ROLES = (Role.OWNER, Role.MANAGER, Role.MARKETER, Role.AGENT, Role.ANALYST, Role.VIEWER)
# Answers of a page that let the member in: shown, done, a method it doesn't speak, a form it refuses.
INSIDE = {200, 204, 302, 405, 422}
# What a page answers to those it lets in when what the world's rows ask for isn't there.
ODD = {
    # The shop's export waits for its approval: no file yet, and never one for who didn't ask for it.
    "export_download": {404, 409},
    # The world's file has a row and no bytes.
    "file_download": {404},
    # Names its way and purpose after the question mark; tests/customers/test_consent_wordings.py does.
    "wording_new": {404},
    # Nobody ticked is everybody, which takes customers.bulk besides.
    "customer_change_many": {403},
    "segment_pin_many": {403},
}


def proof() -> dict[str, tuple[Role, ...]]:
    lines = [line.split() for line in PROOF.strip().splitlines()[1:]]
    return {
        name: tuple(role for role, mark in zip(ROLES, marks, strict=True) if mark == "x")
        for name, *marks in lines
    }


def test_the_table_is_what_was_agreed():
    assert {name: tuple(roles) for name, (_label, roles) in TABLE.items()} == proof()


def test_every_permission_opens_something():
    """A permission that no route asks for and no code looks at is a promise nobody keeps."""
    asked = {route.needs for route in staff_routes()}
    inside_pages = {
        "views.share",  # asked when a view is shared (tests/accounts/test_saved_views.py)
    }
    assert asked | inside_pages == PERMISSIONS


@pytest.fixture
def shop(db: None) -> World:
    return make_world("shop")


def statuses(client: Client, routes: list[Route], shop: World) -> dict[str, int]:
    client.raise_request_exception = False
    return {route.name: client.get(route.path(shop)).status_code for route in routes}


def is_let_in(name: str, status: int) -> bool:
    return status in INSIDE or status in ODD.get(name, ())


def test_insider_the_owner_is_let_in_everywhere(shop):
    found = statuses(client_of(shop.member), staff_routes(), shop)

    assert {name: status for name, status in found.items() if not is_let_in(name, status)} == {}


@pytest.mark.parametrize("role", ROLES[1:], ids=str)
def test_colleague_each_role_gets_exactly_its_pages(role, shop):
    client = client_of(make_member(shop.merchant, role, password="tea for two"))
    allowed = {name for name, roles in proof().items() if role in roles}
    closed = [route for route in staff_routes() if route.needs not in allowed]
    opened = [route for route in staff_routes() if route.needs in allowed]

    assert {name: status for name, status in statuses(client, closed, shop).items() if status != 403} == {}
    assert {
        name: status for name, status in statuses(client, opened, shop).items() if not is_let_in(name, status)
    } == {}


def test_outsider_a_stranger_is_sent_to_the_sign_in(shop):
    client = Client()
    for route in staff_routes():
        for answer in (client.get(route.path(shop)), client.post(route.path(shop))):
            assert answer.status_code == 302, route.name
            assert answer["Location"].startswith("/accounts/login/"), route.name


def test_a_leaver_is_out_with_the_next_request(shop):
    member = make_member(shop.merchant, Role.MANAGER)
    client = client_of(member)
    assert client.get("/customers/").status_code == 200

    member.is_active = False
    member.save()

    assert client.get("/customers/")["Location"] == "/no-shop/"
