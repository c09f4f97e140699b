"""Writes to tasks: give, change, do, undo; and the next one of a row of repetitions."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Model
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.accounts.models import Membership, Merchant
from crm.accounts.notices import notice_add
from crm.events.emitting import emit
from customers.models import Company, Task
from customers.normalising import normalise_name
from customers.services import fault
from customers.todos import events
from customers.todos.repeating import canonical, end_of, next_due

FIELDS = frozenset(
    {"title", "text", "customer", "company", "assignee", "priority", "due_on", "due_at", "remind_at", "rule"}
)
# A reminder further ahead of its due date is a task of its own.
LONGEST_REMINDER = timedelta(days=366)


@dataclass(frozen=True)
class About:
    """What an upper floor's task is about: the label of the model and the row's id."""

    subject_type: str
    subject_id: int

    @classmethod
    def of(cls, row: Model) -> About:
        return cls(row._meta.label_lower, int(row.pk))


@transaction.atomic
def task_add(
    *, merchant: Merchant, creator: Membership | None, about: About | None = None, **fields: Any
) -> Task:
    """A new task, given to its creator unless somebody else is named; who gets it from a colleague is told.

    Raises Rejected with the field: no title, a reminder without or after a due time, a rule without a due
    time.
    """
    task = Task(merchant=merchant, creator=creator)
    if about is not None:
        task.subject_type, task.subject_id = about.subject_type, about.subject_id
    fields.setdefault("assignee", creator)
    _fill(task, fields)
    task.save()
    _announce(events.TASK_CREATED, task)
    _tell_assignee(task)
    return task


@transaction.atomic
def task_change(*, task: Task, **fields: Any) -> list[str]:
    """Names of what changed. A new due time or reminder is due again. Locks the row; raises as `task_add`."""
    stored = _locked(task)
    before = {name: getattr(stored, name) for name in FIELDS}
    _fill(stored, fields)
    changed = sorted(name for name in FIELDS if getattr(stored, name) != before[name])
    if not changed:
        return []
    if {"due_at", "due_on"} & set(changed):
        stored.due_told_at = None
    if "remind_at" in changed:
        stored.reminded_at = None
    stored.save()
    _announce(events.TASK_CHANGED, stored, changes=", ".join(changed))
    if "assignee" in changed:
        _tell_assignee(stored)
    return changed


@transaction.atomic
def task_done(*, task: Task, by: Membership | None) -> Task | None:
    """Done; the next one when it repeats and that wasn't made yet. Done already: nothing happens."""
    stored = _locked(task)
    if stored.done_at is not None:
        return None
    stored.done_at, stored.done_by = timezone.now(), by
    stored.save(update_fields=["done_at", "done_by", "updated_at"])
    task.done_at, task.done_by = stored.done_at, by
    _announce(events.TASK_DONE, stored)
    return task_repeat(task=stored)


@transaction.atomic
def task_reopen(*, task: Task) -> None:
    """Still to do. The next one of its row, if it was made, stays."""
    stored = _locked(task)
    if stored.done_at is None:
        return
    stored.done_at = stored.done_by = None
    stored.save(update_fields=["done_at", "done_by", "updated_at"])
    _announce(events.TASK_REOPENED, stored)


def tasks_hand_on(given: Sequence[tuple[Task, Membership]]) -> None:
    """Locked open tasks change hands: a whole day ends in the receiver's zone, and a due time that moved is
    told anew. Nothing is announced and nobody told: the caller does. One query."""
    for task, receiver in given:
        task.assignee, task.updated_at = receiver, timezone.now()
        if task.due_on is not None:
            before = task.due_at
            _set_due(task, task.due_on, None)
            if task.due_at != before:
                task.due_told_at = None
        if task.remind_at is not None and task.due_at is not None:
            task.remind_at = min(task.remind_at, task.due_at)
    names = ["assignee", "zone", "due_at", "due_told_at", "remind_at", "updated_at"]
    Task.objects.bulk_update([task for task, _receiver in given], names)


@transaction.atomic
def task_delete(*, task: Task) -> None:
    """Gone, and its row of repetitions ends with it."""
    stored = _locked(task)
    _announce(events.TASK_DELETED, stored)
    stored.delete()


@transaction.atomic
def task_repeat(*, task: Task) -> Task | None:
    """The next task of the row, made once; None when it doesn't repeat, has ended, or was made before.

    Counted in the task's zone from its own due time; those that would be past already are left out.
    """
    stored = _locked(task)
    if not stored.rule or stored.has_next or stored.due_at is None:
        return None
    zone = ZoneInfo(stored.zone)
    due = _local_due(stored, zone)
    now = timezone.now().astimezone(zone).replace(tzinfo=None)
    whole_day = stored.due_on is not None
    border = datetime.combine(now.date(), datetime.min.time()) if whole_day else now
    at = next_due(stored.rule, due, not_before=border)
    stored.has_next = True
    stored.save(update_fields=["has_next", "updated_at"])
    if at is None:
        return None
    following = _copy(stored, at, zone)
    following.save()
    _announce(events.TASK_CREATED, following)
    return following


def _copy(task: Task, at: datetime, zone: ZoneInfo) -> Task:
    """The same task for the local time `at`; its reminder as long before as this one's was."""
    assert task.due_at is not None
    due_on = at.date() if task.due_on is not None else None
    due_at = (end_of(at.date()) if due_on else at).replace(tzinfo=zone)
    remind_at = None
    if task.remind_at is not None:
        ahead = _naive(task.due_at, zone) - _naive(task.remind_at, zone)
        remind_at = (due_at.replace(tzinfo=None) - ahead).replace(tzinfo=zone)
    same = ("title", "text", "customer_id", "company_id", "subject_type", "subject_id", "creator_id")
    assignee = task.assignee if task.assignee is None or task.assignee.is_active else None
    return Task(
        merchant_id=task.merchant_id,
        assignee=assignee,
        due_on=due_on,
        due_at=due_at,
        remind_at=remind_at,
        zone=task.zone,
        priority=task.priority,
        rule=task.rule,
        series=task.series,
        number=task.number + 1,
        **{name: getattr(task, name) for name in same},
    )


# --- what the services share --------------------------------------------------------------------------------


def _locked(task: Task) -> Task:
    found: Task = (
        Task.objects.select_for_update(of=("self",))
        .select_related("merchant", "assignee__user", "creator__user", "company", "customer")
        .get(pk=task.pk)
    )
    return found


def _naive(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None)


def _local_due(task: Task, zone: ZoneInfo) -> datetime:
    """What the rule counts from: the day's beginning for a whole day, else the due time."""
    assert task.due_at is not None
    if task.due_on is not None:
        return datetime.combine(task.due_on, datetime.min.time())
    return _naive(task.due_at, zone)


def _fill(task: Task, fields: dict[str, Any]) -> None:
    """Writes checked values into the row. `due_on` and `due_at` (aware) are alternatives."""
    unknown = set(fields) - FIELDS
    if unknown:
        raise ValueError(f"not a task's field: {sorted(unknown)}")
    for name in ("text", "customer", "company", "priority", "remind_at"):
        if name in fields:
            setattr(task, name, fields[name])
    if "title" in fields:
        task.title = normalise_name(fields["title"])
    if not task.title:
        raise fault("title", _("Say what is to be done."))
    task.text = task.text.strip()[:5_000]
    _check_people(task, fields)
    if "due_on" in fields or "due_at" in fields:
        _set_due(task, fields.get("due_on"), fields.get("due_at"))
    elif "assignee" in fields and task.due_on is not None:
        _set_due(task, task.due_on, None)
    if "rule" in fields:
        _set_rule(task, fields["rule"] or "")
    elif task.rule and task.due_at is None:
        raise fault("due_on", _("A task that repeats needs a day."))
    _check_reminder(task)


def _check_people(task: Task, fields: dict[str, Any]) -> None:
    if "assignee" not in fields:
        return
    member: Membership | None = fields["assignee"]
    if member is not None and (member.merchant_id != task.merchant_id or not member.is_active):
        raise fault("assignee", _("Choose somebody who works here."))
    task.assignee = member


def _set_due(task: Task, due_on: date | None, due_at: datetime | None) -> None:
    zone = task.assignee.zone if task.assignee else task.merchant.zone
    task.zone = zone.key
    task.due_on = due_on
    try:
        task.due_at = end_of(due_on).replace(tzinfo=zone) if due_on else due_at
    except OverflowError as error:
        raise fault("due_on", _("This day is beyond the calendar.")) from error


def _set_rule(task: Task, rule: str) -> None:
    if rule.strip() and task.due_at is None:
        raise fault("due_on", _("A task that repeats needs a day."))
    if not rule.strip():
        task.rule = ""
        return
    task.rule = canonical(rule, _local_due(task, ZoneInfo(task.zone)))
    if task.series is None:
        task.series = uuid.uuid4()


def _check_reminder(task: Task) -> None:
    if task.remind_at is None:
        return
    if task.due_at is not None and not timedelta(0) <= task.due_at - task.remind_at <= LONGEST_REMINDER:
        raise fault("remind_at", _("A reminder comes before the task is due, and at most a year before."))


def _tell_assignee(task: Task) -> None:
    """A task that somebody else gave stands among their notices."""
    if task.assignee is None or task.assignee_id == task.creator_id:
        return
    notice_add(
        member=task.assignee,
        kind="task",
        title=task.title,
        line=str(task.creator.user) if task.creator else "",
        href=task_href(task),
        dedupe_key=f"task:{task.pk}:given:{task.assignee_id}",
    )


def task_href(task: Task) -> str:
    """Where the task can be done: the page of tasks, opened at it."""
    return f"{reverse('task_list')}?view=all#task-{task.pk}"


def subject_of(task: Task) -> Task | Company:
    """What the event stands at: a task about a company alone belongs to the company's story."""
    return task.company if task.company is not None and task.customer_id is None else task


def _announce(kind: Any, task: Task, **more: str) -> None:
    emit(
        kind,
        merchant=task.merchant_id,
        customer=task.customer_id,
        subject=subject_of(task),
        data={"task": task.pk, "title": task.title, **more},
    )
