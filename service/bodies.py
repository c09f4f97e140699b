"""Words from strangers: cleaned, capped, and never trusted as HTML."""

from __future__ import annotations

import re
import unicodedata
from html import unescape

import nh3

from service.models.entry import BODY_CHARS

# nh3 is quadratic on deep nesting (40k divs take 9 s): a mail larger than this is shown as text only.
HTML_CHARS = 200_000
HTML_DEPTH = 200
TAGS = {
    *(
        "p",
        "br",
        "div",
        "span",
        "b",
        "strong",
        "i",
        "em",
        "u",
        "s",
        "a",
        "ul",
        "ol",
        "li",
        "blockquote",
        "pre",
    ),
    *("code", "h1", "h2", "h3", "h4", "table", "thead", "tbody", "tr", "td", "th", "hr", "img"),
}
ATTRIBUTES = {"a": {"href", "title"}, "img": {"alt", "width", "height", "src"}, "td": {"colspan", "rowspan"}}
PREVIEW_CHARS = 160


def clean_text(text: str) -> str:
    """NFC, ordinary line breaks, no control characters, at most BODY_CHARS."""
    plain = unicodedata.normalize("NFC", text[: BODY_CHARS * 2]).replace("\r\n", "\n").replace("\r", "\n")
    kept = "".join(letter for letter in plain if letter in "\n\t" or unicodedata.category(letter) != "Cc")
    return re.sub(r"\n{4,}", "\n\n\n", kept).strip()[:BODY_CHARS]


def clean_html(html: str) -> str:
    """HTML that can do nothing but be read; "" when it is too big or nested too deep to clean safely."""
    if not html or len(html) > HTML_CHARS or _depth(html) > HTML_DEPTH:
        return ""
    return nh3.clean(
        html,
        tags=TAGS,
        attributes=ATTRIBUTES,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
        strip_comments=True,
    )


def _depth(html: str) -> int:
    """A cheap upper bound of the nesting: tags opened and not closed."""
    deepest = depth = 0
    for match in re.finditer(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)[^>]*?(/?)>", html):
        if match[2].lower() in {"br", "img", "hr", "meta", "input", "link", "col"} or match[3]:
            continue
        depth += -1 if match[1] else 1
        deepest = max(deepest, depth)
    return deepest


def text_of_html(html: str) -> str:
    """What the HTML says, for mails without a text part."""
    bare = re.sub(r"(?is)<(script|style|head)\b.*?</\1\s*>", " ", html[: HTML_CHARS * 2])
    broken = re.sub(r"(?i)<(br|/p|/div|/tr|/li|/h[1-6]|/blockquote)\b[^>]*>", "\n", bare)
    plain = unescape(re.sub(r"<[^>]*>", " ", broken))
    lines = [" ".join(line.split()) for line in plain.splitlines()]
    return clean_text("\n".join(lines))


def preview_of(text: str) -> str:
    """The first line that says something."""
    line = " ".join(text.split())
    return line if len(line) <= PREVIEW_CHARS else line[: PREVIEW_CHARS - 1].rstrip() + "…"


def subject_of(subject: str, text: str) -> str:
    """One line of at most 120 letters; the words' beginning when no subject was given."""
    line = " ".join(clean_text(subject).split()) or preview_of(text)
    return line if len(line) <= 120 else line[:119].rstrip() + "…"
