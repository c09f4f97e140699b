"""A key for a part of the shop reads that part, and nothing else of the shop."""

import re

import pytest
from django.urls import reverse

from crm.accounts.changes import team_delete
from crm.accounts.models import ApiKey
from crm.accounts.permissions import PART_SCOPES, SCOPES
from crm.accounts.services import apikey_create
from crm.api.registry import operations_of, registered
from crm.lib.errors import Rejected
from crm.lib.tenancy import merchant_scope
from customers.todos.services import task_add
from reviews.services import review_submit
from service.models import Ticket
from service.tickets import ticket_assign
from tests.api.conftest import ApiClient
from tests.factories.accounts import make_member, make_team
from tests.factories.customers import make_company, make_customer
from tests.factories.fixtures import client_of
from tests.factories.orders import make_order, make_product
from tests.factories.service import make_ticket
from tests.factories.world import make_world
from tests.test_tenancy import _api_path


def part_key(merchant, **part):
    return ApiClient(apikey_create(merchant=merchant, name="part", scopes=sorted(PART_SCOPES), **part)[1])


def ids(client, path):
    answer = client.get(path)
    assert answer.status_code == 200, answer.content
    return {one["id"] for one in answer.json()["results"]}


@pytest.fixture
def shop(scoped):
    """One customer of the East team in Zhejiang, one of a colleague of it, others elsewhere; each with an
    order and a ticket."""
    team = make_team(scoped, "East")
    mate, other = make_member(scoped, "agent", team=team), make_member(scoped, "agent")
    people = {
        "team": make_customer(scoped, "Team's", team=team, region="Zhejiang"),
        "mate": make_customer(scoped, "Mate's", owner=mate),
        "else": make_customer(scoped, "Somebody else's", owner=other, region="Hunan"),
        "free": make_customer(scoped, "Nobody's"),
    }
    orders = {name: make_order(scoped, customer=one) for name, one in people.items()}
    tickets = {name: make_ticket(scoped, one) for name, one in people.items()}
    for ticket in tickets.values():
        ticket_assign(ticket=ticket, assignee=other)
    return {"team": team, "people": people, "orders": orders, "tickets": tickets, "other": other}


def test_reads_a_teams_part_alone(scoped, shop):
    firm = make_company(scoped, "Theirs", team=shop["team"])
    make_company(scoped, "Nobody's")
    task_add(merchant=scoped, creator=None, assignee=None, title="Nobody's task")
    client = part_key(scoped, bound="team", team=shop["team"])
    for what in ("people", "orders", "tickets"):
        path = {"people": "customers/", "orders": "orders/", "tickets": "tickets/"}[what]
        assert ids(client, path) == {shop[what]["team"].pk, shop[what]["mate"].pk}
        assert client.get(f"{path}{shop[what]['else'].pk}/").status_code == 404
        assert client.get(f"{path}{shop[what]['mate'].pk}/").status_code == 200
    assert ids(client, "companies/") == {firm.pk}
    assert ids(client, "tasks/") == set()


def test_reads_a_regions_part_alone(scoped, shop):
    client = part_key(scoped, bound="region", region="zhejiang")
    assert ids(client, "customers/") == {shop["people"]["team"].pk}
    assert ids(client, "customers/?q=Somebody") == set()
    assert ids(client, "orders/") == {shop["orders"]["team"].pk}


def test_a_key_whose_team_is_gone_sees_nothing(scoped, shop):
    client = part_key(scoped, bound="team", team=shop["team"])
    team_delete(team=shop["team"])
    assert ids(client, "customers/") == set()


def test_what_is_nobodys_lies_in_no_part(scoped, shop):
    """Strangers' tickets and those of customers whom nobody looks after wait for whoever works here."""
    stranger, unkept = make_ticket(scoped), make_ticket(scoped, shop["people"]["free"])
    review_submit(merchant=scoped, product=make_product(scoped), rating=1, body="Anonymous", source="api")
    mate = make_member(scoped, "agent", team=shop["team"], visibility="team")
    assert {stranger.pk, unkept.pk} <= set(Ticket.objects.visible_to(mate).values_list("pk", flat=True))

    clients = [
        part_key(scoped, bound="region", region="Zhejiang"),
        part_key(scoped, bound="team", team=shop["team"]),
    ]
    for client in clients:
        assert not ids(client, "tickets/") & {stranger.pk, unkept.pk}
        assert client.get(f"tickets/{stranger.pk}/").status_code == 404
        assert ids(client, "reviews/") == set()
    team_delete(team=shop["team"])
    assert ids(clients[1], "tickets/") == set()


def test_no_operation_shows_more_whatever_scopes_the_key_has(db):
    """Every operation of the house, walked with a key that has every scope and sees an empty region."""
    world = make_world("parts")
    key, secret = apikey_create(
        merchant=world.merchant, name="part", scopes=["customers.read"], bound="region", region="Nowhere"
    )
    with merchant_scope(world.merchant):
        ApiKey.objects.filter(pk=key.pk).update(scopes=sorted(SCOPES))
    client = ApiClient(secret)
    before = world.snapshot()
    walked = {}
    for one in registered():
        model = one.viewset.model
        pk = world.rows[model].pk if model in world.rows else world.member.pk
        segment = str(world.row("marketing.Segment").pk)
        prefix = re.sub(r"\(\?P<segment>[^)]*\)", segment, one.prefix)
        for method, action in operations_of(one.viewset):
            path, _is_detail = _api_path(one.viewset, f"/api/v1/{prefix}/", pk, action)
            answer = getattr(client, method.lower())(path, content_type="application/json")
            open_to_parts = one.viewset.narrows and method == "GET"
            # 415: a file that is none is refused before anybody asks what the key sees.
            assert open_to_parts or answer.status_code in (403, 415), (method, path)
            assert world.canary not in answer.content.decode(), (method, path)
            walked[method, path] = answer.status_code
    assert len(walked) > 80
    after = world.snapshot()
    assert {table for table in after if after[table] != before[table]} <= {"accounts_apikey"}


@pytest.mark.parametrize(
    ("case", "part"),
    [
        ("may write", {"bound": "region", "region": "X", "scopes": ["customers.write"]}),
        ("reads what can't be narrowed", {"bound": "region", "region": "X", "scopes": ["events.read"]}),
        ("names no region", {"bound": "region", "region": " "}),
        ("names no team", {"bound": "team"}),
        ("is bound to something else", {"bound": "moon", "region": "X"}),
        ("names a region and forgets to bind", {"region": "X"}),
    ],
)
def test_refused_keys_are_not_made(scoped, case, part):
    with pytest.raises(Rejected):
        apikey_create(**{"merchant": scoped, "name": "part", "scopes": ["customers.read"], **part})
    assert not ApiKey.objects.exists()


def test_the_form_makes_one_and_says_why_not(merchant, owner):
    client = client_of(owner)
    form = {"name": "Shop floor", "scopes": ["customers.write"], "bound": "region", "region": "Zhejiang"}
    refused = client.post(reverse("apikey_create"), form)
    assert refused.status_code == 422
    assert "only reads" in refused.content.decode()
    assert client.post(reverse("apikey_create"), form | {"scopes": ["customers.read"]}).status_code == 200
    assert "Zhejiang" in client.get(reverse("apikey_list")).content.decode()
