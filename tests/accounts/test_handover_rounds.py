"""Large rounds: chunk after chunk, whatever dies, leaves or comes back in the middle."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connections, transaction
from django.utils import timezone

from crm.accounts.changes import member_reactivate
from crm.accounts.handover import moving
from crm.accounts.handover.asking import Ask, handover_assign
from crm.accounts.handover.moving import move_chunk, move_work, sweep
from crm.accounts.handover.selectors import held_by
from crm.accounts.handover.taking_back import handover_undo
from crm.accounts.models import Handover, HandoverMove, HandoverRow, Membership, Notice
from crm.accounts.services import member_deactivate
from crm.lib.errors import Conflict, Rejected
from crm.lib.tenancy import merchant_scope
from customers.models import Customer
from tests.accounts.conftest import left
from tests.factories.accounts import make_member, make_team
from tests.factories.customers import make_customer


@pytest.fixture
def small_chunks(monkeypatch):
    """Two rows a chunk, so that a handful is many."""
    monkeypatch.setattr(moving, "CHUNK", 2)


def test_a_killed_worker_is_followed_by_another(scoped, owner, leaver, small_chunks, rung):
    heirs = [make_member(scoped, "agent") for _ in range(2)]
    for number in range(7):
        make_customer(scoped, f"Left {number}", owner=leaver)
    handover, ask = left(leaver), Ask("even", ["customers"], [one.pk for one in heirs])
    bells = rung(lambda: handover_assign(handover=handover, ask=ask, by=owner))
    move = HandoverMove.objects.get()
    assert ("accounts.handover_work", [scoped.pk, move.pk], False) in bells
    assert move_chunk(move)  # and then the worker dies
    assert (HandoverRow.objects.count(), HandoverMove.objects.get().state) == (2, "running")
    assert rung(sweep) == []  # a moment ago somebody worked on it
    HandoverMove.objects.update(worked_at=timezone.now() - timedelta(seconds=61))
    assert rung(sweep) == [("accounts.handover_work", [scoped.pk, move.pk], False)]

    moving.work_on(merchant_id=scoped.pk, move_id=move.pk)
    moving.work_on(merchant_id=scoped.pk, move_id=move.pk)  # the ring that came late

    done = HandoverMove.objects.get()
    assert (done.state, done.given, HandoverRow.objects.count()) == ("done", 7, 7)
    assert sorted(held_by([one.pk for one in heirs]).values(), key=str) == [
        {"customers": 3},
        {"customers": 4},
    ]


def test_who_leaves_in_the_middle_gets_no_more(scoped, owner, leaver, small_chunks):
    first, second = make_member(scoped, "agent"), make_member(scoped, "agent")
    for number in range(6):
        make_customer(scoped, f"Left {number}", owner=leaver)
    move = handover_assign(
        handover=left(leaver), ask=Ask("even", ["customers"], [first.pk, second.pk]), by=owner
    )
    move_chunk(move)
    member_deactivate(membership=first)
    move_work(move=move)

    assert held_by([first.pk, second.pk, leaver.pk]) == {
        first.pk: {"customers": 1},
        second.pk: {"customers": 5},
    }
    assert Handover.objects.get(member=first).is_open
    told = Notice.objects.filter(dedupe_key__startswith="handover-move:")
    assert [one.member for one in told] == [second]


def test_who_comes_back_in_the_middle_keeps_the_rest(scoped, owner, leaver, small_chunks):
    heir = make_member(scoped, "agent")
    for number in range(5):
        make_customer(scoped, f"Left {number}", owner=leaver)
    move = handover_assign(handover=left(leaver), ask=Ask("person", ["customers"], [heir.pk]), by=owner)
    move_chunk(move)
    leaver.refresh_from_db()
    member_reactivate(membership=leaver, actor=owner)
    move_work(move=move)

    assert held_by([leaver.pk, heir.pk]) == {leaver.pk: {"customers": 3}, heir.pk: {"customers": 2}}
    assert Handover.objects.get().state == "returned"


def free_members(merchant):
    """Whom somebody else could deactivate or change at this moment."""

    def look():
        try:
            with merchant_scope(merchant), transaction.atomic():
                rows = Membership.objects.filter(merchant=merchant)
                return set(rows.select_for_update(skip_locked=True).values_list("pk", flat=True))
        finally:
            connections["default"].close()

    with ThreadPoolExecutor(1) as other:
        return other.submit(look).result(timeout=10)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("case", "ask", "held"),
    [
        ("one person", lambda s: Ask("person", ["customers"], [s["spare"]]), {"leaver", "spare"}),
        (
            "by region, with a rest",
            lambda s: Ask("region", ["customers"], rest=s["spare"]),
            {"leaver", "south", "spare"},
        ),
        ("by team", lambda s: Ask("team", ["customers"]), {"leaver", "east"}),
    ],
)
def test_a_chunk_holds_only_those_whom_it_concerns(merchant, owner, small_chunks, case, ask, held):
    """Everybody else can be deactivated while a large round is at work."""
    members = {
        "owner": owner,
        "leaver": make_member(merchant, "agent"),
        "south": make_member(merchant, "agent", region="Guangdong"),
        "east": make_member(merchant, "agent", team=make_team(merchant, "East")),
        "spare": make_member(merchant, "agent"),
    }
    pks = {name: one.pk for name, one in members.items()}
    leaver = members["leaver"]
    with merchant_scope(merchant):
        for number in range(5):
            team, region = members["east"].team, "Guangdong"
            make_customer(merchant, f"Left {number}", owner=leaver, team=team, region=region)
        move = handover_assign(handover=left(leaver), ask=ask(pks), by=owner)
        with transaction.atomic():
            assert move_chunk(move)
            assert free_members(merchant) == {pk for name, pk in pks.items() if name not in held}
        move_work(move=move)
        assert not Customer.objects.filter(owner=leaver).exists()
        leaver.refresh_from_db()
        member_reactivate(membership=leaver, actor=owner)
        handover_undo(move=move)
        with transaction.atomic():
            assert move_chunk(move)
            assert free_members(merchant) == {pk for name, pk in pks.items() if name != "leaver"}


@pytest.mark.django_db(transaction=True)
def test_two_rounds_at_once_give_each_row_once(merchant, owner):
    """Two managers press together: one round works, the other is told to wait or finds the rest."""
    leaver = make_member(merchant, "agent")
    heirs = [make_member(merchant, "agent") for _ in range(2)]
    for number in range(20):
        make_customer(merchant, f"Left {number}", owner=leaver)
    with merchant_scope(merchant):
        handover = left(leaver)
    start, refused = threading.Barrier(2), []

    def press(heir):
        try:
            with merchant_scope(merchant):
                start.wait(timeout=10)
                handover_assign(handover=handover, ask=Ask("person", ["customers"], [heir.pk]), by=owner)
        except (Conflict, Rejected) as refusal:
            refused.append(refusal.code_name)
        finally:
            connections["default"].close()

    threads = [threading.Thread(target=press, args=[heir]) for heir in heirs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)

    with merchant_scope(merchant):
        assert HandoverRow.objects.count() == 20
        assert sum(HandoverMove.objects.values_list("given", flat=True)) == 20
        assert not Customer.objects.filter(owner=leaver).exists()
    assert len(refused) == 1
    assert refused[0] in ("busy", "closed", "nothing")
