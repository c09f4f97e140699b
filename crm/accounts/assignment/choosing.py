"""Whose turn it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import F, QuerySet

from crm.accounts.assignment.models import AssignmentRule
from crm.accounts.assignment.registry import Subject
from crm.accounts.models import Membership

Method = AssignmentRule.Method


@dataclass(frozen=True)
class Choice:
    """Who gets it, and by which rule."""

    rule: AssignmentRule
    member: Membership


@dataclass
class Trial:
    """What "try it" tells: the choice, and the rules that were passed over with why (code)."""

    choice: Choice | None = None
    passed: list[tuple[AssignmentRule, str]] = field(default_factory=list)


def rules_of(subject: Subject) -> QuerySet[AssignmentRule]:
    """In the order in which they are asked: the default rule last."""
    rows = AssignmentRule.objects.filter(subject=subject.key).select_related("team")
    return rows.order_by("is_default", "position", "pk")


def choose(*, subject: Subject, row: Any) -> Choice | None:
    """Who gets the row, the turn taken; None when no rule fits or nobody of a fitting one can have it.

    Must be called in the transaction that gives the row: the rule is locked until its end, so that no turn is
    given twice, and the member, so that nobody is deactivated in between. One query where there are no rules.
    """
    for rule in rules_of(subject).filter(is_active=True):
        if not fits(subject, rule, row):
            continue
        locked = (
            AssignmentRule.objects.select_for_update(of=("self",)).filter(pk=rule.pk, is_active=True).first()
        )
        member = _next(subject, locked, row) if locked else None
        if locked and member:
            AssignmentRule.objects.filter(pk=locked.pk).update(
                last_given=member.pk, given_count=F("given_count") + 1
            )
            return Choice(locked, member)
    return None


def try_out(*, subject: Subject, row: Any) -> Trial:
    """What `choose` would do now; nothing is written or locked."""
    trial = Trial()
    for rule in rules_of(subject):
        if not rule.is_active:
            trial.passed.append((rule, "off"))
        elif not fits(subject, rule, row):
            trial.passed.append((rule, "other"))
        else:
            member = next(_in_order(subject, rule, row), None)
            if member is not None:
                trial.choice = Choice(rule, member)
                return trial
            trial.passed.append((rule, "nobody"))
    return trial


def fits(subject: Subject, rule: AssignmentRule, row: Any) -> bool:
    """Every condition holds. One that its app took back holds for nothing."""
    known = {one.key: one for one in subject.conditions}
    return all(
        key in known and known[key].fits(row, values) for key, values in rule.conditions.items() if values
    )


def _next(subject: Subject, rule: AssignmentRule, row: Any) -> Membership | None:
    """The first who is still active when their membership is locked."""
    for member in _in_order(subject, rule, row):
        locked = Membership.objects.select_for_update(of=("self",), no_key=True).get(pk=member.pk)
        if locked.is_active:
            return member
    return None


def _in_order(subject: Subject, rule: AssignmentRule, row: Any) -> Iterator[Membership]:
    """Who may have the row, the one whose turn it is first. Whether they see it costs a query each, and is
    asked only of those whose turn comes."""
    may = [one for one in _members(rule) if one.can(subject.needs)]
    if rule.method == Method.LEAST:
        loads = subject.load([one.pk for one in may])
        ordered = sorted(may, key=lambda one: (loads.get(one.pk, 0), _after(one, rule), one.pk))
    else:
        ordered = sorted(may, key=lambda one: (_after(one, rule), one.pk))
    return (one for one in ordered if one.sees_everything or subject.sees(row, one))


def _after(member: Membership, rule: AssignmentRule) -> bool:
    """False, which sorts first, for those who come after the last turn in the row of ids."""
    return rule.last_given is not None and member.pk <= rule.last_given


def _members(rule: AssignmentRule) -> Sequence[Membership]:
    rows = Membership.objects.select_related("user", "merchant").filter(
        merchant=rule.merchant_id, is_active=True
    )
    rows = rows.filter(team=rule.team_id) if rule.team_id else rows.filter(pk__in=rule.people)
    return list(rows.order_by("pk"))
