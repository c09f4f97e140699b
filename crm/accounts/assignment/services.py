"""Writes to assignment rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from crm.accounts import events
from crm.accounts.assignment.models import AssignmentRule
from crm.accounts.assignment.registry import SUBJECTS
from crm.accounts.models import Membership, Merchant, Team
from crm.events.emitting import emit
from crm.lib.errors import Conflict, Rejected, Text

FIELDS = frozenset({"name", "conditions", "team", "people", "method", "is_default", "is_active"})
MOST_VALUES = 100
LONGEST_VALUE = 100


@transaction.atomic
def rule_create(*, merchant: Merchant, subject: str, **fields: Any) -> AssignmentRule:
    """The new rule, asked after those that are there. Raises as `rule_change` does."""
    if subject not in SUBJECTS:
        raise _fault("subject", ", ".join(sorted(SUBJECTS)))
    last = AssignmentRule.objects.filter(subject=subject).aggregate(last=Max("position"))["last"] or 0
    rule = AssignmentRule(merchant=merchant, subject=subject, position=last + 1)
    _fill(rule, {"name": "", **fields})
    _save(rule)
    _announce(rule, "created")
    return rule


@transaction.atomic
def rule_change(*, rule: AssignmentRule, **fields: Any) -> list[str]:
    """Names of what changed. Locks the row; raises Rejected with the field, Conflict for a name that is taken
    or a second default rule."""
    stored = AssignmentRule.objects.select_for_update(of=("self",)).get(pk=rule.pk)
    before = {name: _value(stored, name) for name in FIELDS}
    _fill(stored, fields)
    changed = sorted(name for name in FIELDS if _value(stored, name) != before[name])
    if changed:
        _save(stored)
        switched = changed == ["is_active"]
        _announce(stored, ("on" if stored.is_active else "off") if switched else "changed")
    return changed


@transaction.atomic
def rule_move(*, rule: AssignmentRule, up: bool) -> None:
    """Asked one place earlier or later; at the end of the row nothing changes."""
    rows = list(
        AssignmentRule.objects.select_for_update(of=("self",))
        .filter(subject=rule.subject, is_default=False)
        .order_by("position", "pk")
    )
    place = next((n for n, one in enumerate(rows) if one.pk == rule.pk), None)
    if place is None:
        return
    other = place - 1 if up else place + 1
    if not 0 <= other < len(rows):
        return
    rows[place], rows[other] = rows[other], rows[place]
    for position, one in enumerate(rows, start=1):
        AssignmentRule.objects.filter(pk=one.pk).update(position=position)
    _announce(rule, "moved")


@transaction.atomic
def rule_delete(*, rule: AssignmentRule) -> None:
    """What it gave stays given."""
    _announce(rule, "deleted")
    rule.delete()


def _value(rule: AssignmentRule, name: str) -> Any:
    return rule.team_id if name == "team" else getattr(rule, name)


def _fill(rule: AssignmentRule, fields: Mapping[str, Any]) -> None:
    unknown = set(fields) - FIELDS
    if unknown:
        raise ValueError(f"not a rule's field: {sorted(unknown)}")
    for name in ("is_default", "is_active", "team"):
        if name in fields:
            setattr(rule, name, fields[name])
    if "name" in fields:
        rule.name = " ".join(str(fields["name"]).split())[:60]
        if not rule.name:
            raise _fault("name", _("Give the rule a name."))
    if "method" in fields:
        if fields["method"] not in AssignmentRule.Method.values:
            raise _fault("method", _("Choose one of the list."))
        rule.method = fields["method"]
    if "people" in fields:
        rule.people = _people(rule, fields["people"])
    if "conditions" in fields:
        rule.conditions = _conditions(rule, fields["conditions"])
    if rule.is_default:
        rule.conditions = {}
    if {"team", "people"} & set(fields) or rule.pk is None:  # a rule whose team is gone can be switched off
        _check_team(rule, by_people="team" not in fields and bool(fields.get("people")))


def _check_team(rule: AssignmentRule, *, by_people: bool) -> None:
    """A team or people. People alone take the place of a team."""
    if by_people:
        rule.team = None
    team: Team | None = rule.team
    if team is not None and team.merchant_id != rule.merchant_id:
        raise _fault("team", _("Choose a team."))
    if team is not None:
        rule.people = []
    elif not rule.people:
        raise _fault("people", _("Choose a team or people."))


def _people(rule: AssignmentRule, ids: Sequence[int]) -> list[int]:
    wanted = sorted(set(ids))
    known = Membership.objects.filter(merchant=rule.merchant_id, pk__in=wanted)
    found = {one.pk: one for one in known}
    kept = set(rule.people)  # somebody who left since may stand in an old rule
    if any(pk not in found or not (found[pk].is_active or pk in kept) for pk in wanted):
        raise _fault("people", _("Choose people who work here."))
    return wanted


def _conditions(rule: AssignmentRule, raw: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    known = {one.key: one for one in SUBJECTS[rule.subject].conditions}
    clean: dict[str, list[str]] = {}
    for key, values in raw.items():
        if key not in known:
            raise _fault("conditions", _("There is no condition “%(key)s”.") % {"key": key})
        texts = [" ".join(str(value).split()) for value in values]
        texts = list(dict.fromkeys(text for text in texts if text))
        offered = {value for value, _label in known[key].choices()}
        wrong = [text for text in texts if not known[key].is_free and text not in offered]
        if wrong or len(texts) > MOST_VALUES or any(len(text) > LONGEST_VALUE for text in texts):
            raise _fault("conditions", _("Choose one of the list.") + f" ({known[key].label})")
        if texts:
            clean[key] = texts
    return clean


def _save(rule: AssignmentRule) -> None:
    try:
        with transaction.atomic():
            rule.save()
    except IntegrityError as error:
        if "one_default" in str(error):
            text = _("There is a default rule already.")
            raise Conflict(text, code="default_exists", fields={"is_default": [text]}) from error
        if "assignment_name" not in str(error):
            raise
        text = _("There is a rule of this name already.")
        raise Conflict(text, code="name_taken", fields={"name": [text]}) from error


def _fault(name: str, message: Text) -> Rejected:
    return Rejected(message, code="bad_rule", fields={name: [message]})


def _announce(rule: AssignmentRule, what: str) -> None:
    data = {"name": rule.name, "subject": rule.subject, "what": what}
    emit(events.ASSIGNMENT_CHANGED, merchant=rule.merchant_id, subject=rule, data=data)
