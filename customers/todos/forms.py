"""Forms of tasks; times are typed and read in the zone of whoever types them."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from crm.accounts.models import Membership
from crm.lib.errors import Rejected
from customers.filters import members
from customers.models import Task
from customers.services import fault
from customers.todos.repeating import DAYS, day_names, end_of, parsed

# (value, label); minutes before the due time, "d<n>": nine o'clock n days before.
REMINDERS = (
    ("", _("No reminder")),
    ("0", _("When it is due")),
    ("10", _("10 minutes before")),
    ("60", _("1 hour before")),
    ("d0", _("At nine that day")),
    ("d1", _("At nine the day before")),
    ("d7", _("At nine a week before")),
)
NINE = time(9)
REPEATS = (
    ("", _("Doesn't repeat")),
    ("DAILY", _("Daily")),
    ("WORKDAYS", _("On working days")),
    ("WEEKLY", _("Weekly")),
    ("MONTHLY", _("Monthly")),
    ("MONTHEND", _("On the last day of the month")),
)


class QuickTaskForm(forms.Form):
    """One line: what, and perhaps when and who."""

    title = forms.CharField(label=_("What is to be done?"), max_length=200)
    day = forms.DateField(
        label=_("Due"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    assignee = forms.ChoiceField(label=_("Who"), required=False)

    def __init__(self, *args: Any, member: Membership, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.member = member
        self.members = {str(one.pk): one for one in members()}
        choices = [("", _("Nobody yet")), *((key, str(one.user)) for key, one in self.members.items())]
        self.fields["assignee"].choices = choices  # type: ignore[attr-defined]
        self.fields["assignee"].initial = str(member.pk)

    def clean_assignee(self) -> Membership | None:
        return self.members.get(self.cleaned_data["assignee"])

    def values(self) -> dict[str, Any]:
        """What `task_add` takes."""
        said = self.cleaned_data
        return {"title": said["title"], "assignee": said["assignee"], "due_on": said["day"]}


class TaskForm(QuickTaskForm):
    clock = forms.TimeField(
        label=_("At"),
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        help_text=_("Empty: any time that day."),
    )
    remind = forms.ChoiceField(label=_("Reminder"), choices=REMINDERS, required=False)
    priority = forms.TypedChoiceField(label=_("Priority"), choices=Task.Priority, coerce=int)
    repeat = forms.ChoiceField(label=_("Repeats"), choices=REPEATS, required=False)
    interval = forms.IntegerField(label=_("Every"), min_value=1, max_value=99, required=False)
    days = forms.MultipleChoiceField(
        label=_("On"), choices=[], required=False, widget=forms.CheckboxSelectMultiple
    )
    until = forms.DateField(
        label=_("Until"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    text = forms.CharField(
        label=_("Notes"), max_length=5_000, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["days"].choices = list(day_names().items())  # type: ignore[attr-defined]

    def values(self) -> dict[str, Any]:
        """What `task_add` and `task_change` take. Raises Rejected for a reminder without a day."""
        said = self.cleaned_data
        assignee: Membership | None = said["assignee"]
        here = self.member.zone
        day, clock = said["day"], said["clock"]
        if clock and not day:
            raise fault("day", _now("Say which day, too."))
        due_at = datetime.combine(day, clock, tzinfo=here) if day and clock else None
        zone = assignee.zone if assignee else self.member.merchant.zone
        return {
            "title": said["title"],
            "text": said["text"],
            "assignee": assignee,
            "priority": said["priority"],
            "due_on": None if due_at else day,
            "due_at": due_at,
            "remind_at": _reminder(said["remind"], day, due_at, zone),
            "rule": _rule(said),
        }


def _reminder(choice: str, day: date | None, due_at: datetime | None, zone: ZoneInfo) -> datetime | None:
    if not choice:
        return None
    if day is None:
        raise fault("remind", _now("A reminder needs a day."))
    try:
        if choice.startswith("d"):
            return datetime.combine(day - timedelta(days=int(choice[1:])), NINE, tzinfo=zone)
        due = due_at or end_of(day).replace(tzinfo=zone)
        return due - timedelta(minutes=int(choice))
    except OverflowError as error:
        raise fault("day", _now("This day is beyond the calendar.")) from error


def _rule(said: dict[str, Any]) -> str:
    repeat, every = said["repeat"], said["interval"] or 1
    if not repeat:
        return ""
    parts = {
        "DAILY": ["FREQ=DAILY"],
        "WORKDAYS": ["FREQ=WEEKLY", "BYDAY=MO,TU,WE,TH,FR"],
        "WEEKLY": ["FREQ=WEEKLY", *([f"BYDAY={','.join(said['days'])}"] if said["days"] else [])],
        "MONTHLY": ["FREQ=MONTHLY"],
        "MONTHEND": ["FREQ=MONTHLY", "BYMONTHDAY=-1"],
    }[repeat]
    if every > 1:
        parts.append(f"INTERVAL={every}")
    if said["until"]:
        parts.append(f"UNTIL={said['until']:%Y%m%d}")
    return ";".join(parts)


def initial_of(task: Task, member: Membership) -> dict[str, Any]:
    """The form's values for this task, times in the member's zone."""
    local = task.due_at.astimezone(member.zone) if task.due_at and task.due_on is None else None
    known: dict[str, Any] = {
        "title": task.title,
        "text": task.text,
        "assignee": str(task.assignee_id or ""),
        "priority": task.priority,
        "day": task.due_on or (local.date() if local else None),
        "clock": local.time() if local else None,
        "remind": _reminder_choice(task),
    }
    return known | _repeat_choice(task.rule)


def _reminder_choice(task: Task) -> str:
    if task.remind_at is None or task.due_at is None:
        return ""
    zone = ZoneInfo(task.zone)
    day = task.due_on or task.due_at.astimezone(zone).date()
    due_at = None if task.due_on else task.due_at
    for value, _label in REMINDERS[1:]:
        if _reminder(value, day, due_at, zone) == task.remind_at:
            return value
    return ""


def _repeat_choice(rule: str) -> dict[str, Any]:
    if not rule:
        return {"repeat": ""}
    parts = parsed(rule)
    days = [day for day in parts.get("BYDAY", "").split(",") if day in DAYS]
    repeat = parts["FREQ"]
    if repeat == "WEEKLY" and parts.get("BYDAY") == "MO,TU,WE,TH,FR":
        repeat, days = "WORKDAYS", []
    if repeat == "MONTHLY" and parts.get("BYMONTHDAY") == "-1":
        repeat = "MONTHEND"
    until = datetime.strptime(parts["UNTIL"], "%Y%m%d").date() if "UNTIL" in parts else None  # noqa: DTZ007
    return {"repeat": repeat, "days": days, "interval": int(parts.get("INTERVAL", "1")), "until": until}


def refused(error: Rejected) -> dict[str, list[Any]]:
    """The service's fields by the form's names."""
    names = {"due_on": "day", "due_at": "day", "remind_at": "remind", "rule": "repeat"}
    return {names.get(name, name): list(texts) for name, texts in error.fields.items()}
