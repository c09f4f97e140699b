"""Who gets which row."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence

from crm.accounts.handover.models import HandoverMove
from crm.accounts.handover.registry import Holding
from crm.accounts.models import Membership

How = HandoverMove.How


def share(
    *,
    how: str,
    holding: Holding,
    ids: Sequence[int],
    people: Sequence[Membership],
    leaver: Membership,
    loads: dict[str, int],
) -> dict[int, Membership]:
    """row id → who gets it; rows for which the rule knows nobody are left out.

    Among several who fit, whoever holds least gets the next, counted on in `loads` ({membership id: rows}),
    which this changes. At most one query a region.
    """
    if not people:
        return {}
    if how == How.PERSON:
        return dict.fromkeys(ids, people[0])
    if how == How.EVEN:
        return _spread(((row_id, people) for row_id in ids), loads)
    fitting = (
        _of_region(holding, ids, people) if how == How.REGION else _of_team(holding, ids, people, leaver)
    )
    return _spread(((row_id, fitting.get(row_id, ())) for row_id in ids), loads)


def _spread(
    wanted: Iterable[tuple[int, Sequence[Membership]]], loads: dict[str, int]
) -> dict[int, Membership]:
    given = {}
    for row_id, fitting in wanted:
        if not fitting:
            continue
        [least] = heapq.nsmallest(1, fitting, key=lambda one: (loads.get(str(one.pk), 0), one.pk))
        loads[str(least.pk)] = loads.get(str(least.pk), 0) + 1
        given[row_id] = least
    return given


def _of_region(
    holding: Holding, ids: Sequence[int], people: Sequence[Membership]
) -> dict[int, list[Membership]]:
    """row id → the people whose region it lies in."""
    fitting: dict[int, list[Membership]] = {}
    for region in sorted({one.region for one in people if one.region}):
        theirs = [one for one in people if one.region == region]
        rows = holding.held().filter(holding.in_region(region), pk__in=ids)
        for row_id in rows.values_list("pk", flat=True):
            fitting.setdefault(row_id, []).extend(theirs)
    return fitting


def _of_team(
    holding: Holding, ids: Sequence[int], people: Sequence[Membership], leaver: Membership
) -> dict[int, list[Membership]]:
    """row id → the people of its team, or of the leaver's team where it has none."""
    teams: dict[int, list[Membership]] = {}
    for one in people:
        if one.team_id:
            teams.setdefault(one.team_id, []).append(one)
    rows = holding.held().filter(pk__in=ids).values_list("pk", holding.team)
    return {row_id: teams.get(team_id or leaver.team_id or 0, []) for row_id, team_id in rows}
