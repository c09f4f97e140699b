"""What a leaver held: one transfer, shared out by rule or by hand, with a receipt and an undo."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone, translation

from crm.accounts.changes import member_reactivate
from crm.accounts.handover.asking import Ask, handover_assign
from crm.accounts.handover.opening import handover_open, sweep_empty
from crm.accounts.handover.selectors import held_by
from crm.accounts.handover.taking_back import handover_undo
from crm.accounts.models import Handover, HandoverMove, Notice
from crm.accounts.services import member_deactivate
from crm.events.models import Event
from crm.integrations.models import OutboundMail
from crm.lib.errors import Conflict, Rejected
from crm.lib.tenancy import merchant_scope
from customers.consent import suppress
from customers.models import Company, Customer, Task
from customers.services import customer_change
from customers.todos.services import task_add, task_done
from service.models import Ticket
from service.tickets import ticket_assign, ticket_solve
from tests.accounts.conftest import left
from tests.api.conftest import ApiClient
from tests.factories.accounts import make_key, make_member, make_merchant, make_team
from tests.factories.customers import make_company, make_customer
from tests.factories.fixtures import client_of
from tests.factories.service import make_ticket


def test_everything_goes_to_one_person(scoped, owner, leaver):
    heir = make_member(scoped, "agent", name="Han Meimei")
    customer = make_customer(scoped, "A", owner=leaver)
    make_customer(scoped, "Somebody else's", owner=owner)
    company = make_company(scoped, "Firm", owner=leaver)
    ticket, solved = make_ticket(scoped, customer), make_ticket(scoped, customer)
    for one in (ticket, solved):
        ticket_assign(ticket=one, assignee=leaver)
    ticket_solve(merchant=scoped, ticket=solved)
    task = task_add(merchant=scoped, creator=owner, assignee=leaver, title="Call")

    handover = left(leaver)
    move = handover_assign(
        handover=handover,
        ask=Ask("person", ["customers", "companies", "tickets", "tasks"], [heir.pk]),
        by=owner,
    )

    assert (Customer.objects.get(pk=customer.pk).owner, Company.objects.get(pk=company.pk).owner) == (
        heir,
        heir,
    )
    assert Ticket.objects.get(pk=ticket.pk).assignee == heir
    assert Ticket.objects.get(pk=solved.pk).assignee == leaver  # who solved it stays who solved it
    assert Task.objects.get(pk=task.pk).assignee == heir
    assert move.receipt == {
        kind: {str(heir.pk): 1} for kind in ("customers", "companies", "tickets", "tasks")
    }
    assert (move.state, Handover.objects.get().state) == ("done", "done")
    assert Event.objects.filter(
        name="service.ticket_assigned", data__why={"code": "handover", "name": "Li Lei"}
    ).exists()
    told = Notice.objects.filter(kind="handover")
    assert {one.member for one in told} == {owner, heir}


def test_the_audit_log_tells_the_way_in_the_readers_language(scoped, owner, leaver):
    heir = make_member(scoped, "agent")
    make_customer(scoped, "A", owner=leaver)
    with translation.override("zh-hans"):
        handover_assign(handover=left(leaver), ask=Ask("person", ["customers"], [heir.pk]), by=owner)
    given = Event.objects.get(name="accounts.handover_given")
    with translation.override("en"):
        assert given.sentence.endswith("handed over: Everything to one person")
    with translation.override("zh-hans"):
        assert "Everything" not in given.sentence


def test_who_held_nothing_leaves_nothing(scoped, leaver):
    member_deactivate(membership=leaver)
    assert not Handover.objects.exists()
    assert handover_open(membership=leaver) is None


def test_what_was_given_away_by_another_road_ends_the_transfer(scoped, owner, leaver):
    """The banner goes, though no round gave the last of it."""
    first, second = make_customer(scoped, "A", owner=leaver), make_customer(scoped, "B", owner=leaver)
    still = make_member(scoped, "agent")
    make_customer(scoped, "C", owner=still)
    handover, other = left(leaver), left(still)
    customer_change(customer=first, source="staff", owner=owner)
    assert sweep_empty() == 0
    customer_change(customer=second, source="staff", owner=owner)
    assert sweep_empty() == 1
    done = Handover.objects.get(pk=handover.pk)
    assert (done.state, done.closed_at is not None) == ("done", True)
    assert Handover.objects.get(pk=other.pk).is_open


def test_evenly_counts_what_people_have_already(scoped, owner, leaver):
    busy, idle = make_member(scoped, "agent"), make_member(scoped, "agent")
    for number in range(3):
        make_customer(scoped, f"Busy {number}", owner=busy)
    for number in range(5):
        make_customer(scoped, f"Left {number}", owner=leaver)

    move = handover_assign(
        handover=left(leaver), ask=Ask("even", ["customers"], [busy.pk, idle.pk]), by=owner
    )

    assert move.receipt == {"customers": {str(busy.pk): 1, str(idle.pk): 4}}
    assert held_by([busy.pk, idle.pk]) == {busy.pk: {"customers": 4}, idle.pk: {"customers": 4}}


def test_by_region_and_team_with_a_rest(scoped, owner, leaver):
    east = make_team(scoped, "East")
    south = make_member(scoped, "agent", region="Guangdong")
    of_east = make_member(scoped, "agent", team=east)
    spare = make_member(scoped, "agent")
    a = make_customer(scoped, "A", owner=leaver, region="guangdong")
    b = make_customer(scoped, "B", owner=leaver, region="Tibet")
    c = make_customer(scoped, "C", owner=leaver, team=east)
    handover = left(leaver)

    first = handover_assign(handover=handover, ask=Ask("region", ["customers"]), by=owner)
    assert (first.given, first.seen) == (1, 3)
    second = handover_assign(handover=handover, ask=Ask("team", ["customers"], rest=spare.pk), by=owner)

    assert second.given == 2
    owners = dict(Customer.objects.values_list("pk", "owner"))
    assert owners == {a.pk: south.pk, b.pk: spare.pk, c.pk: of_east.pk}


@pytest.mark.parametrize(
    ("case", "ask"),
    [
        ("an inactive member", lambda s: Ask("person", ["customers"], [s["gone"].pk])),
        ("the leaver", lambda s: Ask("person", ["customers"], [s["leaver"].pk])),
        ("somebody of another shop", lambda s: Ask("person", ["customers"], [s["foreign"].pk])),
        ("a rest of another shop", lambda s: Ask("region", ["customers"], rest=s["foreign"].pk)),
        ("who can't answer tickets", lambda s: Ask("person", ["tickets"], [s["viewer"].pk])),
        ("nobody", lambda s: Ask("even", ["customers"])),
        ("by hand, and no row", lambda s: Ask("person", ["customers"], [s["viewer"].pk], ids={})),
        ("an unknown kind", lambda s: Ask("person", ["deals"], [s["viewer"].pk])),
        (
            "a foreign row",
            lambda s: Ask("person", ["customers"], [s["viewer"].pk], ids={"customers": [s["row"]]}),
        ),
    ],
)
def test_refusals_change_nothing(scoped, owner, leaver, case, ask):
    foreign_shop = make_merchant("foreign")
    said = {
        "gone": make_member(scoped, "agent", is_active=False),
        "leaver": leaver,
        "foreign": make_member(foreign_shop, "owner"),
        "viewer": make_member(scoped, "viewer"),
        "row": make_customer(foreign_shop, "Theirs", owner=leaver).pk,
    }
    customer = make_customer(scoped, "A", owner=leaver)
    ticket = make_ticket(scoped, customer)
    ticket_assign(ticket=ticket, assignee=leaver)
    handover = left(leaver)

    with pytest.raises(Rejected):
        handover_assign(handover=handover, ask=ask(said), by=owner)

    assert Customer.objects.get().owner == leaver
    assert not HandoverMove.objects.exists()


def test_undo_gives_back_what_nobody_touched(scoped, owner, leaver):
    heir, other = make_member(scoped, "agent"), make_member(scoped, "agent")
    kept, passed = make_customer(scoped, "Kept", owner=leaver), make_customer(scoped, "Passed", owner=leaver)
    done = task_add(merchant=scoped, creator=owner, assignee=leaver, title="Done meanwhile")
    move = handover_assign(
        handover=left(leaver), ask=Ask("person", ["customers", "tasks"], [heir.pk]), by=owner
    )
    customer_change(customer=passed, source="staff", owner=other)
    task_done(task=done, by=heir)

    with pytest.raises(Rejected, match="doesn't work here"):
        handover_undo(move=move)
    leaver.refresh_from_db()
    member_reactivate(membership=leaver, actor=owner)
    undone = handover_undo(move=move)

    assert (undone.state, undone.returned, undone.stayed) == ("undone", 1, 2)
    assert dict(Customer.objects.values_list("pk", "owner")) == {kept.pk: leaver.pk, passed.pk: other.pk}
    assert Task.objects.get().assignee == heir
    with pytest.raises(Conflict):
        handover_undo(move=undone)


def test_no_undo_after_thirty_days(scoped, owner, leaver):
    heir = make_member(scoped, "agent")
    make_customer(scoped, "A", owner=leaver)
    move = handover_assign(handover=left(leaver), ask=Ask("person", ["customers"], [heir.pk]), by=owner)
    leaver.refresh_from_db()
    member_reactivate(membership=leaver, actor=owner)
    HandoverMove.objects.update(created_at=timezone.now() - timedelta(days=30, minutes=1))
    with pytest.raises(Conflict, match="30 days"):
        handover_undo(move=move)
    assert Customer.objects.get().owner == heir


def test_customers_are_told_once_and_not_where_barred(scoped, owner, leaver):
    heir = make_member(scoped, "agent", name="Han Meimei")
    make_customer(scoped, "Open", email="open@example.cn", owner=leaver)
    make_customer(scoped, "Barred", email="barred@example.cn", owner=leaver)
    make_customer(scoped, "Mute", email="", phone="+8613912345678", owner=leaver)
    suppress(merchant=scoped, channel="email", value="barred@example.cn", reason="complaint")
    handover = left(leaver)

    letter = ("{{colleague}} instead of {{former}}", "Hello {{name}}, {{shop}}")
    move = handover_assign(
        handover=handover, ask=Ask("person", ["customers"], [heir.pk], letter=letter), by=owner
    )

    mails = OutboundMail.objects.filter(purpose="handover")
    assert [(one.to, one.subject, one.text) for one in mails] == [
        ("open@example.cn", "Han Meimei instead of Li Lei", "Hello Open, Qinghe Tea")
    ]
    assert move.told == 1


def test_a_whole_day_ends_in_the_zone_of_who_has_the_task(scoped, owner, leaver):
    heir = make_member(scoped, "agent")
    heir.user.time_zone = "Europe/Berlin"
    heir.user.save()
    day = timezone.localdate() + timedelta(days=3)
    task = task_add(merchant=scoped, creator=owner, assignee=leaver, title="Call", due_on=day)
    handover_assign(handover=left(leaver), ask=Ask("person", ["tasks"], [heir.pk]), by=owner)
    now = Task.objects.get(pk=task.pk)
    last_moment = now.due_at.astimezone(heir.zone) - timedelta(seconds=1)
    assert (now.zone, last_moment.date()) == ("Europe/Berlin", day)
    assert now.due_at != task.due_at


class TestPages:
    def test_from_deactivating_to_the_receipt_and_back(self, merchant, owner):
        client = client_of(owner)
        leaver, heir = (
            make_member(merchant, "agent", name="Li Lei"),
            make_member(merchant, "agent", name="Han"),
        )
        customers = [make_customer(merchant, f"Person {n}", owner=leaver) for n in range(3)]
        page = client.post(reverse("member_deactivate", args=[leaver.pk]), follow=True)
        assert "What Li Lei held" in page.content.decode()
        assert "Li Lei left" in client.get(reverse("home")).content.decode()
        with merchant_scope(merchant):
            handover = Handover.objects.get()
        held = reverse("handover_held", args=[handover.pk, "customers"])
        assert "Person 1" in client.get(held).content.decode()
        client.post(held, {"ids": [customers[0].pk], "person": heir.pk})
        record = reverse("handover_record", args=[handover.pk])
        bad = client.post(record, {"kinds": ["customers"], "how": "even"})
        assert bad.status_code == 422
        receipt = client.post(
            record, {"kinds": ["customers"], "how": "person", "people": [heir.pk]}, follow=True
        )
        assert "Han" in receipt.content.decode()
        with merchant_scope(merchant):
            assert set(Customer.objects.values_list("owner", flat=True)) == {heir.pk}
            move = HandoverMove.objects.latest("pk")
        client.post(reverse("member_reactivate", args=[leaver.pk]))
        client.post(reverse("handover_undo", args=[move.pk]))
        with merchant_scope(merchant):
            assert Customer.objects.filter(owner=leaver).count() == 2

    def test_former_members_who_hold_something_can_be_handed_over(self, merchant, owner):
        gone = make_member(merchant, "agent", is_active=False, name="Long Gone")
        make_customer(merchant, "A", owner=gone)
        client = client_of(owner)
        assert "Hand over" in client.get(reverse("member_list")).content.decode()
        page = client.post(reverse("member_handover", args=[gone.pk]), follow=True)
        assert "What Long Gone held" in page.content.decode()

    def test_agents_may_not(self, merchant, member_client):
        assert member_client("agent").get(reverse("handover_list")).status_code == 403


class TestApi:
    def test_hands_over_and_undoes(self, merchant, owner):
        leaver, heir = make_member(merchant, "agent"), make_member(merchant, "agent")
        make_customer(merchant, "A", owner=leaver)
        with merchant_scope(merchant):
            handover = left(leaver)
        api = ApiClient(make_key(merchant, "team.read", "team.write")[1])
        assert api.get(f"handovers/{handover.pk}/").json()["held"] == {"customers": 1}
        body = {"how": "person", "kinds": ["customers"], "people": [heir.pk]}
        nobody = api.post_json(f"handovers/{handover.pk}/assign/", body | {"ids": {}})
        assert (nobody.status_code, nobody.json()["code"]) == (422, "nothing")
        answer = api.post_json(f"handovers/{handover.pk}/assign/", body)
        assert answer.status_code == 201, answer.content
        assert answer.json()["receipt"] == {"customers": {str(heir.pk): 1}}
        undo = api.post_json(f"handover-moves/{answer.json()['id']}/undo/", {})
        assert (undo.status_code, undo.json()["code"]) == (422, "not_back")

    def test_another_shops_are_not_found(self, merchant, owner, rival):
        leaver = make_member(merchant, "agent")
        make_customer(merchant, "A", owner=leaver)
        with merchant_scope(merchant):
            handover = left(leaver)
        other = ApiClient(make_key(rival)[1])
        heir = make_member(rival, "owner")
        body = {"how": "person", "kinds": ["customers"], "people": [heir.pk]}
        assert other.post_json(f"handovers/{handover.pk}/assign/", body).status_code == 404
        assert leaver.pk not in [one["id"] for one in other.get("members/").json()["results"]]
