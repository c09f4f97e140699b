"""From a tree of conditions to one SQL statement that selects customer ids.

Predicates on the customer's own row and on the metrics row are put together into one scan; every other
condition is a set of ids, computed once and joined. Nothing is correlated: `IN (SELECT …)` at the top of a
WHERE becomes a semi-join, `NOT EXISTS` over an independent set an anti-join, OR becomes UNION, because
under OR PostgreSQL would probe a set row by row (../shared/SCALE.md).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from customers.segmenting import Members, Row, Scope
from marketing.models import Segment, SegmentPin
from marketing.segments.definition import Group, Rule, parse

Sql = tuple[str, tuple[Any, ...]]
PINS = SegmentPin._meta.db_table

# What stands in for "all rules of an empty group".
EVERYBODY = Row("TRUE", (), "m")


@dataclass(frozen=True)
class _Outside:
    """Everybody who is not in the set."""

    inside: Members


Part = Row | Members | _Outside


def compile_definition(definition: Any, scope: Scope, *, stored: bool = True) -> Sql:
    """(sql, params) of `SELECT customer_id` for those of the scope who satisfy the definition and are not
    erased.

    Unordered, without duplicates. Raises BadDefinition.
    """
    return compile_group(parse(definition, stored=stored), scope)


def scope_of(segment: Segment, customer_ids: tuple[int, ...] | None = None) -> Scope:
    """For asking the segment itself, about everybody or these."""
    return Scope(segment.merchant, customer_ids=customer_ids, inside=(segment.pk,))


def compile_segment(segment: Segment, scope: Scope) -> Sql:
    """(sql, params) of a stored segment: whom its rule finds and who was put in by hand, less the kept out.

    One statement, unordered, without duplicates. Raises Rejected when the rule can't be read any more.
    """
    if segment.is_list:
        return _put_in(segment, scope)
    return with_pins(compile_group(parse(segment.definition, stored=True), scope), segment, scope)


def with_pins(rule: Sql, segment: Segment | None, scope: Scope) -> Sql:
    """What a rule finds, corrected by what was done by hand in the segment; the rule itself where nothing
    was."""
    if segment is None or not segment.has_pins:
        return rule
    text, params = _put_in(segment, scope)
    return (
        (
            f"SELECT r.customer_id FROM ({rule[0]}) r WHERE NOT EXISTS (SELECT 1 FROM {PINS} p WHERE"
            " p.merchant_id = %s::bigint AND p.segment_id = %s::bigint AND p.customer_id = r.customer_id)"
            f" UNION ALL {text}"
        ),
        (*rule[1], scope.merchant_id, segment.pk, *params),
    )


def _put_in(segment: Segment, scope: Scope) -> Sql:
    among = scope.among("p.customer_id")
    text = (
        f"SELECT p.customer_id FROM {PINS} p JOIN customers_customer c"
        " ON c.merchant_id = p.merchant_id AND c.id = p.customer_id"
        " WHERE p.merchant_id = %s::bigint AND p.segment_id = %s::bigint AND p.is_in"
        f" AND c.erased_at IS NULL AND c.merged_into_id IS NULL{among.text}"
    )
    return text, (scope.merchant_id, segment.pk, *among.params)


def compile_group(group: Group, scope: Scope) -> Sql:
    if group.match == "all" and group.rules:
        parts = _parts(group, scope)
        rows = [part for part in parts if isinstance(part, Row)]
        sets = [part for part in parts if not isinstance(part, Row)]
        return _select([*([_joined(rows, " AND ")] if rows else []), *sets], scope, present=True)
    return _select([_group(group, scope)], scope, present=True)


def compile_rule(rule: Rule, scope: Scope) -> Sql:
    """The same for one condition alone, for explaining."""
    return _select([_rule(rule, scope)], scope, present=False)


def _rule(rule: Rule, scope: Scope) -> Row | Members:
    return rule.condition.build(rule.params, scope)


def _parts(group: Group, scope: Scope) -> list[Part]:
    return [_group(one, scope) if isinstance(one, Group) else _rule(one, scope) for one in group.rules]


def _group(group: Group, scope: Scope) -> Part:
    parts = _parts(group, scope)
    if not parts:
        return EVERYBODY
    if group.match == "all":
        return _all(parts, scope)
    either = _any(parts, scope)
    return _not(either) if group.match == "none" else either


def _all(parts: list[Part], scope: Scope) -> Part:
    rows = [part for part in parts if isinstance(part, Row)]
    if len(rows) == len(parts):
        return _joined(rows, " AND ")
    if len(parts) == 1:
        return parts[0]
    return Members(*_select(parts, scope, present=False))


def _any(parts: list[Part], scope: Scope) -> Part:
    rows = [part for part in parts if isinstance(part, Row)]
    if len(rows) == len(parts):
        return _joined(rows, " OR ")
    if len(parts) == 1:
        return parts[0]
    sets = [Members(*_select([part], scope, present=False)) for part in parts if isinstance(part, _Outside)]
    sets += [part for part in parts if isinstance(part, Members)]
    if rows:
        sets.append(Members(*_select([_joined(rows, " OR ")], scope, present=False)))
    text = " UNION ".join(f"({one.text})" for one in sets)
    return Members(text, tuple(value for one in sets for value in one.params))


def _not(part: Part) -> Part:
    if isinstance(part, Row):
        return part.negated()
    if isinstance(part, _Outside):
        return part.inside
    return _Outside(part)


def _joined(rows: Iterable[Row], word: str) -> Row:
    rows = list(rows)
    if len(rows) == 1:
        return rows[0]
    text = word.join(f"({row.text})" for row in rows)
    uses = "".join(sorted({letter for row in rows for letter in row.uses}))
    return Row(f"({text})", tuple(value for row in rows for value in row.params), uses)


def _select(parts: list[Part], scope: Scope, *, present: bool) -> Sql:
    """One scan of the rows, joined with each set. `present` leaves out who was erased."""
    rows = [part for part in parts if isinstance(part, Row)]
    uses = {letter for row in rows for letter in row.uses}
    source, key, params = _source(uses)
    where = [f"{key.partition('.')[0]}.merchant_id = %s::bigint"]
    params.append(scope.merchant_id)
    if scope.customer_ids is not None:
        where.append(f"{key} = ANY(%s::bigint[])")
        params.append(list(scope.customer_ids))
    if present:
        where.append(_present(uses, key))
        if "c" not in uses:
            params.append(scope.merchant_id)
    for part in parts:
        if isinstance(part, Row):
            where.append(f"({part.text})")
            params.extend(part.params)
        elif isinstance(part, Members):
            where.append(f"{key} IN ({part.text})")
            params.extend(part.params)
        else:
            where.append(f"NOT EXISTS (SELECT 1 FROM ({part.inside.text}) x WHERE x.customer_id = {key})")
            params.extend(part.inside.params)
    return f"SELECT {key} AS customer_id FROM {source} WHERE {' AND '.join(where)}", tuple(params)


def _source(uses: set[str]) -> tuple[str, str, list[Any]]:
    """(FROM, the column of the id, parameters so far)."""
    if uses == {"c"}:
        return "customers_customer c", "c.id", []
    if "c" in uses:
        both = (
            "customers_metrics m JOIN customers_customer c"
            " ON c.merchant_id = m.merchant_id AND c.id = m.customer_id"
        )
        return both, "m.customer_id", []
    return "customers_metrics m", "m.customer_id", []


def _present(uses: set[str], key: str) -> str:
    """The erased and the absorbed are few: an anti-join with them costs less than a join with everybody."""
    if "c" in uses:
        return "c.erased_at IS NULL AND c.merged_into_id IS NULL"
    gone = (
        "SELECT 1 FROM customers_customer e WHERE e.merchant_id = %s::bigint"
        " AND (e.erased_at IS NOT NULL OR e.merged_into_id IS NOT NULL)"
    )
    return f"NOT EXISTS ({gone} AND e.id = {key})"
