"""Search over everything: each app finds its own, the palette shows them together.

An app registers a finder in its `badges.py` (loaded at start). It is called inside the shop's scope.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.utils.functional import Promise

from crm.accounts.models import Membership
from crm.lib.once import looking_once

Text = str | Promise
# More hits of one kind push the others off the screen; whoever wants more opens the list.
HITS_EACH = 5
SHORTEST = 2


@dataclass(frozen=True)
class Hit:
    title: str
    href: str
    line: str = ""


# (who looks, words, most hits): what a member may not see in a list must not turn up here either.
Find = Callable[[Membership, str, int], list[Hit]]


@dataclass(frozen=True)
class Finder:
    label: Text
    icon: str
    needs: str
    find: Find


@dataclass(frozen=True)
class HitGroup:
    finder: Finder
    hits: list[Hit]


_FINDERS: list[Finder] = []


def finder(*, label: Text, icon: str, needs: str) -> Callable[[Find], Find]:
    """Registers a function of (membership, query, limit): the best hits first, by one indexed query."""

    def register(find: Find) -> Find:
        _FINDERS.append(Finder(label, icon, needs, find))
        return find

    return register


def search(*, membership: Membership, query: str) -> list[HitGroup]:
    """What the member may see of each kind, kinds without a hit left out; nothing for a single letter."""
    words = query.strip()
    if len(words) < SHORTEST and words.isascii():
        return []
    allowed = [one for one in _FINDERS if membership.can(one.needs)]
    with looking_once():
        groups = [HitGroup(one, one.find(membership, words, HITS_EACH)) for one in allowed]
    return [group for group in groups if group.hits]
