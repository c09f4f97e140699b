"""From what the marketer writes (MJML or HTML, with Liquid in it) to inlined HTML that still has the Liquid
in it.

MJML and the CSS inliner parse HTML and would tear Liquid apart (`<` becomes `&lt;`, text between table rows
is moved
out of the table). So each Liquid construct is hidden first: as a comment between elements, as a plain word
inside
an attribute or a text, and put back at the end, byte for byte.
"""

from __future__ import annotations

import html
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import css_inline
import mjml

from .errors import TemplateError
from .liquid import CONSTRUCTS, SOURCE_CHARS
from .nesting import check_depth
from .scanning import TAG_END, Ahead, before_last, spans, without

LINKS = 200  # per mail; each becomes a row
LINKS_NAME = "guanxi_links"
PIXEL_NAME = "guanxi_pixel"

_QUOTE_OR_END = re.compile(r"[\"'>]")
_RAW_ELEMENTS = ("style", "script", "title", "mj-style", "mj-title", "mj-preview")
_RAW_ELEMENT = re.compile(rf"<((?a:{'|'.join(_RAW_ELEMENTS)}))\b", re.IGNORECASE)
_LINK = re.compile(r"<(?:a|area)\b", re.IGNORECASE)
_HREF = re.compile(r'\shref="', re.IGNORECASE)
_QUOTE = re.compile('"')
_TRACKABLE = re.compile(r"https?://[^/?#\s]+", re.IGNORECASE)
_REFUSED_ELEMENTS = (
    (re.compile(r"<link\b", re.IGNORECASE), TAG_END),
    (re.compile(r"<script\b", re.IGNORECASE), re.compile(r"</script\s*>", re.IGNORECASE)),
    (re.compile(r"<base\b", re.IGNORECASE), TAG_END),
)
_CLOSERS = {
    closer: re.compile(re.escape(closer), re.IGNORECASE | re.ASCII)
    for closer in ("-->", *(f"</{name}" for name in _RAW_ELEMENTS))
}

_inliner = css_inline.CSSInliner(
    load_remote_stylesheets=False, keep_style_tags=False, keep_at_rules=True, minify_css=True
)


@dataclass
class Hidden:
    """Liquid constructs by the word that stands for each."""

    nonce: str = field(default_factory=lambda: f"lqx{secrets.token_hex(4)}x")
    constructs: list[str] = field(default_factory=list)

    def word(self, construct: str) -> str:
        self.constructs.append(construct)
        return f"{self.nonce}{len(self.constructs) - 1}x"

    def restore(self, text: str) -> str:
        pattern = re.compile(rf"<!--{self.nonce}(\d+)x-->|{self.nonce}(\d+)x")
        return pattern.sub(lambda m: self.constructs[int(m[1] or m[2])], text)

    def holds(self, text: str) -> bool:
        return self.nonce in text


@dataclass(frozen=True)
class Laid:
    """`html` with Liquid in it, its plain-text shadow, and the tracked targets in the order of their
    numbers.
    """

    html: str
    text: str
    links: tuple[str, ...]


def lay_out(body: str, *, to_text: Callable[[str], str], track: bool = False, pixel: bool = False) -> Laid:
    """Inlined HTML and text of an MJML or HTML body. Raises TemplateError with the reason.

    With `track`, each link with a fixed http(s) host becomes `{{ guanxi_links[n] }}`; with `pixel` an image
    from
    `{{ guanxi_pixel }}` stands before the end of the body. The text keeps the plain addresses.
    """
    if len(body) > SOURCE_CHARS:
        raise TemplateError(f"The body is longer than {SOURCE_CHARS // 1024} KB.")
    hidden = Hidden()
    page = _hide(body, hidden)
    if "<mjml" in page[:2000].lower():
        check_depth(page, is_xml=True)
        try:
            page = mjml.mjml2html(page, fonts={})  # the default loads from Google
        except ValueError as error:
            raise TemplateError(f"MJML: {error}") from error
        page = hidden.restore(page)
        hidden = Hidden()
        page = _hide(page, hidden)
    page = without(page, _REFUSED_ELEMENTS)
    check_depth(page, is_xml=False)
    try:
        page = _inliner.inline(page)
    except (css_inline.InlineError, ValueError) as error:
        raise TemplateError(f"CSS: {error}") from error
    text = hidden.restore(to_text(page))
    links: list[str] = []
    if track:
        page = _number_links(page, hidden, links)
    if pixel:
        page = _add_pixel(page)
    return Laid(html=hidden.restore(page), text=text, links=tuple(links))


def _hide(source: str, hidden: Hidden) -> str:
    """`source` with each Liquid construct replaced by a word or a comment, as its place allows."""
    out: list[str] = []
    position = 0
    state = _Scanner()
    for span in spans(source, CONSTRUCTS):
        before = source[position : span.start]
        state.feed(before)
        out.append(before)
        out.append(_stand_in(source[span.start : span.end], state, hidden, source, span.start))
        position = span.end
    out.append(source[position:])
    return "".join(out)


def _stand_in(construct: str, state: _Scanner, hidden: Hidden, source: str, at: int) -> str:
    if state.place == "tag":
        line = source.count("\n", 0, at) + 1
        raise TemplateError(
            f"Line {line}: {construct[:60]} stands among the attributes of an element. "
            "Liquid may stand inside an attribute's value or between elements."
        )
    word = hidden.word(construct)
    if state.place == "between" and construct.startswith("{%"):
        return f"<!--{word}-->"
    return word


class _Scanner:
    """Knows whether the end of what was fed lies between elements, in a tag, an attribute's value, or raw
    text.
    """

    def __init__(self) -> None:
        self.place = "between"  # between | tag | value | raw
        self._closer = ""
        self._after = ""

    def feed(self, text: str) -> None:
        at = 0
        while at < len(text):
            at = getattr(self, f"_in_{self.place}")(text, at)

    def _in_between(self, text: str, at: int) -> int:
        start = text.find("<", at)
        if start < 0:
            return len(text)
        if text.startswith("<!--", start):
            self.place, self._closer = "raw", "-->"
            return start + 4
        raw = _RAW_ELEMENT.match(text, start)
        self._after = f"</{raw[1].lower()}" if raw else ""
        if start + 1 < len(text) and (text[start + 1].isalpha() or text[start + 1] in "/!"):
            self.place = "tag"
        return start + 1

    def _in_tag(self, text: str, at: int) -> int:
        match = _QUOTE_OR_END.search(text, at)
        if match is None:
            return len(text)
        if match[0] == ">":
            self.place = "between"
            if self._after:
                self.place, self._closer = "raw", self._after
        else:
            self.place, self._closer = "value", match[0]
        return match.end()

    def _in_value(self, text: str, at: int) -> int:
        end = text.find(self._closer, at)
        if end < 0:
            return len(text)
        self.place = "tag"
        return end + 1

    def _in_raw(self, text: str, at: int) -> int:
        end = _CLOSERS[self._closer].search(text, at)
        if end is None:
            return len(text)
        self.place = "between"
        return end.start() if self._closer.startswith("</") else end.end()


def _number_links(page: str, hidden: Hidden, links: list[str]) -> str:
    out: list[str] = []
    position = 0
    for start, end in addresses(page):
        shown = html.unescape(page[start:end]).strip()
        host = _TRACKABLE.match(shown)
        if host is None or hidden.holds(host[0]):
            continue
        target = hidden.restore(shown)
        if target not in links:
            if len(links) >= LINKS:
                continue
            links.append(target)
        out += [page[position:start], hidden.word(f"{{{{ {LINKS_NAME}[{links.index(target)}] }}}}")]
        position = end
    return "".join([*out, page[position:]])


def addresses(page: str) -> Iterator[tuple[int, int]]:
    """Where the address of each link stands."""
    links, tag_ends, hrefs, quotes = (Ahead(mark, page) for mark in (_LINK, TAG_END, _HREF, _QUOTE))
    at = 0
    while link := links.after(at):
        at = link.end()
        href, tag_end = hrefs.after(at), tag_ends.after(at)
        if href is None:
            return
        if tag_end is not None and tag_end.start() < href.start():
            continue
        quote = quotes.after(href.end())
        if quote is None:
            return
        yield href.end(), quote.start()
        at = quote.end()


def _add_pixel(page: str) -> str:
    image = (
        f'<img src="{{{{ {PIXEL_NAME} }}}}" width="1" height="1" alt="" '
        'style="display:block;width:1px;height:1px;border:0">'
    )
    return before_last(page, "</body>", image)
