"""What is due of tasks, found in rows: reminders, tasks that fall due, the next of those that repeat."""

from __future__ import annotations

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from crm.accounts.models import Membership
from crm.accounts.notices import notice_add
from crm.events.emitting import emit
from crm.integrations.mail import post
from crm.lib.tenancy import all_merchants, merchant_scope
from crm.lib.ui.formats import day_text
from customers.models import Task
from customers.todos import events
from customers.todos.services import subject_of, task_href, task_repeat

SWEEP_LIMIT = 500


def sweep() -> dict[str, int]:
    """What was done, by kind. Each task in its own transaction, locked; another sweeper's are passed over."""
    now = timezone.now()
    remind = Q(remind_at__lte=now, reminded_at__isnull=True)
    due = Q(due_at__lte=now, due_told_at__isnull=True)
    return {
        "reminded": _each(remind, _remind),
        "due": _each(due, _fall_due),
    }


def _each(which: Q, act: object) -> int:
    with all_merchants(reason="the sweeper looks after every merchant"):
        rows = Task.objects.filter(which, done_at__isnull=True, merchant__is_active=True)
        found = list(rows.order_by("pk").values_list("pk", "merchant_id")[:SWEEP_LIMIT])
    done = 0
    for pk, merchant_id in found:
        with merchant_scope(merchant_id), transaction.atomic():
            task = (
                Task.objects.select_for_update(skip_locked=True, of=("self",))
                .select_related("merchant", "assignee__user", "assignee__merchant", "company", "customer")
                .filter(which, pk=pk, done_at__isnull=True)
                .first()
            )
            if task is not None:
                act(task)  # type: ignore[operator]
                done += 1
    return done


def _remind(task: Task) -> None:
    """A notice and a mail, once for each time that the reminder was set."""
    task.reminded_at = timezone.now()
    task.save(update_fields=["reminded_at", "updated_at"])
    if task.assignee is None or not task.assignee.is_active:
        return
    key = f"task:{task.pk}:remind:{int(task.remind_at.timestamp())}" if task.remind_at else f"task:{task.pk}"
    with translation.override(_language(task.assignee)):
        line = _line(task)
        notice_add(
            member=task.assignee,
            kind="reminder",
            title=task.title,
            line=line,
            href=task_href(task),
            dedupe_key=key,
        )
        post(
            merchant=task.merchant,
            to=task.assignee.user.email,
            subject=_("Reminder: %(title)s") % {"title": task.title},
            text=_mail_text(task, line),
            purpose="reminder",
            dedupe_key=key,
            expires_at=None,
        )


def _fall_due(task: Task) -> None:
    """Announced once; a repeating task's next one is made, however this one ends."""
    task.due_told_at = timezone.now()
    task.save(update_fields=["due_told_at", "updated_at"])
    data = {"task": task.pk, "title": task.title}
    emit(
        events.TASK_DUE,
        merchant=task.merchant_id,
        customer=task.customer_id,
        subject=subject_of(task),
        data=data,
    )
    task_repeat(task=task)


def _language(member: Membership) -> str:
    return member.user.language or member.merchant.locale or settings.LANGUAGE_CODE


def _line(task: Task) -> str:
    """When it is due, in the assignee's zone, and about whom."""
    parts = []
    if task.due_on is not None:
        parts.append(_("due on %(day)s") % {"day": day_text(task.due_on)})
    elif task.due_at is not None and task.assignee is not None:
        local = task.due_at.astimezone(task.assignee.zone)
        parts.append(_("due %(day)s at %(time)s") % {"day": day_text(local.date()), "time": f"{local:%H:%M}"})
    parts += [str(one) for one in (task.company,) if one is not None]
    return " · ".join(parts)


def _mail_text(task: Task, line: str) -> str:
    """No customer's name: mail leaves the house."""
    link = f"{settings.PUBLIC_URL}{task_href(task)}"
    return "\n\n".join(part for part in (task.title, line, task.text, link) if part)
