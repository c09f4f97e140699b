"""A segment's definition: a tree of groups and conditions, checked before anything is done with it.

A group is {"match": "all" | "any" | "none", "rules": […]}, a condition {"if": "<key>", …its fields}. An empty
definition, or a top group without rules, means everybody.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from django.utils.translation import gettext as _

from crm.lib.errors import Rejected, Text
from crm.lib.ids import row_id
from customers.segmenting import MOST_VALUES, Condition, Field, condition_of

# What a person can still read; and a bound on the work one statement can ask for.
MOST_CONDITIONS = 50
MOST_LEVELS = 5
MATCHES = ("all", "any", "none")
# The conditions whose `values` are ids of segments (marketing/conditions.py).
IN_SEGMENT, ENTERED_SEGMENT = "marketing.segment", "marketing.entered"


@dataclass(frozen=True)
class Rule:
    condition: Condition
    params: Mapping[str, Any]


@dataclass(frozen=True)
class Group:
    match: str = "all"
    rules: tuple[Rule | Group, ...] = ()


class BadDefinition(Rejected):
    """`fields` maps a path such as "rules.0.days" to what is wrong there."""

    code = "bad_definition"


@dataclass
class _Reading:
    """`stored` definitions were checked when they were saved: what the shop offers is not asked again."""

    stored: bool = False
    faults: dict[str, list[Text]] = field(default_factory=dict)
    conditions: int = 0
    groups: int = 0

    def fault(self, path: str, text: str) -> None:
        self.faults.setdefault(path or "definition", []).append(text)


def parse(definition: Any, *, stored: bool = False) -> Group:
    """The checked tree. Raises BadDefinition with every fault by its path. No queries when `stored`.

    Everybody is {}: what is missing or null is no definition, and must not become everybody by accident.
    """
    reading = _Reading(stored)
    group = _group(reading, definition, "", 1)
    if reading.conditions > MOST_CONDITIONS:
        reading.fault("", _("A segment can have at most %(most)s conditions.") % {"most": MOST_CONDITIONS})
    if reading.faults:
        raise BadDefinition(_("The segment isn't complete yet."), fields=reading.faults)
    return group


def rules_of(group: Group) -> Iterator[Rule]:
    """Every condition of the tree, from top to bottom."""
    for one in group.rules:
        if isinstance(one, Group):
            yield from rules_of(one)
        else:
            yield one


def dump(group: Group) -> dict[str, Any]:
    """The tree as it is stored: exactly what `parse` reads, values cleaned."""
    return {
        "match": group.match,
        "rules": [
            dump(one) if isinstance(one, Group) else {"if": one.condition.key, **_plain(one.params)}
            for one in group.rules
        ],
    }


def _plain(params: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: str(value) if isinstance(value, Decimal) else value
        for name, value in params.items()
        if value is not None
    }


def _group(reading: _Reading, data: Any, path: str, level: int) -> Group:
    if not isinstance(data, Mapping):
        reading.fault(path, _("A group is an object with “match” and “rules”."))
        return Group()
    match, rules = data.get("match", "all"), data.get("rules", [])
    if match not in MATCHES:
        reading.fault(_join(path, "match"), _("Choose all, any or none."))
        match = "all"
    if not isinstance(rules, list):
        reading.fault(_join(path, "rules"), _("The rules are a list."))
        return Group()
    if unknown := sorted(set(data) - {"match", "rules"}):
        reading.fault(path, _("Unknown: %(names)s") % {"names": ", ".join(map(str, unknown))})
    if level > 1 and not rules:
        reading.fault(path, _("This group is empty. Add a condition or remove it."))
    reading.groups += 1
    if level > MOST_LEVELS or reading.groups > MOST_CONDITIONS:
        reading.fault(path, _("Groups can be at most %(most)s levels deep.") % {"most": MOST_LEVELS})
        return Group()
    made = []
    # One too many is enough to be refused; a million are not read.
    for at, one in enumerate(rules[: MOST_CONDITIONS + 1]):
        here = _join(path, f"rules.{at}")
        is_rule = isinstance(one, Mapping) and "if" in one
        found = _rule(reading, one, here) if is_rule else _group(reading, one, here, level + 1)
        if found is not None:
            made.append(found)
    return Group(match, tuple(made))


def _rule(reading: _Reading, data: Mapping[str, Any], path: str) -> Rule | None:
    reading.conditions += 1
    key = data["if"]
    condition = condition_of(key, stored=reading.stored) if isinstance(key, str) else None
    if condition is None:
        reading.fault(path, _("There is no condition “%(key)s”.") % {"key": str(key)[:80]})
        return None
    known = {one.name for one in condition.all_fields}
    if unknown := sorted(set(data) - known - {"if"}):
        reading.fault(path, _("Unknown: %(names)s") % {"names": ", ".join(map(str, unknown))})
    params: dict[str, Any] = {}
    unsaid = [
        one.name
        for detail in condition.details
        if not any(data.get(field.name) is not None for field in detail.fields)
        for one in detail.fields
    ]
    params |= dict.fromkeys(unsaid)
    for one in condition.all_fields:
        if one.name in params:
            continue
        try:
            params[one.name] = _value(one, data.get(one.name, one.default), reading.stored)
        except ValueError as error:
            reading.fault(_join(path, one.name), str(error))
    return Rule(condition, params)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


# --- values ------------------------------------------------------------------------------------------------


def _value(one: Field, value: Any, stored: bool) -> Any:
    """The value in the field's own type. Raises ValueError with words for staff."""
    if one.kind in ("number", "percent"):
        return _number(one, value)
    if one.kind == "money":
        return _money(one, value)
    if one.kind == "text":
        return _text(one, value)
    if one.kind == "date":
        return _date(one, value)
    if one.kind == "choice":
        return _choice(one, value, stored)
    return _several(one, value, stored)


def _number(one: Field, value: Any) -> int:
    try:
        number = int(str(value))
    except ValueError as error:
        raise ValueError(_("%(label)s: give a whole number.") % {"label": one.label}) from error
    if isinstance(value, bool) or not one.minimum <= number <= one.maximum:
        bounds = {"label": one.label, "low": one.minimum, "high": one.maximum}
        raise ValueError(_("%(label)s: from %(low)s to %(high)s.") % bounds)
    return number


def _money(one: Field, value: Any) -> Decimal:
    try:
        amount = Decimal(str(value))
    except InvalidOperation as error:
        raise ValueError(_("%(label)s: give an amount.") % {"label": one.label}) from error
    if not amount.is_finite() or not one.minimum <= amount <= one.maximum:
        raise ValueError(_("%(label)s: give an amount.") % {"label": one.label})
    return amount.quantize(Decimal("0.0001"))


def _text(one: Field, value: Any) -> str:
    text = value.strip() if isinstance(value, str) else ""
    if not text or len(text) > min(one.maximum, 200) or "\x00" in text:
        raise ValueError(_("%(label)s: fill this in.") % {"label": one.label})
    return text


def _date(one: Field, value: Any) -> str:
    """ISO 8601; kept as text, a merchant-local day."""
    try:
        return date.fromisoformat(value).isoformat()
    except (TypeError, ValueError) as error:
        raise ValueError(_("%(label)s: choose a day.") % {"label": one.label}) from error


def _choice(one: Field, value: Any, stored: bool) -> str:
    if not isinstance(value, str) or (
        not (stored and callable(one.options)) and value not in {option.value for option in one.choices()}
    ):
        raise ValueError(_("%(label)s: choose one.") % {"label": one.label})
    return value


def _several(one: Field, value: Any, stored: bool) -> list[str]:
    texts = value if isinstance(value, list) else []
    texts = list(dict.fromkeys(str(text) for text in texts if isinstance(text, str | int) and str(text)))
    if not texts or any(len(text) > 200 or "\x00" in text for text in texts):
        raise ValueError(_("%(label)s: choose at least one.") % {"label": one.label})
    if len(texts) > MOST_VALUES:
        raise ValueError(_("%(label)s: at most %(most)s.") % {"label": one.label, "most": MOST_VALUES})
    if one.search is None and not stored:
        known = {option.value for option in one.choices()}
        if gone := [text for text in texts if text not in known]:
            raise ValueError(_("Not there any more: %(names)s") % {"names": ", ".join(gone)[:200]})
    if one.numeric and not all(row_id(text) is not None for text in texts):
        raise ValueError(_("%(label)s: choose from the list.") % {"label": one.label})
    return texts
