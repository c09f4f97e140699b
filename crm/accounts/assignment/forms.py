"""A rule as a form. Conditions are asked as the subject's app declares them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from crm.accounts.assignment.models import AssignmentRule
from crm.accounts.assignment.registry import Condition, Subject
from crm.accounts.models import Membership, Team

PREFIX = "if_"
FREE = "or_"


class RuleForm(forms.Form):
    name = forms.CharField(label=pgettext_lazy("of a thing", "Name"), max_length=60)
    is_default = forms.BooleanField(
        label=_("For everything that no other rule fits"),
        required=False,
        help_text=_("The default rule has no conditions and is asked last."),
    )
    team = forms.ModelChoiceField(
        label=_("Team"), queryset=Team.objects.none(), required=False, empty_label=_("No team: these people")
    )
    people = forms.MultipleChoiceField(label=_("People"), required=False, widget=forms.CheckboxSelectMultiple)
    method = forms.ChoiceField(
        label=_("Who of them"), choices=AssignmentRule.Method.choices, widget=forms.RadioSelect
    )

    def __init__(
        self, data: Any, *, subject: Subject, people: list[Membership], rule: AssignmentRule | None = None
    ) -> None:
        super().__init__(data, initial=_start(rule))
        self.subject = subject
        self.fields["team"].queryset = Team.objects.order_by("name")  # type: ignore[attr-defined]
        self.fields["people"].choices = [(str(one.pk), str(one.user)) for one in people]  # type: ignore[attr-defined]
        for condition in subject.conditions:
            self._ask(condition, rule.conditions.get(condition.key, []) if rule else [])

    def _ask(self, condition: Condition, values: list[str]) -> None:
        choices = condition.choices()
        offered = {value for value, _label in choices}
        if choices:
            self.fields[PREFIX + condition.key] = forms.MultipleChoiceField(
                label=str(condition.label),
                choices=choices,
                required=False,
                widget=forms.CheckboxSelectMultiple,
                initial=[value for value in values if value in offered],
            )
        if condition.is_free:
            label = _now("%(what)s, others") % {"what": condition.label} if choices else str(condition.label)
            self.fields[FREE + condition.key] = forms.CharField(
                label=label,
                required=False,
                max_length=2_000,
                help_text=_("Separate them with commas."),
                initial=", ".join(value for value in values if value not in offered),
            )

    @property
    def condition_inputs(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name.startswith((PREFIX, FREE))]

    def values(self) -> dict[str, Any]:
        """What the services take."""
        said = self.cleaned_data
        conditions = {}
        for condition in self.subject.conditions:
            typed = str(said.get(FREE + condition.key, "")).replace("，", ",").replace("、", ",")
            conditions[condition.key] = [*said.get(PREFIX + condition.key, []), *typed.split(",")]
        return {
            "name": said["name"],
            "is_default": said["is_default"],
            "team": said["team"],
            "people": [int(pk) for pk in said["people"]],
            "method": said["method"],
            "conditions": conditions,
        }


def _start(rule: AssignmentRule | None) -> dict[str, Any]:
    if rule is None:
        return {"method": AssignmentRule.Method.TURNS}
    return {
        "name": rule.name,
        "is_default": rule.is_default,
        "team": rule.team_id,
        "people": [str(pk) for pk in rule.people],
        "method": rule.method,
    }
