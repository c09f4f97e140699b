"""Tasks: due in the assignee's zone, reminders from rows, repetition by RFC 5545, and who may see them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.db import IntegrityError, transaction
from django.utils import translation

from crm.accounts.models import Notice
from crm.events.models import Event
from crm.integrations.models.outbox import OutboundMail
from crm.lib.errors import Rejected
from crm.lib.tenancy import merchant_scope
from customers.models import Task
from customers.todos.repeating import canonical, next_due, words
from customers.todos.selectors import VIEWS, due_count, task_list
from customers.todos.services import task_add, task_change, task_done, task_repeat
from customers.todos.sweeping import sweep
from tests.factories.accounts import make_member, make_team
from tests.factories.customers import make_company, make_customer

SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")
LATER = datetime(2026, 12, 1, tzinfo=UTC)
MONDAY = datetime(2026, 11, 9, 2, tzinfo=UTC)  # ten in the morning in Shanghai


@pytest.fixture
def member(scoped):
    return make_member(scoped, "agent", email="anna@example.com", name="Anna")


@pytest.fixture
def clock():
    with time_machine.travel(MONDAY, tick=False) as traveller:
        yield traveller


def add(merchant, member, title="Call them", **fields) -> Task:
    return task_add(merchant=merchant, creator=member, title=title, **fields)


def names() -> list[str]:
    return list(Event.objects.filter(name__contains="task").order_by("pk").values_list("name", flat=True))


# --- due ----------------------------------------------------------------------------------------------------


def test_a_day_ends_where_the_assignee_is(scoped, member, clock):
    there = make_member(scoped, "agent", email="b@example.com")
    there.user.time_zone = "Europe/Berlin"
    there.user.save()
    day = date(2026, 11, 9)
    here_task = add(scoped, member, due_on=day)
    there_task = add(scoped, member, due_on=day, assignee=there)
    assert here_task.due_at == datetime(2026, 11, 10, tzinfo=SHANGHAI)
    assert there_task.due_at == datetime(2026, 11, 10, tzinfo=BERLIN)
    task_change(task=there_task, assignee=member)
    there_task.refresh_from_db()
    assert there_task.due_at == datetime(2026, 11, 10, tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    "case, fields, wrong",
    [
        ("nothing to do", {"title": " "}, "title"),
        ("a reminder after the due time", {"due_on": date(2026, 11, 9), "remind_at": LATER}, "remind_at"),
        ("a reminder long after an ancient day", {"due_on": date.min, "remind_at": LATER}, "remind_at"),
        ("repeats without a day", {"rule": "FREQ=DAILY"}, "due_on"),
        ("a rule with a script in it", {"due_on": date(2026, 11, 9), "rule": "FREQ=DAILY;X=<b>"}, "rule"),
        ("every second", {"due_on": date(2026, 11, 9), "rule": "FREQ=SECONDLY"}, "rule"),
        ("a day beyond the calendar", {"due_on": date.max}, "due_on"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused(scoped, member, clock, case, fields, wrong):
    with pytest.raises(Rejected) as refused:
        add(scoped, member, **fields)
    assert wrong in refused.value.fields, case
    assert not Task.objects.exists()
    assert names() == []


def test_nobody_of_another_shop_gets_a_task(scoped, member, rival):
    stranger = make_member(rival, "agent")
    with pytest.raises(Rejected) as refused:
        add(scoped, member, assignee=stranger)
    assert "assignee" in refused.value.fields
    former = make_member(scoped, "agent", is_active=False)
    with pytest.raises(Rejected):
        add(scoped, member, assignee=former)


# --- rules --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "rule, due, following",
    [
        ("FREQ=DAILY", "2026-11-09T09:00", "2026-11-10T09:00"),
        ("FREQ=DAILY;INTERVAL=3", "2026-11-09T09:00", "2026-11-12T09:00"),
        ("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "2026-11-13T09:00", "2026-11-16T09:00"),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH", "2026-11-12T09:00", "2026-11-23T09:00"),
        ("FREQ=MONTHLY;BYMONTHDAY=31", "2026-10-31T00:00", "2026-12-31T00:00"),
        ("FREQ=MONTHLY;BYMONTHDAY=-1", "2026-01-31T00:00", "2026-02-28T00:00"),
        ("FREQ=DAILY;UNTIL=20261109", "2026-11-09T09:00", None),
    ],
)
def test_the_next_one(rule, due, following):
    found = next_due(rule, datetime.fromisoformat(due))
    assert found == (datetime.fromisoformat(following) if following else None)


def test_what_a_rule_leaves_out_is_its_first_days():
    start = datetime(2026, 11, 12, 9)
    assert canonical("freq=weekly;interval=1", start) == "FREQ=WEEKLY;BYDAY=TH"
    assert canonical("RRULE:FREQ=MONTHLY", start) == "FREQ=MONTHLY;BYMONTHDAY=12"
    assert canonical("FREQ=WEEKLY;BYDAY=FR,MO", start) == "FREQ=WEEKLY;BYDAY=MO,FR"
    assert canonical("", start) == ""
    assert words("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH") == "every 2 weeks on Mon, Thu"
    assert words("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR") == "every working day"
    assert words("FREQ=WEEKLY;BYDAY=SU") == "every week on Sun"
    with translation.override("zh-hans"):
        assert words("FREQ=WEEKLY;BYDAY=SU") == "每周日"
        assert words("FREQ=MONTHLY;INTERVAL=2;BYMONTHDAY=-1") == "每 2 个月的最后一天"


def test_done_makes_the_next_one_once(scoped, member, clock):
    task = add(scoped, member, due_on=date(2026, 11, 9), rule="FREQ=DAILY")
    following = task_done(task=task, by=member)
    assert following is not None
    assert (following.due_on, following.number, following.series) == (date(2026, 11, 10), 2, task.series)
    assert task_done(task=task, by=member) is None
    assert task_repeat(task=task) is None
    assert Task.objects.count() == 2
    with pytest.raises(IntegrityError), transaction.atomic():
        Task.objects.filter(pk=following.pk).update(number=1)


def test_a_day_that_passes_makes_the_next_one_too(scoped, member, clock):
    task = add(scoped, member, due_on=date(2026, 11, 9), rule="FREQ=DAILY")
    clock.move_to(datetime(2026, 11, 9, 16, 1, tzinfo=UTC))  # just past midnight in Shanghai
    assert sweep()["due"] == 1
    assert sweep()["due"] == 0
    assert [one.due_on for one in Task.objects.order_by("number")] == [date(2026, 11, 9), date(2026, 11, 10)]
    assert names().count("customers.task_due") == 1
    assert task_done(task=task, by=member) is None


def test_after_a_long_sleep_one_task_waits_not_thirty(scoped, member, clock):
    add(scoped, member, due_on=date(2026, 11, 9), rule="FREQ=DAILY")
    clock.move_to(datetime(2026, 12, 20, 2, tzinfo=UTC))
    sweep()
    assert [one.due_on for one in Task.objects.order_by("number")] == [date(2026, 11, 9), date(2026, 12, 20)]


def test_nine_stays_nine_when_the_clocks_change(scoped, member):
    member.user.time_zone = "Europe/Berlin"
    member.user.save()
    with time_machine.travel(datetime(2027, 3, 26, 10, tzinfo=UTC), tick=False):
        due = datetime(2027, 3, 27, 9, tzinfo=BERLIN)
        task = add(
            scoped, member, due_at=due, remind_at=datetime(2027, 3, 27, 8, tzinfo=BERLIN), rule="FREQ=DAILY"
        )
        following = task_done(task=task, by=member)
    assert following is not None
    assert following.due_at == datetime(2027, 3, 28, 9, tzinfo=BERLIN)
    assert following.remind_at == datetime(2027, 3, 28, 8, tzinfo=BERLIN)
    assert (following.due_at.astimezone(UTC) - due.astimezone(UTC)).total_seconds() == 23 * 3600


# --- reminders ----------------------------------------------------------------------------------------------


def test_a_reminder_is_a_notice_and_a_mail_and_comes_once(scoped, member, clock):
    task = add(
        scoped,
        member,
        title="Call <b>Li</b>\nnow",
        due_on=date(2026, 11, 10),
        remind_at=datetime(2026, 11, 10, 1, tzinfo=UTC),
    )
    assert sweep()["reminded"] == 0
    clock.move_to(datetime(2026, 11, 10, 1, tzinfo=UTC))
    assert sweep()["reminded"] == 1
    assert sweep()["reminded"] == 0
    assert Notice.objects.get().member == member
    mail = OutboundMail.objects.get()
    assert (mail.to, mail.purpose) == ("anna@example.com", "reminder")
    assert mail.subject == "Reminder: Call <b>Li</b> now"
    assert "/tasks/" in mail.text
    task_change(task=task, remind_at=datetime(2026, 11, 10, 2, tzinfo=UTC))
    clock.move_to(datetime(2026, 11, 10, 2, tzinfo=UTC))
    assert sweep()["reminded"] == 1
    assert OutboundMail.objects.count() == 2


def test_what_is_done_reminds_nobody(scoped, member, clock):
    task = add(scoped, member, due_on=date(2026, 11, 9), remind_at=datetime(2026, 11, 9, 3, tzinfo=UTC))
    task_done(task=task, by=member)
    clock.move_to(datetime(2026, 11, 12, tzinfo=UTC))
    assert sweep() == {"reminded": 0, "due": 0}


def test_who_left_gets_no_mail(scoped, member, clock):
    add(scoped, member, due_on=date(2026, 11, 9), remind_at=datetime(2026, 11, 9, 3, tzinfo=UTC))
    member.is_active = False
    member.save()
    clock.move_to(datetime(2026, 11, 9, 4, tzinfo=UTC))
    assert sweep()["reminded"] == 1
    assert not OutboundMail.objects.exists()


def test_each_shop_is_swept_in_its_own_scope(scoped, member, rival, clock):
    theirs = make_member(rival, "agent", email="r@example.com")
    for merchant, who in ((scoped, member), (rival, theirs)):
        with merchant_scope(merchant):
            add(merchant, who, due_on=date(2026, 11, 9), remind_at=datetime(2026, 11, 9, 2, tzinfo=UTC))
    assert sweep()["reminded"] == 2
    for merchant, who in ((scoped, member), (rival, theirs)):
        with merchant_scope(merchant):
            assert OutboundMail.objects.get().to == who.user.email


# --- who sees what, pages -----------------------------------------------------------------------------------


def test_views_are_what_they_say(scoped, member, clock):
    colleague = make_member(scoped, "agent", team=make_team(scoped))
    for title, fields in {
        "late": {"due_on": date(2026, 11, 8)},
        "today": {"due_on": date(2026, 11, 9)},
        "sunday": {"due_on": date(2026, 11, 15)},
        "next week": {"due_on": date(2026, 11, 16)},
        "any time": {},
        "theirs": {"assignee": colleague},
    }.items():
        add(scoped, member, title=title, **fields)
    task_done(task=add(scoped, member, title="ready"), by=member)
    seen = {view: [row.task.title for row in task_list(membership=member, view=view).rows] for view in VIEWS}
    assert seen["mine"] == ["late", "today", "sunday", "next week", "any time"]
    assert seen["overdue"] == ["late"]
    assert seen["today"] == ["late", "today"]
    assert seen["week"] == ["late", "today", "sunday"]
    assert seen["all"][-1] == "theirs"
    assert seen["done"] == ["ready"]
    assert due_count(member) == 2


def test_who_sees_only_their_own_meets_no_others(scoped, member, member_client, clock):
    add(scoped, member, title="Hidden errand", customer=make_customer(scoped))
    client = member_client("agent", visibility="own")
    assert "Hidden errand" not in client.get("/tasks/?view=all").content.decode()
    task = Task.objects.get()
    for path in (f"/tasks/{task.pk}/", f"/tasks/{task.pk}/check/", f"/tasks/{task.pk}/delete/"):
        assert client.post(path, {"title": "x"}).status_code == 404, path
    task.refresh_from_db()
    assert (task.title, task.done_at) == ("Hidden errand", None)


def test_a_task_does_not_tell_whom_the_member_may_not_see(scoped, member_client, clock):
    client = member_client("agent", visibility="own")
    add(scoped, client.membership, title="Call", customer=make_customer(scoped, "Secret Person"))
    page = client.get("/tasks/").content.decode()
    assert "Call" in page
    assert "Secret Person" not in page


def test_the_page_adds_ticks_and_opens_again(scoped, member_client, clock):
    client = member_client("agent")
    client.post(
        "/tasks/quick/", {"title": "Order boxes", "day": "2026-11-09", "assignee": str(client.membership.pk)}
    )
    task = Task.objects.get()
    assert "Order boxes" in client.get("/tasks/?view=today").content.decode()
    row = client.post(f"/tasks/{task.pk}/check/").content.decode()
    assert "checked" in row
    client.post(f"/tasks/{task.pk}/check/", {"undo": "1"})
    task.refresh_from_db()
    assert task.done_at is None
    form = {
        "title": "Order boxes",
        "day": "2026-11-12",
        "clock": "09:30",
        "priority": "2",
        "repeat": "WEEKLY",
    }
    form |= {"days": ["MO", "TH"], "remind": "60", "assignee": str(client.membership.pk)}
    assert client.post(f"/tasks/{task.pk}/", form).status_code == 204
    task.refresh_from_db()
    assert task.due_at == datetime(2026, 11, 12, 9, 30, tzinfo=SHANGHAI)
    assert task.remind_at == datetime(2026, 11, 12, 8, 30, tzinfo=SHANGHAI)
    assert task.rule == "FREQ=WEEKLY;BYDAY=MO,TH"
    shown = client.get(f"/tasks/{task.pk}/").content.decode()
    assert 'value="60" selected' in shown
    refused = client.post(f"/tasks/{task.pk}/", {"title": "x", "priority": "1", "remind": "60"})
    assert refused.status_code == 422


def test_the_card_of_a_customer_and_a_company(scoped, member_client, clock):
    client = member_client("agent")
    person, company = make_customer(scoped), make_company(scoped)
    for url in (f"/customers/{person.pk}/tasks/", f"/companies/{company.pk}/tasks/"):
        card = client.post(url, {"title": "Send <i>samples</i>", "assignee": ""}).content.decode()
        assert "Send &lt;i&gt;samples" in card
    assert {(one.customer, one.company) for one in Task.objects.all()} == {(person, None), (None, company)}
    viewer = member_client("viewer")
    assert viewer.post(f"/customers/{person.pk}/tasks/", {"title": "x"}).status_code == 422
    assert Task.objects.count() == 2


def test_a_task_from_a_colleague_rings_the_bell(scoped, member, member_client, clock):
    client = member_client("agent")
    add(scoped, member, title="Please look", assignee=client.membership)
    assert 'gx-bell__count" aria-hidden="true">1<' in client.get("/tasks/").content.decode()
    notice = Notice.objects.get()
    assert client.post(f"/notices/{notice.pk}/open/")["Location"].startswith("/tasks/")
    assert "gx-bell__count" not in client.get("/notices/").content.decode()
    assert member_client("agent").post(f"/notices/{notice.pk}/open/").status_code == 404


@pytest.mark.parametrize("typed", ["²", "9" * 19])
def test_an_id_that_is_none_opens_the_form_about_nobody(member_client, scoped, typed):
    assert member_client("owner").get(f"/tasks/new/?customer={typed}&company={typed}").status_code == 200
