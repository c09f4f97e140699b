"""Looking through what somebody wrote in one pass, however it was written.

A pattern like `<a [^>]*href=` looks to the end of the text from each `<a ` that is never closed: quadratic,
so minutes for a body of 300 KB. Here each pattern fits a short mark only, and where the next one stands is
remembered.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

TAG_END = re.compile(">")


class Mark(Protocol):
    """What finds the next short mark: a compiled pattern."""

    def search(self, text: str, at: int = ..., /) -> re.Match[str] | None: ...


Pairs = Sequence[tuple[Mark, Mark]]


class Ahead:
    """Where the next mark stands. The places asked for only grow, so the text is looked through once."""

    def __init__(self, mark: Mark, text: str) -> None:
        self._mark, self._text = mark, text
        self._found: re.Match[str] | None = None
        self._begun = False

    def after(self, at: int) -> re.Match[str] | None:
        """The first mark at `at` or behind it."""
        if not self._begun or (self._found is not None and self._found.start() < at):
            self._begun = True
            self._found = self._mark.search(self._text, at)
        return self._found


@dataclass(frozen=True, slots=True)
class Span:
    """From an opening mark to the end of its closing one."""

    opening: re.Match[str]
    start: int
    end: int


def spans(text: str, pairs: Pairs) -> Iterator[Span]:
    """Each opening mark with the next closing one of its pair, one behind the other; of several that begin at
    the same place the first pair's. What is never closed is passed over."""
    ahead = [(Ahead(opening, text), Ahead(closing, text)) for opening, closing in pairs]
    at = 0
    while ahead:
        found = [(mark, closings) for openings, closings in ahead if (mark := openings.after(at))]
        if not found:
            return
        opening, closings = min(found, key=lambda each: each[0].start())
        closing = closings.after(opening.end())
        if closing is None:  # nor will any later one of its kind be closed
            ahead = [each for each in ahead if each[1] is not closings]
            continue
        yield Span(opening, opening.start(), closing.end())
        at = closing.end()


def without(text: str, pairs: Pairs) -> str:
    """`text` without the spans."""
    kept, position = [], 0
    for span in spans(text, pairs):
        kept.append(text[position : span.start])
        position = span.end
    return "".join([*kept, text[position:]])


def before_last(text: str, mark: str, addition: str) -> str:
    """`text` with `addition` before the last place of the mark (in any case), else at its end. Searched as it
    is: in lower case `İ` is two characters, so the places behind it would be others."""
    found = re.finditer(re.escape(mark), text, re.IGNORECASE)
    at = max((match.start() for match in found), default=len(text))
    return text[:at] + addition + text[at:]


def behind_tag(text: str, opening: re.Pattern[str], addition: str) -> str:
    """`text` with `addition` behind the first tag that begins so; "" when there is none."""
    tag = next(spans(text, ((opening, TAG_END),)), None)
    return text[: tag.end] + addition + text[tag.end :] if tag else ""
