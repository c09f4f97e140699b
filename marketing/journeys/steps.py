"""The steps of a journey: read from JSON, checked, and said in words."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from crm.lib.errors import Rejected, Text
from marketing.models import Segment, Template

MOST_STEPS = 30
LONGEST_WAIT = timedelta(days=365)
UNITS = {"minutes": timedelta(minutes=1), "hours": timedelta(hours=1), "days": timedelta(days=1)}
UNIT_NAMES: dict[str, Text] = {
    "minutes": gettext_lazy("minutes"),
    "hours": gettext_lazy("hours"),
    "days": gettext_lazy("days"),
}


@dataclass(frozen=True)
class Kind:
    """What a step does, for the maker."""

    key: str
    label: Text
    icon: str
    about: Text


KINDS: dict[str, Kind] = {
    kind.key: kind
    for kind in (
        Kind("wait", gettext_lazy("Wait"), "clock", gettext_lazy("Let some time pass")),
        Kind(
            "mail",
            gettext_lazy("Send a mail"),
            "mail",
            gettext_lazy("From a template, if they may be written to"),
        ),
        Kind(
            "condition",
            gettext_lazy("Only go on if"),
            "filter",
            gettext_lazy("Who isn't in a segment leaves here"),
        ),
        Kind("tag", gettext_lazy("Add a tag"), "tag", gettext_lazy("Mark the customer")),
        Kind("exit", gettext_lazy("End here"), "flag", gettext_lazy("The journey is over")),
    )
}


@dataclass(frozen=True)
class Step:
    """`id` stays the same while a journey is edited, so that people on the way keep their place."""

    id: str
    kind: str
    amount: int = 0
    unit: str = "days"
    template: int = 0
    segment: int = 0
    tag: str = ""

    @property
    def length(self) -> timedelta:
        return self.amount * UNITS[self.unit]

    @property
    def icon(self) -> str:
        return KINDS[self.kind].icon


class BadSteps(Rejected):
    """`fields` maps "steps.<place>" to what is wrong there."""

    code = "bad_steps"


def read(steps: Any) -> tuple[Step, ...]:
    """Stored steps; they were checked when they were saved."""
    known = Step.__dataclass_fields__
    return tuple(Step(**{name: one[name] for name in one if name in known}) for one in steps)


def parse(steps: Any) -> tuple[Step, ...]:
    """Checked steps, each with an id. Raises BadSteps with every fault by its place."""
    if not isinstance(steps, list) or len(steps) > MOST_STEPS:
        text = _("A journey has at most %(most)s steps.") % {"most": MOST_STEPS}
        raise BadSteps(text, fields={"steps": [text]})
    faults: dict[str, list[Text]] = {}
    made: list[Step] = []
    for place, one in enumerate(steps):
        try:
            made.append(_step(one, {step.id for step in made}))
        except ValueError as error:
            faults[f"steps.{place}"] = [str(error)]
    if faults:
        raise BadSteps(_("Some steps aren't complete yet."), fields=faults)
    return tuple(made)


def dump(steps: Sequence[Step]) -> list[dict[str, Any]]:
    wanted = {"wait": ("amount", "unit"), "mail": ("template",), "condition": ("segment",), "tag": ("tag",)}
    return [
        {
            "id": step.id,
            "kind": step.kind,
            **{name: getattr(step, name) for name in wanted.get(step.kind, ())},
        }
        for step in steps
    ]


def _step(data: Any, taken: set[str]) -> Step:
    if not isinstance(data, Mapping) or data.get("kind") not in KINDS:
        raise ValueError(_("There is no such step."))
    given = str(data.get("id", ""))
    known = given.isascii() and given.isalnum() and len(given) <= 20 and given not in taken
    step_id = given if known else secrets.token_hex(4)
    kind = str(data["kind"])
    if kind == "wait":
        return Step(step_id, kind, amount=_amount(data), unit=str(data["unit"]))
    if kind == "mail":
        return Step(step_id, kind, template=_row(Template, data.get("template"), _("Choose a template.")))
    if kind == "condition":
        return Step(step_id, kind, segment=_row(Segment, data.get("segment"), _("Choose a segment.")))
    if kind == "tag":
        return Step(step_id, kind, tag=_tag(data.get("tag")))
    return Step(step_id, kind)


def _amount(data: Mapping[str, Any]) -> int:
    text, unit = str(data.get("amount", "")), data.get("unit")
    if unit not in UNITS or not (text.isascii() and text.isdigit() and len(text) < 7) or int(text) < 1:
        raise ValueError(_("Say how long to wait."))
    if int(text) * UNITS[str(unit)] > LONGEST_WAIT:
        raise ValueError(_("A journey can wait for a year at most."))
    return int(text)


def _row(model: Any, value: Any, complaint: str) -> int:
    text = str(value or "")
    if not text.isdigit() or len(text) > 18:
        raise ValueError(complaint)
    if not model.objects.filter(pk=int(text), archived_at__isnull=True).exists():
        raise ValueError(complaint)
    return int(text)


def _tag(value: Any) -> str:
    tag = " ".join(value.split()) if isinstance(value, str) else ""
    if not tag or len(tag) > 40 or "\x00" in tag:
        raise ValueError(_("Give a tag of at most 40 characters."))
    return tag


def wait_text(step: Step) -> str:
    """ "Wait 3 days"."""
    if step.unit == "minutes":
        text = ngettext("Wait %(amount)s minute", "Wait %(amount)s minutes", step.amount)
    elif step.unit == "hours":
        text = ngettext("Wait %(amount)s hour", "Wait %(amount)s hours", step.amount)
    else:
        text = ngettext("Wait %(amount)s day", "Wait %(amount)s days", step.amount)
    return text % {"amount": step.amount}


def titles(steps: Sequence[Step]) -> list[str]:
    """What each step does, in words. Two queries at most."""
    templates = dict(
        Template.objects.filter(pk__in=[step.template for step in steps if step.template]).values_list(
            "pk", "name"
        )
    )
    segments = dict(
        Segment.objects.filter(pk__in=[step.segment for step in steps if step.segment]).values_list(
            "pk", "name"
        )
    )
    gone = _("(no longer there)")
    said = {
        "mail": lambda step: _("Send “%(name)s”") % {"name": templates.get(step.template, gone)},
        "condition": lambda step: (
            _("Go on only if in “%(name)s”") % {"name": segments.get(step.segment, gone)}
        ),
        "tag": lambda step: _("Add the tag “%(tag)s”") % {"tag": step.tag},
        "exit": lambda step: _("End here"),
        "wait": wait_text,
    }
    return [said[step.kind](step) for step in steps]
