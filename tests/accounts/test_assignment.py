"""Who gets new tickets and customers: ordered rules, by turns or to whoever has least."""

import threading
from unittest.mock import ANY

import pytest
from django.core.cache import cache
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from crm.accounts.assignment.choosing import try_out
from crm.accounts.assignment.registry import SUBJECTS
from crm.accounts.assignment.services import rule_change, rule_create, rule_move
from crm.accounts.changes import team_delete
from crm.accounts.models import AssignmentRule, Team
from crm.events.delivering import deliver
from crm.events.models import Delivery, Event
from crm.lib.errors import Conflict, Rejected
from crm.lib.tenancy import merchant_scope
from customers.models import Customer
from customers.services import customer_create
from service.assigning import ticket_assign_by_rule
from service.models import Ticket
from service.tickets import ticket_assign
from tests.api.conftest import ApiClient
from tests.factories.accounts import make_key, make_member, make_merchant, make_team
from tests.factories.customers import make_customer
from tests.factories.fixtures import client_of
from tests.factories.service import fresh, make_ticket
from tests.support.locks import waiting_sessions
from tests.support.processes import wait_until


def ticket_rule(merchant, name="All", **fields):
    return rule_create(merchant=merchant, subject="tickets", name=name, **fields)


def opened(merchant, customer=None, **fields):
    """A ticket whose event was delivered; its assignee."""
    ticket = make_ticket(merchant, customer, **fields)
    give(merchant)
    return fresh(ticket).assignee_id


def give(merchant):
    """Delivers what the assigning handlers are owed."""
    with merchant_scope(merchant):
        owed = Delivery.objects.filter(handler__endswith=".assign", state="pending")
        ids = list(owed.order_by("pk").values_list("pk", flat=True))
    for delivery_id in ids:
        assert deliver(delivery_id)


def test_by_turns_over_who_works_here_and_may(scoped):
    first, second = make_member(scoped, "agent"), make_member(scoped, "agent")
    gone, viewer = make_member(scoped, "agent"), make_member(scoped, "viewer")
    ticket_rule(scoped, people=[first.pk, second.pk, gone.pk, viewer.pk])
    gone.is_active = False
    gone.save()

    got = [opened(scoped) for _ in range(4)]

    assert got == [first.pk, second.pk, first.pk, second.pk]
    why = Event.objects.filter(name="service.ticket_assigned").latest("pk")
    assert why.data["why"] == {"code": "rule", "name": "All"}
    assert "(rule “All”)" in why.sentence


def test_to_whoever_has_least_open(scoped):
    busy, idle = make_member(scoped, "agent"), make_member(scoped, "agent")
    for _ in range(2):
        ticket_assign(ticket=make_ticket(scoped), assignee=busy)
    ticket_rule(scoped, people=[busy.pk, idle.pk], method="least")
    assert [opened(scoped) for _ in range(3)][:2] == [idle.pk, idle.pk]


def test_the_first_rule_that_fits_and_finds_somebody(scoped):
    north, anybody, east = (
        make_member(scoped, "agent"),
        make_member(scoped, "agent"),
        make_team(scoped, "East"),
    )
    make_member(scoped, "agent", team=east, is_active=False)
    li = make_customer(scoped, "Li", region="Hebei", grade="A")
    ticket_rule(scoped, "Empty team", team=east)
    ticket_rule(scoped, "Mail", people=[anybody.pk], conditions={"channel": ["email"]})
    ticket_rule(scoped, "North A", people=[north.pk], conditions={"region": ["hebei"], "grade": ["A", "B"]})

    assert opened(scoped, li) == north.pk
    assert opened(scoped, make_customer(scoped, "Wu", region="Hebei", grade="C")) is None
    ticket_rule(scoped, "Rest", people=[anybody.pk], is_default=True)
    assert opened(scoped) == anybody.pk
    assert opened(scoped, li) == north.pk  # the default is asked last, though made last


def test_never_to_who_may_not_see_it(scoped):
    """A ticket about a colleague's customer is not a bound member's to see."""
    keeper = make_member(scoped, "agent")
    bound = make_member(scoped, "agent", visibility="own")
    ticket_rule(scoped, people=[bound.pk])
    assert opened(scoped, make_customer(scoped, "Kept", owner=keeper)) is None
    assert opened(scoped, make_customer(scoped, "Nobody's")) == bound.pk


def test_twice_delivered_is_given_once_and_takes_one_turn(scoped):
    people = [make_member(scoped, "agent") for _ in range(2)]
    rule = ticket_rule(scoped, people=[one.pk for one in people])
    ticket = make_ticket(scoped)
    assert ticket_assign_by_rule(ticket_id=ticket.pk) is not None
    assert ticket_assign_by_rule(ticket_id=ticket.pk) is None
    assert AssignmentRule.objects.get(pk=rule.pk).given_count == 1


def test_what_somebody_took_stays_theirs(scoped):
    taker, other = make_member(scoped, "agent"), make_member(scoped, "agent")
    ticket_rule(scoped, people=[other.pk])
    ticket = make_ticket(scoped)
    ticket_assign(ticket=ticket, assignee=taker)
    give(scoped)
    assert fresh(ticket).assignee == taker


def test_new_customers_by_region_with_the_team(scoped):
    east = make_team(scoped, "East")
    member = make_member(scoped, "agent", team=east, visibility="own")
    elsewhere = make_member(scoped, "agent", region="Tibet", visibility="own", team=east)
    rule_create(
        merchant=scoped, subject="customers", name="East", team=east, conditions={"region": ["Zhejiang"]}
    )
    new = [
        customer_create(merchant=scoped, source="api", name=f"Person {n}", region="Zhejiang")
        for n in range(2)
    ]
    other = customer_create(merchant=scoped, source="api", name="Other", region="Hunan")
    owned = customer_create(merchant=scoped, source="api", name="Owned", region="Zhejiang", owner=elsewhere)
    give(scoped)

    owners = dict(Customer.objects.values_list("pk", "owner"))
    assert owners == {new[0].pk: member.pk, new[1].pk: member.pk, other.pk: None, owned.pk: elsewhere.pk}
    assert Customer.objects.get(pk=new[0].pk).team == east


def test_trying_gives_nothing(scoped):
    member = make_member(scoped, "agent")
    off = ticket_rule(scoped, "Off", people=[member.pk], is_active=False)
    ticket_rule(scoped, "Mail", people=[member.pk], conditions={"channel": ["email"]})
    ticket_rule(scoped, "All", people=[member.pk])
    ticket = make_ticket(scoped)
    trial = try_out(subject=SUBJECTS["tickets"], row=ticket)
    assert (trial.choice.member, [why for _rule, why in trial.passed]) == (member, ["off", "other"])
    assert fresh(ticket).assignee is None
    assert not AssignmentRule.objects.exclude(given_count=0).exists()
    rule_change(rule=off, is_active=True)
    assert try_out(subject=SUBJECTS["tickets"], row=ticket).choice.rule == off


@pytest.mark.parametrize(
    ("case", "fields"),
    [
        ("somebody of another shop", lambda s: {"people": [s["foreign"]]}),
        ("nobody", lambda s: {"people": []}),
        ("an unknown condition", lambda s: {"people": [s["ours"]], "conditions": {"moon": ["full"]}}),
        (
            "a value that isn't offered",
            lambda s: {"people": [s["ours"]], "conditions": {"channel": ["pigeon"]}},
        ),
        ("an unknown way", lambda s: {"people": [s["ours"]], "method": "dice"}),
    ],
)
def test_refused_rules_are_not_kept(scoped, case, fields):
    foreign = make_member(make_merchant("foreign"), "agent")
    said = {"foreign": foreign.pk, "ours": make_member(scoped, "agent").pk}
    with pytest.raises(Rejected):
        ticket_rule(scoped, **fields(said))
    assert not AssignmentRule.objects.exists()


def test_one_default_and_an_order_that_moves(scoped):
    member = make_member(scoped, "agent")
    rules = [ticket_rule(scoped, name, people=[member.pk]) for name in ("A", "B", "C")]
    ticket_rule(scoped, "Rest", people=[member.pk], is_default=True, conditions={"channel": ["email"]})
    with pytest.raises(Conflict):
        ticket_rule(scoped, "Rest too", people=[member.pk], is_default=True)
    rule_move(rule=rules[2], up=True)
    rule_move(rule=rules[0], up=True)  # is the first already
    order = AssignmentRule.objects.order_by("is_default", "position").values_list("name", "conditions")
    assert list(order) == [("A", {}), ("C", {}), ("B", {}), ("Rest", {})]


def test_a_rule_whose_team_is_gone_can_be_switched_off_and_given_people(scoped):
    team = make_team(scoped, "East")
    member = make_member(scoped, "agent", team=team)
    rule = ticket_rule(scoped, team=team)
    team_delete(team=team)
    assert opened(scoped) is None
    assert rule_change(rule=rule, is_active=False) == ["is_active"]
    rule_change(rule=rule, is_active=True, people=[member.pk])
    assert opened(scoped) == member.pk
    rule_change(rule=rule, team=make_team(scoped, "West"))
    rule_change(rule=rule, people=[member.pk])  # people take the team's place
    assert AssignmentRule.objects.get().team is None


@pytest.mark.django_db(transaction=True)
def test_a_team_goes_in_the_moment_in_which_its_rule_gives(merchant):
    """Who deletes the team waits for the rule before the members, so that neither waits for the other."""
    team = make_team(merchant, "East")
    member = make_member(merchant, "agent", team=team, visibility="team")
    with merchant_scope(merchant):
        rule, ticket = ticket_rule(merchant, team=team), make_ticket(merchant)

    def delete():
        try:
            with merchant_scope(merchant):
                team_delete(team=team)
        finally:
            connections["default"].close()

    thread = threading.Thread(target=delete)
    with merchant_scope(merchant), transaction.atomic():
        AssignmentRule.objects.select_for_update(of=("self",)).get(pk=rule.pk)
        thread.start()
        wait_until(lambda: waiting_sessions() == 1, what="the team's end waits")
        assert ticket_assign_by_rule(ticket_id=ticket.pk) is not None
    thread.join(timeout=30)

    with merchant_scope(merchant):
        assert fresh(ticket).assignee == member
        assert not Team.objects.exists()
        assert AssignmentRule.objects.get().team is None


class TestPages:
    def test_makes_tries_orders_and_deletes(self, merchant, owner):
        client = client_of(owner)
        agent = make_member(merchant, "agent", name="Han")
        ticket = make_ticket(merchant)
        home = reverse("assignment")
        assert "No rules yet" in client.get(home).content.decode()
        form = {"name": "Mail", "people": [agent.pk], "method": "turns", "if_channel": ["form"]}
        assert client.post(f"{reverse('rule_new')}?of=tickets", {**form, "people": []}).status_code == 422
        client.post(f"{reverse('rule_new')}?of=tickets", form | {"or_region": "上海，浙江"})
        with merchant_scope(merchant):
            rule = AssignmentRule.objects.get()
            assert rule.conditions == {"channel": ["form"], "region": ["上海", "浙江"]}
        client.post(reverse("rule_edit", args=[rule.pk]), form | {"or_region": ""})
        page = client.get(reverse("assignment_try"), {"of": "tickets", "number": str(ticket.number)})
        assert "<b>Han</b> would get it" in page.content.decode()
        client.post(reverse("rule_act", args=[rule.pk]), {"act": "off"})
        assert "Off" in client.get(home).content.decode()
        client.post(reverse("rule_act", args=[rule.pk]), {"act": "delete"})
        with merchant_scope(merchant):
            assert not AssignmentRule.objects.exists()

    def test_more_rules_are_no_more_queries(self, merchant, owner, django_assert_num_queries):
        client, address = client_of(owner), f"{reverse('assignment')}?of=customers"
        make_customer(merchant, "Li", grade="A")

        def rules(names):
            with merchant_scope(merchant):
                for name in names:
                    conditions = {"grade": [name], "kind": ["person"]}
                    fields = {"name": name, "people": [owner.pk], "conditions": conditions}
                    rule_create(merchant=merchant, subject="customers", **fields)

        rules("AB")
        cache.clear()
        with CaptureQueriesContext(connection) as of_two:
            assert client.get(address).status_code == 200
        rules("CDEFGH")
        cache.clear()
        with django_assert_num_queries(len(of_two)):
            page = client.get(address)
        assert "Grade: H · Kind: Person" in page.content.decode()

    def test_agents_may_not(self, member_client):
        assert member_client("agent").get(reverse("assignment")).status_code == 403


def test_the_api_keeps_rules(merchant, rival):
    member = make_member(merchant, "agent")
    api = ApiClient(make_key(merchant, "team.read", "team.write")[1])
    body = {"subject": "tickets", "name": "All", "people": [member.pk], "conditions": {"channel": ["email"]}}
    made = api.post_json("assignment-rules/", body)
    assert made.status_code == 201, made.content
    rule = made.json()["id"]
    assert api.patch(
        f"/api/v1/assignment-rules/{rule}/", {"is_active": False}, content_type="application/json"
    ).json() == {**made.json(), "is_active": False, "updated_at": ANY}
    stranger = ApiClient(make_key(rival)[1])
    for answer in (
        stranger.get(f"assignment-rules/{rule}/"),
        stranger.post_json(f"assignment-rules/{rule}/earlier/", {}),
        stranger.delete(f"/api/v1/assignment-rules/{rule}/"),
    ):
        assert answer.status_code == 404
    second = api.post_json("assignment-rules/", body | {"name": "Second"}).json()["id"]

    def order():
        rules = api.get("assignment-rules/").json()["results"]
        return [one["id"] for one in sorted(rules, key=lambda one: one["position"])]

    api.post_json(f"assignment-rules/{second}/earlier/", {})
    assert order() == [second, rule]
    api.post_json(f"assignment-rules/{second}/later/", {})
    assert order() == [rule, second]
    assert api.delete(f"/api/v1/assignment-rules/{second}/").status_code == 204
    assert order() == [rule]
    assert api.delete(f"/api/v1/assignment-rules/{rule}/").status_code == 204


@pytest.mark.django_db(transaction=True)
def test_two_workers_never_give_the_same_turn_twice(merchant):
    people = [make_member(merchant, "agent") for _ in range(4)]
    with merchant_scope(merchant):
        ticket_rule(merchant, people=[one.pk for one in people])
    tickets = [make_ticket(merchant) for _ in range(8)]
    start = threading.Barrier(2)

    def work(mine):
        try:
            with merchant_scope(merchant):
                start.wait(timeout=10)
                for ticket in mine:
                    ticket_assign_by_rule(ticket_id=ticket.pk)
        finally:
            connections["default"].close()

    threads = [threading.Thread(target=work, args=[part]) for part in (tickets[:4], tickets[4:])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)

    with merchant_scope(merchant):
        got = list(Ticket.objects.values_list("assignee", flat=True))
    assert sorted(got) == sorted([one.pk for one in people] * 2)
