"""What the builder needs to know: every condition with its inputs, in the reader's language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.accounts.models import Membership
from crm.events.types import Text
from crm.lib.errors import Rejected
from crm.lib.ui.formats import currency_sign
from customers.segmenting import Condition, Field, Option, condition_of, conditions_offered
from marketing.segments.definition import Group, parse, rules_of

# What comes first in the picker; groups not named here follow in the order of registration.
FIRST_GROUPS = ("orders", "customers", "service", "reviews", "marketing")


@dataclass(frozen=True)
class Starter:
    """A segment to start from with one click."""

    key: str
    name: Text
    about: Text
    definition: dict[str, Any]


def _rules(*rules: dict[str, Any]) -> dict[str, Any]:
    return {"match": "all", "rules": list(rules)}


STARTERS: tuple[Starter, ...] = (
    Starter(
        "loyal",
        gettext_lazy("Loyal and content"),
        gettext_lazy("Bought at least 2 times in 90 days and have no open ticket"),
        _rules({"if": "orders.times", "times": 2, "days": 90}, {"if": "service.open_ticket", "has": "not"}),
    ),
    Starter(
        "new",
        gettext_lazy("New customers"),
        gettext_lazy("Their first order was in the last 30 days"),
        _rules({"if": "orders.first", "when": "last", "days": 30}),
    ),
    Starter(
        "fading",
        gettext_lazy("Good customers going quiet"),
        gettext_lazy("Three or more orders, none for 90 days"),
        _rules(
            {"if": "orders.count", "compare": "min", "value": 3},
            {"if": "orders.last", "when": "before", "days": 90},
        ),
    ),
    Starter(
        "unhappy",
        gettext_lazy("Unhappy lately"),
        gettext_lazy("An open ticket or a low rating in the last 60 days"),
        {
            "match": "any",
            "rules": [
                {"if": "service.open_ticket", "has": "has"},
                {"if": "reviews.last_rating", "compare": "max", "stars": 2, "days": 60},
            ],
        },
    ),
)


def starter(key: str) -> Starter | None:
    return next((one for one in STARTERS if one.key == key), None)


def catalogue(*, currency: str) -> dict[str, Any]:
    """JSON for static/js/segment-builder.js. One query for each field whose options the shop decides."""
    ordered = sorted(conditions_offered(), key=lambda one: _rank(one.key))
    return {
        "conditions": [_condition(one) for one in ordered],
        "currency": currency_sign(currency, currency),
        "words": {
            "all": _("all of these"),
            "any": _("any of these"),
            "none": _("none of these"),
            "and": _("and"),
            "or": _("or"),
            "nor": _("nor"),
            "people_who": _("People who match"),
            "add_condition": _("Add a condition"),
            "add_group": _("Add a group"),
            "remove": _("Remove"),
            "remove_group": _("Remove group"),
            "choose": _("choose…"),
            "search": _("type to search…"),
            "add_detail": _("+ more about it"),
            "everyone": _("Everyone. Add a condition to narrow it down."),
            "nothing": _("Nothing found"),
            "match": _("How the conditions of this group combine"),
            "unsaved": _("This segment has changes that aren't saved."),
        },
    }


def _rank(key: str) -> int:
    app = key.partition(".")[0]
    return FIRST_GROUPS.index(app) if app in FIRST_GROUPS else len(FIRST_GROUPS)


def _condition(one: Condition) -> dict[str, Any]:
    return {
        "key": one.key,
        "group": str(one.group),
        "label": str(one.label),
        "phrase": str(one.phrase),
        "fields": [_field(field) for field in one.fields],
        "details": [
            {
                "name": detail.name,
                "label": str(detail.label),
                "clause": str(detail.clause),
                "fields": [_field(field) for field in detail.fields],
            }
            for detail in one.details
        ],
    }


def _field(one: Field) -> dict[str, Any]:
    return {
        "name": one.name,
        "kind": one.kind,
        "label": str(one.label),
        "default": one.default,
        "minimum": one.minimum,
        "maximum": one.maximum,
        "options": _pairs(one.choices()) if one.search is None else [],
        "search": one.search is not None,
    }


def _pairs(options: Sequence[Option]) -> list[list[str]]:
    return [[option.value, str(option.label)] for option in options]


def labels_of(definition: Any, membership: Membership) -> dict[str, dict[str, str]]:
    """Labels for the member of the searched values that the definition names, by "<condition>.<field>"."""
    try:
        group: Group = parse(definition, stored=True)
    except Rejected:
        return {}
    found: dict[str, dict[str, str]] = {}
    for rule in rules_of(group):
        for one in rule.condition.all_fields:
            if one.search is not None and rule.params[one.name] is not None:
                key = f"{rule.condition.key}.{one.name}"
                found.setdefault(key, {}).update(one.labels(rule.params[one.name], membership))
    return found


def options_of(condition_key: str, field_name: str, query: str, *, membership: Membership) -> list[list[str]]:
    """What a search field offers the member for the words typed; nothing for a field that isn't searched."""
    condition = condition_of(condition_key)
    field = next((one for one in condition.all_fields if one.name == field_name), None) if condition else None
    if field is None or field.search is None:
        return []
    words = query.strip()[:100]
    if field.search_seen is not None:
        return _pairs(field.search_seen(words, (), membership))
    return _pairs(field.search(words, ()))
