"""The definition as a sentence that staff can proof-read, in the language of the reader."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from crm.accounts.models import Membership
from crm.lib.ui.formats import day_text, money_text, number_text
from customers.segmenting import Field
from marketing.segments.definition import Group, Rule

# More names than this are counted instead of listed.
NAMED = 5


@dataclass(frozen=True)
class Reader:
    """Who reads: a member, who may not see every name, or a program (None); money is in the shop's
    currency."""

    currency: str
    membership: Membership | None


def sentence_of(group: Group, reader: Reader) -> str:
    """ "People who bought at least 2 times in the last 90 days and who have no open ticket"."""
    if not group.rules:
        return _("Everyone")
    return _("People %(rule)s") % {"rule": _group(group, reader, top=True)}


def clause_of(rule: Rule, reader: Reader) -> str:
    """One condition with its values filled in, and the details that it says."""
    condition, params = rule.condition, rule.params
    shown = {
        one.name: _shown(one, params[one.name], reader)
        for one in condition.all_fields
        if params.get(one.name) is not None
    }
    said = [condition.phrase, *(detail.clause for detail in condition.details if detail.is_said(params))]
    # A space between words; Chinese sets none, so the translator says what stands between.
    between = pgettext("between a condition and more about it", " ")
    return between.join(filled(str(one), lambda name: shown.get(name, "…")) for one in said)


def filled(phrase: str, value: Callable[[str], str]) -> str:
    """The phrase with each `{name}` replaced; anything else in it is left alone."""
    return re.sub(r"\{(\w+)\}", lambda match: value(match.group(1)), phrase)


def _group(group: Group, reader: Reader, *, top: bool = False) -> str:
    said = [_group(one, reader) if isinstance(one, Group) else clause_of(one, reader) for one in group.rules]
    if group.match == "all":
        text = pgettext("between conditions that must all hold", " and ").join(said)
    else:
        text = pgettext("between conditions of which one must hold", " or ").join(said)
    if group.match == "none":
        return _("except those %(rule)s") % {"rule": text if len(said) == 1 else f"({text})"}
    return text if top or len(said) == 1 else f"({text})"


def _shown(one: Field, value: Any, reader: Reader) -> str:
    if one.kind == "money":
        return money_text(
            Decimal(value), reader.currency, home=reader.currency, whole=Decimal(value) % 1 == 0
        )
    if one.kind in ("number", "percent"):
        return number_text(value)
    if one.kind == "text":
        return f"“{value}”"
    if one.kind == "date":
        return day_text(date.fromisoformat(value))
    if one.kind == "choice":
        return next((str(option.label) for option in one.choices() if option.value == value), str(value))
    return _names(one, list(value), reader)


def _names(one: Field, values: list[str], reader: Reader) -> str:
    """Up to five labels, then how many more."""
    labels = one.labels(values, reader.membership)
    names = [labels.get(value, _("(no longer there)") if one.numeric else value) for value in values]
    shown = pgettext("between names of which any will do", " or ").join(names[:NAMED])
    if len(names) > NAMED:
        shown += _(" or %(count)s more") % {"count": len(names) - NAMED}
    return shown
