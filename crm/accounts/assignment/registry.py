"""What can be given to somebody by rule. Each app declares its own from its `handover.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from crm.accounts.models import Membership
from crm.events.types import Text

Choices = list[tuple[str, str]]


@dataclass(frozen=True)
class Condition:
    """One thing to go by. `choices` are offered; where `is_free`, any other value may be written too.
    `fits(row, values)` tells whether the row has one of the values."""

    key: str
    label: Text
    choices: Callable[[], Choices]
    fits: Callable[[Any, Sequence[str]], bool]
    is_free: bool = False


@dataclass(frozen=True)
class Subject:
    """What is given. `needs` is the permission of whoever may get one, `sees` whether they may see this one
    before it is theirs, `load` how many open ones each member has. `holder` is the membership id of whom a
    row belongs to. `find` is for "try it": the row that a person names by number, among those that a member
    sees.
    """

    key: str
    label: Text
    one: Text
    icon: str
    needs: str
    conditions: Sequence[Condition]
    sees: Callable[[Any, Membership], bool]
    load: Callable[[Iterable[int]], dict[int, int]]
    holder: Callable[[Any], int | None]
    find: Callable[[str, Membership], Any]
    find_label: Text
    title: Callable[[Any], str]
    order: int


SUBJECTS: dict[str, Subject] = {}


def add_subject(subject: Subject) -> None:
    if subject.key in SUBJECTS:
        raise ValueError(f"subject {subject.key} is declared twice")
    SUBJECTS[subject.key] = subject


def subjects() -> list[Subject]:
    return sorted(SUBJECTS.values(), key=lambda one: one.order)
