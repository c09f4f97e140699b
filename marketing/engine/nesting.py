"""How deep elements stand in each other. The readers of HTML and MJML are recursive programs in Rust: some
thousand levels overflow their stack, which ends the whole process and can't be caught.

And how often what was never closed is opened anew: `<p><b>Tea<p>` means a second `<b>` in the second
paragraph (HTML standard 13.2.4.3, the list of active formatting elements), so a few hundred forgotten ends
times a few thousand paragraphs are a million elements from some kilobytes, in a program that nothing can
interrupt.
"""

from __future__ import annotations

import re
from collections import Counter

from .errors import TemplateError
from .scanning import TAG_END, Ahead

# No mail is near it, and every reader bears several times as many: the frame of a table counts once here and
# four times there.
DEPTH = 500
_TAG = re.compile(r"<(/?)([a-zA-Z][^\s/>]*)")
# What HTML closes by itself or never opens …
_SHORT = frozenset(
    [
        *("area", "base", "br", "col", "colgroup", "dd", "dt", "embed", "hr", "img", "input", "li", "link"),
        *("meta", "optgroup", "option", "p", "source", "tbody", "td", "tfoot", "th", "thead", "tr", "track"),
        "wbr",
    ]
)
# … except in drawings and formulas, which have other rules.
_FOREIGN = re.compile("<(?:svg|math)", re.IGNORECASE)
_FORMATTING = frozenset(
    ["a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"]
)
_WHOLE = re.compile(r"""<[^"'>]*(?:"[^"]*"[^"'>]*|'[^']*'[^"'>]*)*>""")
# The standard keeps three alike and drops older ones.
ALIKE = 3
# So many may be opened anew, all together: about a second of reading. Those that are closed in time count
# while they are open, so there is room for twenty thousand tags with three around each.
REOPENED = 60_000


def check_depth(page: str, *, is_xml: bool) -> None:
    """Raises TemplateError for elements that stand too deep in each other, and for HTML whose forgotten ends
    make far more of it than was written.

    Rather too many are counted than too few: also those in comments, and those closed in the wrong order.
    """
    short = frozenset[str]() if is_xml or _FOREIGN.search(page) else _SHORT
    ends = Ahead(TAG_END, page)
    opened: list[str] = []
    forgotten = _Forgotten()
    for tag in _TAG.finditer(page):
        name = tag[2].lower()
        if not is_xml:
            forgotten.note(page, tag, ends.after(tag.end()))
        if name in short:
            continue
        if tag[1]:
            if opened and opened[-1] == name:
                opened.pop()
        elif not (is_xml and _closes_itself(page, ends.after(tag.end()))):
            opened.append(name)
            if len(opened) > DEPTH:
                line = page.count("\n", 0, tag.start()) + 1
                raise TemplateError(f"Line {line}: more than {DEPTH} elements stand in each other.")


class _Forgotten:
    """Formatting elements that were opened and not closed, as the reader of HTML keeps them."""

    def __init__(self) -> None:
        self._open: dict[str, list[str]] = {name: [] for name in _FORMATTING}
        self._alike: Counter[str] = Counter()
        self._count = self._reopened = 0

    def note(self, page: str, tag: re.Match[str], end: re.Match[str] | None) -> None:
        """Every tag may end the element in which they stand, and the next words open them all again. Raises
        TemplateError when that was too often."""
        self._reopened += self._count
        if self._reopened > REOPENED:
            line = page.count("\n", 0, tag.start()) + 1
            text = f"Line {line}: too many elements like <b>, <font> or <a> are opened and never closed."
            raise TemplateError(text)
        name = tag[2].lower()
        if name not in _FORMATTING:
            return
        opened = self._open[name]
        if not tag[1]:
            whole = page[tag.start() : end.end() if end else len(page)]
            # A tag whose end stands in a quoted value is not seen whole: it counts as like no other.
            if self._alike[whole] < ALIKE or not _WHOLE.fullmatch(whole):
                opened.append(whole)
                self._alike[whole] += 1
                self._count += 1
        elif opened:
            self._alike[opened.pop()] -= 1
            self._count -= 1


def _closes_itself(page: str, end: re.Match[str] | None) -> bool:
    return end is not None and page[end.start() - 1] == "/"
