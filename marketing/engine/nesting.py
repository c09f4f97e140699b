"""How deep elements stand in each other. The readers of HTML and MJML are recursive programs in Rust: some
thousand levels overflow their stack, which ends the whole process and can't be caught."""

from __future__ import annotations

import re

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


def check_depth(page: str, *, is_xml: bool) -> None:
    """Raises TemplateError for elements that stand too deep in each other.

    Rather too many are counted than too few: also those in comments, and those closed in the wrong order.
    """
    short = frozenset[str]() if is_xml or _FOREIGN.search(page) else _SHORT
    ends = Ahead(TAG_END, page)
    opened: list[str] = []
    for tag in _TAG.finditer(page):
        name = tag[2].lower()
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


def _closes_itself(page: str, end: re.Match[str] | None) -> bool:
    return end is not None and page[end.start() - 1] == "/"
