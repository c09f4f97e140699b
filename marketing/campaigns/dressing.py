"""What the preview lays over a mail's HTML. The mail itself is never sent like this."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.html import format_html

from marketing.engine.scanning import behind_tag

LINK_MARK = "#guanxi-link-"
_ASKS_DARK = re.compile(r"\(\s*prefers-color-scheme\s*:\s*dark\s*\)", re.IGNORECASE)
_BODY = re.compile("<body", re.IGNORECASE)
# What Outlook and Gmail's phone programs do to a mail that has no dark colours of its own: lightness turned
# round, hues kept, pictures left alone.
_TURNED = (
    "<style>html{background:#121212!important}body{filter:invert(.93) hue-rotate(180deg)!important}"
    "body img,body video{filter:invert(1) hue-rotate(180deg)!important}</style>"
)
_LINE = (
    "font:13px/1.5 system-ui,sans-serif;text-align:left;padding:10px 14px;margin:0 0 8px;"
    "border-bottom:1px solid #d9dde3;background:#f4f6f8;color:#1f2933"
)
_BADGE = (
    "content:'{}';display:inline-block;margin-inline-start:4px;padding:1px 7px;border-radius:9px;"
    "font:600 11px/16px system-ui,sans-serif;color:#fff;background:rgba(15,82,186,{:.2f})"
)


@dataclass(frozen=True)
class Badge:
    """`text` is figures only, for it stands in a style sheet; `weight`: 1 for what is clicked most, to 0."""

    number: int
    text: str
    weight: float


def darkened(html: str) -> str:
    """As a mail program in the dark shows it: in the mail's own dark colours if it has some, else turned."""
    if _ASKS_DARK.search(html):
        return _ASKS_DARK.sub("(min-width: 0)", html)
    return _first_in_body(html, _TURNED)


def with_inbox_line(html: str, subject: str, whom: str) -> str:
    """The subject as the inbox shows it, and for whom the words are filled in, above the mail."""
    line = format_html('<div style="{}"><strong>{}</strong><br>{}</div>', _LINE, subject, whom)
    return _first_in_body(html, str(line))


def with_badges(html: str, badges: Sequence[Badge]) -> str:
    """A badge behind each link whose address is LINK_MARK and its number."""
    rules = "".join(
        f"a[href$='{LINK_MARK}{one.number}']::after{{{_BADGE.format(one.text, 0.45 + 0.55 * one.weight)}}}"
        for one in badges
    )
    return _first_in_body(html, f"<style>{rules}</style>")


def _first_in_body(html: str, addition: str) -> str:
    return behind_tag(html, _BODY, addition) or addition + html
