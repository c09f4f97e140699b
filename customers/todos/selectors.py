"""Page-shaped reads of tasks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone

from crm.accounts.models import Membership
from crm.lib.errors import NotFound
from crm.lib.keyset import Page, keyset_page
from customers.models import Company, Customer, Task
from customers.todos.repeating import end_of, words

VIEWS = ("mine", "team", "overdue", "today", "week", "all", "done")
OPEN_ORDER = ("due_at", "pk")
DONE_ORDER = ("-done_at", "-pk")
# What a card shows; the page of tasks has the others.
MOST_IN_CARD = 20


def task_for(*, membership: Membership, task_id: int) -> Task:
    """The task, if the member may see it, else NotFound. One query."""
    task: Task | None = _related(Task.objects.visible_to(membership)).filter(pk=task_id).first()
    if task is None:
        raise NotFound()
    task.merchant = membership.merchant
    return task


def _related(rows: QuerySet[Task]) -> QuerySet[Task]:
    return rows.select_related("assignee__user", "assignee__merchant", "customer", "company", "done_by__user")


@dataclass(frozen=True)
class TaskRow:
    """`customer` and `company` only where the member may see them."""

    task: Task
    customer: Customer | None
    company: Company | None
    repeats: str


def rows_of(tasks: list[Task], membership: Membership) -> list[TaskRow]:
    """Two queries for a member who doesn't see everything, none for the others."""
    people = {one.customer_id for one in tasks if one.customer_id}
    firms = {one.company_id for one in tasks if one.company_id}
    if not membership.sees_everything:
        seen = Customer.objects.visible_to(membership).filter(pk__in=people)
        people = set(seen.values_list("pk", flat=True))
        theirs = Company.objects.visible_to(membership).filter(pk__in=firms)
        firms = set(theirs.values_list("pk", flat=True))
    return [
        TaskRow(
            one,
            one.customer if one.customer_id in people else None,
            one.company if one.company_id in firms else None,
            words(one.rule),
        )
        for one in tasks
    ]


@dataclass(frozen=True)
class TaskList:
    rows: list[TaskRow]
    page: Page[Task]


def task_list(*, membership: Membership, view: str, after: str = "") -> TaskList:
    """The tasks of this view behind the cursor: what is due first stands first, done ones newest first."""
    rows = _viewed(Task.objects.visible_to(membership), view, membership)
    order = DONE_ORDER if view == "done" else OPEN_ORDER
    page = keyset_page(_related(rows), order=order, after=after)
    return TaskList(rows_of(page.rows, membership), page)


def _viewed(rows: QuerySet[Task], view: str, member: Membership) -> QuerySet[Task]:
    mine = Q(assignee=member)
    today = timezone.localdate(timezone=member.zone)
    tonight = end_of(today).replace(tzinfo=member.zone)
    if view == "done":
        return rows.filter(done_at__isnull=False)
    rows = rows.filter(done_at__isnull=True)
    if view == "team":
        return rows.filter(assignee__team=member.team_id) if member.team_id else rows.filter(mine)
    if view == "overdue":
        return rows.filter(mine, due_at__lte=timezone.now())
    if view == "today":
        return rows.filter(mine, due_at__lte=tonight)
    if view == "week":
        return rows.filter(mine, due_at__lte=_next_monday(tonight))
    return rows if view == "all" else rows.filter(mine)


def _next_monday(tonight: datetime) -> datetime:
    """The end of this week, Sunday's midnight, in the same zone."""
    return tonight + timedelta(days=(7 - (tonight - timedelta(days=1)).isoweekday()) % 7)


def due_count(member: Membership) -> int:
    """The member's tasks that are late or due today; one indexed query, the sidebar's count."""
    tonight = end_of(timezone.localdate(timezone=member.zone)).replace(tzinfo=member.zone)
    rows = Task.objects.filter(assignee=member, done_at__isnull=True, due_at__lte=tonight)
    return int(rows.count())


def tasks_about(
    *, membership: Membership, customer: Customer | None = None, company: Company | None = None
) -> list[TaskRow]:
    """The open ones about this person or firm, what is due first standing first."""
    about = Q(customer=customer) if customer is not None else Q(company=company)
    rows = _related(Task.objects.visible_to(membership).open().filter(about))
    found = list(rows.order_by("due_at", "pk")[:MOST_IN_CARD])
    return rows_of(found, membership)
