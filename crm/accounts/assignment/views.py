"""Settings: who gets new tickets and customers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from crm.accounts.assignment import services
from crm.accounts.assignment.choosing import Trial, rules_of, try_out
from crm.accounts.assignment.forms import RuleForm
from crm.accounts.assignment.models import AssignmentRule
from crm.accounts.assignment.registry import SUBJECTS, Subject, subjects
from crm.accounts.handover.selectors import candidates
from crm.accounts.models import Membership
from crm.accounts.routes import StaffRequest
from crm.lib.errors import CrmError
from crm.lib.forms import blame
from crm.lib.ui.parts import Tab


@dataclass(frozen=True)
class RuleLine:
    """A rule as the page tells it."""

    rule: AssignmentRule
    conditions: list[str]
    whom: str
    gone: int


@require_safe
def assignment(request: StaffRequest) -> HttpResponse:
    """The rules in the order in which they are asked, one tab for tickets, one for customers."""
    subject = _subject(request.GET.get("of", ""))
    context: dict[str, Any] = {
        "subject": subject,
        "tabs": [
            Tab(str(one.label), f"{request.path}?of={one.key}", one is subject, None) for one in subjects()
        ],
        "lines": _lines(request, subject),
        "may_edit": request.membership.can("team.assign"),
    }
    return render(request, "accounts/assignment.html", context)


def _subject(key: str) -> Subject:
    return SUBJECTS.get(key) or subjects()[0]


def _lines(request: StaffRequest, subject: Subject) -> list[RuleLine]:
    people = {
        one.pk: one for one in Membership.objects.select_related("user").filter(merchant=request.merchant)
    }
    labels = {one.key: dict(one.choices()) for one in subject.conditions}
    return [_line(subject, rule, people, labels) for rule in rules_of(subject)]


def _line(
    subject: Subject,
    rule: AssignmentRule,
    people: dict[int, Membership],
    labels: dict[str, dict[str, str]],
) -> RuleLine:
    words = []
    for condition in subject.conditions:
        if values := rule.conditions.get(condition.key):
            known = labels[condition.key]
            words.append(f"{condition.label}: {' / '.join(known.get(one, one) for one in values)}")
    working = [people[pk] for pk in rule.people if pk in people and people[pk].is_active]
    whom = rule.team.name if rule.team else ", ".join(str(one.user) for one in working)
    return RuleLine(rule, words, whom, gone=0 if rule.team else len(rule.people) - len(working))


def rule_new(request: StaffRequest) -> HttpResponse:
    return _edit(request, _subject(request.GET.get("of", "")), None)


def rule_edit(request: StaffRequest, rule_id: int) -> HttpResponse:
    rule = get_object_or_404(AssignmentRule, pk=rule_id)
    if rule.subject not in SUBJECTS:
        raise Http404
    return _edit(request, SUBJECTS[rule.subject], rule)


def _edit(request: StaffRequest, subject: Subject, rule: AssignmentRule | None) -> HttpResponse:
    people = [one for one in candidates(request.merchant) if one.can(subject.needs)]
    form = RuleForm(request.POST or None, subject=subject, people=people, rule=rule)
    if request.method == "POST" and form.is_valid():
        try:
            if rule is None:
                services.rule_create(merchant=request.merchant, subject=subject.key, **form.values())
            else:
                services.rule_change(rule=rule, **form.values())
        except CrmError as refusal:
            blame(form, refusal)
        else:
            messages.success(request, _("The rule is saved."))
            return redirect(_home(subject.key))
    context = {"form": form, "subject": subject, "rule": rule, "home": _home(subject.key)}
    return render(request, "accounts/rule_edit.html", context, status=422 if form.errors else 200)


def _home(subject: str) -> str:
    return f"{reverse('assignment')}?of={subject}"


@require_POST
def rule_act(request: StaffRequest, rule_id: int) -> HttpResponse:
    """up, down, on, off or delete."""
    rule = get_object_or_404(AssignmentRule, pk=rule_id)
    act = request.POST.get("act", "")
    if act in ("up", "down"):
        services.rule_move(rule=rule, up=act == "up")
    elif act in ("on", "off"):
        services.rule_change(rule=rule, is_active=act == "on")
    elif act == "delete":
        services.rule_delete(rule=rule)
        messages.success(request, _("The rule is deleted. What it gave stays given."))
    return redirect(_home(rule.subject))


@require_safe
def assignment_try(request: StaffRequest) -> HttpResponse:
    """Who would get this ticket or customer now, and why not somebody else; nothing is given."""
    subject = _subject(request.GET.get("of", ""))
    number = request.GET.get("number", "").strip()
    row = subject.find(number, request.membership) if number else None
    trial: Trial | None = try_out(subject=subject, row=row) if row is not None else None
    context = {
        "subject": subject,
        "number": number,
        "title": subject.title(row) if row is not None else "",
        "holder": _holder(subject, row),
        "trial": trial,
    }
    return render(request, "accounts/_assignment_try.html", context)


def _holder(subject: Subject, row: Any) -> Membership | None:
    pk = subject.holder(row) if row is not None else None
    return Membership.objects.select_related("user").filter(pk=pk).first() if pk else None
