"""Why somebody is in a segment or not: condition by condition, into the segments that a condition names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.accounts.models import Membership
from crm.lib.errors import CrmError
from crm.lib.ui.formats import day_text
from customers.models import Customer
from customers.segmenting import Scope
from marketing.models import Segment, SegmentPin
from marketing.segments.compiling import compile_rule, scope_of
from marketing.segments.definition import IN_SEGMENT, Group, Rule, parse, rules_of
from marketing.segments.sentences import Reader, clause_of


@dataclass(frozen=True)
class Reason:
    """One line of the explanation. `match` is set for groups, whose lines follow one level deeper; "segment"
    for a segment that the condition above it names."""

    text: str
    holds: bool
    level: int
    match: str = ""

    @property
    def depth(self) -> int:
        """How far a page moves it in."""
        return min(self.level, 7)


@dataclass(frozen=True)
class Answer:
    """`by_hand` is what was done by hand, which outweighs the rule."""

    inside: bool
    reasons: list[Reason]
    by_hand: SegmentPin | None = None
    rule_holds: bool = False


def hand_words(pin: SegmentPin | None) -> str:
    """ "Added by hand by Li Na on 3 May 2026"; "" when nothing was done by hand."""
    if pin is None:
        return ""
    facts = {
        "who": str(pin.by.user) if pin.by else _("a program"),
        "day": day_text(timezone.localtime(pin.created_at).date()),
    }
    if pin.is_in:
        return _("Added by hand: %(who)s, %(day)s") % facts
    return _("Kept out by hand: %(who)s, %(day)s") % facts


@dataclass
class _Telling:
    """One explanation under way: of whom, to whom, and which segments it is inside of."""

    customer: Customer
    scope: Scope
    reader: Reader
    lines: list[Reason] = field(default_factory=list)


def segment_contains(segment: Segment, customer: Customer, membership: Membership | None) -> Answer:
    """Whether the customer is in, condition by condition, told to the member or to a program (None): one
    statement for all conditions of a segment together, and one more for each segment that they name."""
    scope = scope_of(segment, (int(customer.pk),))
    telling = _Telling(customer, scope, Reader(segment.merchant.base_currency, membership))
    holds = False if segment.is_list else _tell(telling, parse(segment.definition, stored=True), 0)
    pin = _pin(segment, customer)
    inside = pin.is_in if pin is not None else holds
    return Answer(inside and _is_present(customer), telling.lines, pin, holds)


def _pin(segment: Segment, customer: Customer) -> SegmentPin | None:
    if not segment.has_pins:
        return None
    pins = SegmentPin.objects.filter(segment=segment, customer=customer)
    found: SegmentPin | None = pins.select_related("by__user").first()
    return found


def _is_present(customer: Customer) -> bool:
    return customer.erased_at is None and customer.merged_into_id is None


def _tell(telling: _Telling, group: Group, level: int) -> bool:
    return _explain(telling, group, _each(list(rules_of(group)), telling.scope), level)


def _each(rules: list[Rule], scope: Scope) -> Mapping[int, bool]:
    """Which conditions hold, by the identity of the rule."""
    if not rules:
        return {}
    compiled = [compile_rule(rule, scope) for rule in rules]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT " + ", ".join(f"EXISTS ({text})" for text, _params in compiled),
            [value for _text, params in compiled for value in params],
        )
        found = cursor.fetchone()
    return {id(rule): bool(holds) for rule, holds in zip(rules, found, strict=True)}


def _explain(telling: _Telling, group: Group, holds: Mapping[int, bool], level: int) -> bool:
    at = len(telling.lines)
    results = []
    for one in group.rules:
        if isinstance(one, Group):
            results.append(_explain(telling, one, holds, level + 1))
        else:
            results.append(holds[id(one)])
            clause = clause_of(one, telling.reader)
            telling.lines.append(Reason(clause, holds[id(one)], level + 1))
            if one.condition.key == IN_SEGMENT:
                _open(telling, one, level + 2)
    if group.match == "all" or not results:
        result = all(results)
        text = _("All of these")
    else:
        result = any(results) if group.match == "any" else not any(results)
        text = _("Any of these") if group.match == "any" else _("None of these")
    telling.lines.insert(at, Reason(text, result, level, group.match))
    return result


def _open(telling: _Telling, rule: Rule, level: int) -> None:
    """The conditions of the segments that a condition names."""
    ids = [int(value) for value in rule.params["values"]]
    for segment in Segment.objects.filter(pk__in=ids).exclude(pk__in=telling.scope.inside).order_by("pk"):
        inner = _Telling(telling.customer, telling.scope.around(segment.pk), telling.reader)
        pin = _pin(segment, telling.customer)
        try:
            holds = (
                False if segment.is_list else _tell(inner, parse(segment.definition, stored=True), level + 1)
            )
        except CrmError as refusal:
            inner.lines, holds = [Reason(str(refusal.message), False, level + 1)], False
        is_in = pin.is_in if pin is not None else holds
        telling.lines.append(Reason(_said(segment, pin, is_in), is_in, level, "segment"))
        telling.lines.extend(inner.lines)


def _said(segment: Segment, pin: SegmentPin | None, is_in: bool) -> str:
    if pin is not None:
        text = _("In “%(name)s”: put in by hand") if pin.is_in else _("Not in “%(name)s”: kept out by hand")
    else:
        text = _("In “%(name)s”, because:") if is_in else _("Not in “%(name)s”, because:")
    return text % {"name": segment.name}
