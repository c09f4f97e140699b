"""What an app does when a person is erased, and which of its columns may hold something about one.

Each app declares it in its `privacy.py`, loaded at start: `add_eraser` for the work, `personal` and
`harmless` for every column of text. tests/privacy/ fails for a column that nobody declared, and for a
personal one that an erasure leaves as it was.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from html import escape
from urllib.parse import quote, quote_plus

# Shorter words are in every other text: they would empty the bodies of strangers.
SHORTEST_LATIN = 5
SHORTEST_OTHER = 2
# What stands where a person's words stood in a text that stays.
GONE = "…"


@dataclass
class Person:
    """Who is to be erased: their customer rows, what recognises them, and, once every app was asked, the ids
    of their rows by "app.model" and the words that stand for them wherever they are written.

    `emails` and `phones` are normalised.
    """

    merchant_id: int
    customer_ids: set[int]
    emails: set[str] = field(default_factory=set)
    phones: set[str] = field(default_factory=set)
    rows: dict[str, set[int]] = field(default_factory=dict)
    words: set[str] = field(default_factory=set)

    def owns(self, label: str, ids: Iterable[int]) -> None:
        """These rows of "app.model" are about the person."""
        self.rows.setdefault(label, set()).update(ids)

    def ids(self, label: str) -> list[int]:
        return sorted(self.rows.get(label, ()))

    def goes_by(self, *values: str | None) -> None:
        """Words by which the person is recognised in a text; those that are too short to tell are left
        out."""
        self.words.update(value.strip() for value in values if value and _tells(value.strip()))

    def spellings(self) -> list[str]:
        """The words as JSON, HTML and addresses write them, in lower case, for a search in stored text."""
        found = set()
        for word in self.words:
            plain = word.lower()
            found |= {plain, escape(plain), quote(plain).lower(), quote_plus(plain).lower()}
            found.add(json.dumps(plain)[1:-1])
        return sorted(found)

    def pattern(self) -> re.Pattern[str]:
        """Finds any of the words in a text in lower case; nothing when there are none."""
        return re.compile("|".join(map(re.escape, self.spellings())) or r"(?!)")


def _tells(value: str) -> bool:
    return len(value) >= (SHORTEST_LATIN if value.isascii() else SHORTEST_OTHER)


def without(pattern: re.Pattern[str], text: str) -> str:
    """The text with `GONE` for every word of the person; only that where places can't be told."""
    low = text.lower()
    if len(low) != len(text):  # a letter whose small form has another length: places would not fit
        return GONE if pattern.search(low) else text
    pieces, at = [], 0
    for match in pattern.finditer(low):
        pieces += [text[at : match.start()], GONE]
        at = match.end()
    return "".join([*pieces, text[at:]])


class ErasureWaits(Exception):
    """Something of the person is just being worked on; trying again in a minute helps."""


# Adds the app's rows and words about the person. Reads only.
Find = Callable[[Person], None]
# Takes the personal data out of the rows; how many rows changed.
Wipe = Callable[[Person], int]


@dataclass(frozen=True)
class Eraser:
    find: Find | None
    wipe: Wipe


ERASERS: dict[str, Eraser] = {}
PERSONAL: dict[str, set[str]] = {}
HARMLESS: dict[str, dict[str, str]] = {}


def add_eraser(name: str, *, wipe: Wipe, find: Find | None = None) -> None:
    """Every `find` runs before the first `wipe`, all in one transaction, inside the shop's scope.

    An app finds its rows by the person's ids and addresses alone: no order between the apps is promised.
    Files and Redis are changed after the commit (`transaction.on_commit`).
    """
    if name in ERASERS:
        raise ValueError(f"eraser {name} is registered twice")
    ERASERS[name] = Eraser(find, wipe)


# What is still open with a person, in sentences for whoever is about to erase them: a parcel under way,
# a return. By customer id; inside the shop's scope.
Concern = Callable[[int], Iterable[str]]
CONCERNS: list[Concern] = []


def add_concern(concern: Concern) -> None:
    CONCERNS.append(concern)


def concerns_about(customer_id: int) -> list[str]:
    """All of them, in the reader's language."""
    return [str(sentence) for concern in CONCERNS for sentence in concern(customer_id)]


def personal(model: str, *columns: str) -> None:
    """These columns of "app.model" hold what a person's erasure takes out."""
    PERSONAL.setdefault(model, set()).update(columns)


def harmless(model: str, *columns: str, why: str) -> None:
    """These columns of "app.model" stay as they are when a person is erased; say why."""
    HARMLESS.setdefault(model, {}).update(dict.fromkeys(columns, why))
