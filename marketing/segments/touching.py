"""Some customers against many segments, in one statement: a scan of their rows, a truth for each segment.

The whole build asks "who?" of everybody and plans each segment's statement by itself. Here the people are few
and the segments many, so planning and round trips are the cost: predicates become columns of one scan, and a
set of ids that several segments ask for is computed once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import structlog
from django.db import DatabaseError, connection, transaction

from crm.lib.errors import CrmError
from customers.models import Customer, Metrics
from customers.segmenting import Members, Row, Scope
from marketing.models import Segment
from marketing.segments.compiling import PINS
from marketing.segments.definition import Group, parse

log = structlog.get_logger()

# Segments in one statement: PostgreSQL plans that many in some milliseconds.
TOGETHER = 100
CUSTOMER, METRICS = Customer._meta.db_table, Metrics._meta.db_table


@dataclass
class _Sets:
    """Independent sets of ids, each once, however many segments ask for it."""

    names: dict[str, str] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)
    params: list[Any] = field(default_factory=list)

    def name_of(self, part: Members, *, columns: str = "customer_id") -> str:
        key = f"{part.text}\n{part.params!r}"
        if key not in self.names:
            self.names[key] = name = f"set_{len(self.names)}"
            self.texts.append(f"{name}({columns}) AS MATERIALIZED ({part.text})")
            self.params.extend(part.params)
        return self.names[key]


@dataclass(frozen=True)
class _Question:
    """A segment's rule as one expression over the customer's rows."""

    segment: Segment
    group: Group
    scope: Scope


def memberships(segments: Iterable[Segment], scope: Scope) -> dict[int, set[int]]:
    """Segment id → those of the scope's customers who satisfy it now, as the whole build would say.

    One statement for each `TOGETHER` segments. A segment whose rule can't be read or fails is left out, and
    logged; it takes no other with it.
    """
    questions = []
    for segment in segments:
        try:
            group = Group() if segment.is_list else parse(segment.definition, stored=True)
        except CrmError as error:
            log.warning("segment can't be read", segment=segment.pk, error=repr(error))
            continue
        questions.append(_Question(segment, group, replace(scope, inside=(segment.pk,))))
    found: dict[int, set[int]] = {}
    for start in range(0, len(questions), TOGETHER):
        found |= _ask(questions[start : start + TOGETHER], scope)
    return found


def _ask(questions: Sequence[_Question], scope: Scope) -> dict[int, set[int]]:
    """The answers; when the statement fails, each half is asked alone until the faulty one is found."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(*_statement(questions, scope))
            rows = cursor.fetchall()
    except (DatabaseError, CrmError) as error:
        if len(questions) == 1:
            log.warning("segment can't be read", segment=questions[0].segment.pk, error=repr(error))
            return {}
        middle = len(questions) // 2
        return _ask(questions[:middle], scope) | _ask(questions[middle:], scope)
    found: dict[int, set[int]] = {question.segment.pk: set() for question in questions}
    for customer_id, places in rows:
        for place in places:
            found[questions[place].segment.pk].add(customer_id)
    return found


def _statement(questions: Sequence[_Question], scope: Scope) -> tuple[str, list[Any]]:
    sets = _Sets()
    columns: list[str] = []
    params: list[Any] = []
    for place, question in enumerate(questions):
        truth = _corrected(_truth_of(question, sets), question, sets)
        columns.append(f"CASE WHEN {truth.text} THEN {place} END")
        params.extend(truth.params)
    text = f"""
        {"WITH " + ", ".join(sets.texts) if sets.texts else ""}
        SELECT c.id, array_remove(ARRAY[{", ".join(columns)}]::int[], NULL)
        FROM {CUSTOMER} c LEFT JOIN {METRICS} m ON m.merchant_id = c.merchant_id AND m.customer_id = c.id
        WHERE c.merchant_id = %s::bigint AND c.id = ANY(%s::bigint[])
          AND c.erased_at IS NULL AND c.merged_into_id IS NULL
    """
    return text, [*sets.params, *params, scope.merchant_id, list(scope.customer_ids or ())]


def _truth_of(question: _Question, sets: _Sets) -> Row:
    """Whether the rule holds; a list by hand has none, so nobody satisfies it."""
    if question.segment.is_list:
        return Row("FALSE")
    truth = _group(question.group, question.scope, sets)
    # As the whole build: only a rule about the customer's own row does without their metrics.
    known = truth.text if truth.uses == "c" else f"m.customer_id IS NOT NULL AND ({truth.text})"
    return Row(known, truth.params, truth.uses)


def _corrected(truth: Row, question: _Question, sets: _Sets) -> Row:
    """The rule's answer, unless somebody was put in or kept out by hand."""
    segment, scope = question.segment, question.scope
    if not segment.has_pins:
        return truth
    among = scope.among("p.customer_id")
    pinned = Members(
        f"SELECT p.customer_id, p.segment_id, p.is_in FROM {PINS} p"
        f" WHERE p.merchant_id = %s::bigint{among.text}",
        (scope.merchant_id, *among.params),
    )
    # One set for all segments: the people are few, and so are their pins.
    name = sets.name_of(pinned, columns="customer_id, segment_id, is_in")
    mine = f"SELECT p.is_in FROM {name} p WHERE p.customer_id = c.id AND p.segment_id = %s::bigint"
    return Row(f"coalesce(({mine}), ({truth.text}))", (segment.pk, *truth.params), truth.uses)


def _group(group: Group, scope: Scope, sets: _Sets) -> Row:
    parts = [
        _group(one, scope, sets)
        if isinstance(one, Group)
        else _truth(one.condition.build(one.params, scope), sets)
        for one in group.rules
    ]
    if not parts:
        return Row("TRUE", (), "m")
    text = (" AND " if group.match == "all" else " OR ").join(f"({part.text})" for part in parts)
    if group.match == "none":
        text = f"({text}) IS NOT TRUE"
    uses = "".join(sorted({letter for part in parts for letter in part.uses}))
    return Row(text, tuple(value for part in parts for value in part.params), uses)


def _truth(part: Row | Members, sets: _Sets) -> Row:
    if isinstance(part, Row):
        return part
    # EXISTS and not IN: a set that holds a NULL would make "not in it" unknown.
    name = sets.name_of(part)
    return Row(f"EXISTS (SELECT 1 FROM {name} x WHERE x.customer_id = c.id)", (), "m")
