"""The text/plain part written from the HTML: paragraphs, list marks, and the address behind each link."""

from __future__ import annotations

import re
from html.parser import HTMLParser

_BLOCKS = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "center",
        "div",
        "dl",
        "dt",
        "dd",
        "fieldset",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "li",
        "main",
        "nav",
        "ol",
        "p",
        "pre",
        "section",
        "table",
        "tr",
        "ul",
    ]
)
_PARAGRAPHS = frozenset(["p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "ul", "ol", "table"])
_SILENT = frozenset(["head", "style", "script", "title", "noscript", "template", "svg"])
_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]
)
_NOT_SHOWN = re.compile(r"display\s*:\s*none", re.IGNORECASE)
_STAND_IN = re.compile(r"lqx[0-9a-f]{8}x\d+x")


def html_to_text(page: str) -> str:
    """The text of an HTML page, blank lines between paragraphs, `label (address)` for links.

    Comments that hold a Liquid stand-in (see layout.py) come through, so that conditions act on the text as
    well.
    """
    parser = _Writer()
    parser.feed(page)
    parser.close()
    return parser.text()


class _Writer(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._out: list[str] = []
        self._silent = 0
        self._links: list[tuple[str, int]] = []
        self._unseen: list[str] = []  # the open elements inside one with display:none, that one first

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag not in _VOID and (self._unseen or _NOT_SHOWN.search(attributes.get("style", ""))):
            self._unseen.append(tag)
        if tag in _SILENT:
            self._silent += 1
        if self._unseen:
            return
        if tag == "br":
            self._out.append("\n")
        elif tag == "hr":
            self._out.append("\n\n---\n\n")
        elif tag == "img" and attributes.get("alt"):
            self._say(attributes["alt"])
        elif tag == "li":
            self._out.append("\n- ")
        elif tag in ("td", "th"):
            self._out.append(" ")
        elif tag == "a":
            self._links.append((attributes.get("href", ""), len(self._out)))
        elif tag in _BLOCKS:
            self._out.append("\n\n" if tag in _PARAGRAPHS else "\n")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag in _SILENT:
            self._silent -= 1
        if self._unseen and self._unseen[-1] == tag:
            self._unseen.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag in self._unseen:
            while self._unseen.pop() != tag:
                pass
            return
        if tag in _SILENT:
            self._silent = max(0, self._silent - 1)
        elif tag == "a" and self._links:
            href, start = self._links.pop()
            label = "".join(self._out[start:]).strip()
            if href and not href.startswith("#") and href != label:
                self._out.append(f" ({href})" if label else href)
        elif tag in _BLOCKS and tag != "li":
            self._out.append("\n\n" if tag in _PARAGRAPHS else "\n")

    def handle_data(self, data: str) -> None:
        self._say(re.sub(r"\s+", " ", data))

    def handle_comment(self, data: str) -> None:
        if _STAND_IN.fullmatch(data.strip()):
            self._out.append(data.strip())

    def _say(self, words: str) -> None:
        if not self._silent and not self._unseen:
            self._out.append(words)

    def text(self) -> str:
        joined = "".join(self._out).replace("\u00a0", " ").replace("\u200c", "")
        lines = [re.sub(r"[ \t]+", " ", line).strip() for line in joined.split("\n")]
        return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"
