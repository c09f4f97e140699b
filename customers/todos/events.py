"""What is announced about tasks."""

from django.utils.translation import gettext_lazy as _

from crm.events.types import EventType

TASK_CREATED = EventType(
    "customers.task_created",
    _("Task created"),
    _("To do: %(title)s"),
    icon="checkbox",
    scope="tasks.read",
    keys=("title",),
)
TASK_CHANGED = EventType(
    "customers.task_changed",
    _("Task changed"),
    _("Task “%(title)s” changed: %(changes)s"),
    icon="edit",
    scope="tasks.read",
    keys=(
        "title",
        "changes",
    ),
)
TASK_DONE = EventType(
    "customers.task_done",
    _("Task done"),
    _("Done: %(title)s"),
    icon="circle-check",
    tone="good",
    scope="tasks.read",
    keys=("title",),
)
TASK_REOPENED = EventType(
    "customers.task_reopened",
    _("Task opened again"),
    _("Still to do: %(title)s"),
    icon="rotate",
    scope="tasks.read",
    keys=("title",),
)
TASK_DELETED = EventType(
    "customers.task_deleted",
    _("Task deleted"),
    _("Task “%(title)s” deleted"),
    icon="trash",
    scope="tasks.read",
    keys=("title",),
)
TASK_DUE = EventType(
    "customers.task_due",
    _("Task due"),
    _("Due: %(title)s"),
    icon="alarm",
    tone="warn",
    scope="tasks.read",
    keys=("title",),
)
