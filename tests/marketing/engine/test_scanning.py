"""What anybody writes is looked through in one pass: twice the text, twice the steps."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from contextlib import suppress

import pytest

from marketing.campaigns.checklist import lacks_alt
from marketing.engine.errors import TemplateError
from marketing.engine.layout import _REFUSED_ELEMENTS, addresses, lay_out
from marketing.engine.liquid import CONSTRUCTS
from marketing.engine.plaintext import html_to_text
from marketing.engine.scanning import Ahead, before_last, spans, without
from marketing.models.template import BODY_CHARS


class Counted:
    """A pattern that counts the characters that it passed over."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self._pattern, self.steps = pattern, 0

    def search(self, text: str, at: int = 0) -> re.Match[str] | None:
        found = self._pattern.search(text, at)
        self.steps += (found.end() if found else len(text)) - at
        return found


HOSTILE = [
    "{{", "{%", "{{}}{%", "<a ", "<area x>", "<link ", "<script", "<base<script>", "<img alt=", 'href="', ">"
]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE)
@pytest.mark.parametrize("pairs", [CONSTRUCTS, _REFUSED_ELEMENTS], ids=["liquid", "refused"])
def test_each_mark_passes_over_the_text_once(piece: str, pairs) -> None:
    text = piece * (BODY_CHARS // len(piece))
    counted = [(Counted(opening), Counted(closing)) for opening, closing in pairs]
    for _span in spans(text, counted):
        pass
    for pair in counted:
        for mark in pair:
            assert mark.steps <= 2 * len(text)


@pytest.mark.parametrize("piece", [*HOSTILE, "<title></title>", "<style>İ</style>", "<p title='<a '>"])
def test_a_body_as_long_as_allowed_is_laid_out_whatever_it_holds(piece: str) -> None:
    """With a look to the end of the text from each place this would not be over today."""
    body = piece * (BODY_CHARS // len(piece))
    with suppress(TemplateError):  # elements in elements are refused (test_nesting.py)
        assert lay_out(body, to_text=str, track=True, pixel=True).html
    assert all(start <= end for start, end in addresses(body))
    assert lacks_alt(body) is False


OLD_LIQUID = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
OLD_REFUSED = re.compile(r"<link\b[^>]*>|<script\b.*?</script\s*>|<base\b[^>]*>", re.IGNORECASE | re.DOTALL)
OLD_HREF = re.compile(r'<(?:a|area)\b[^>]*?\shref="([^"]*)"', re.IGNORECASE)
OLD_ALT = re.compile(r"<(?:mj-image|img)\b(?![^>]*\balt=)[^>]*>", re.IGNORECASE)


@pytest.mark.parametrize(
    "name, new, old",
    [
        (
            "liquid",
            lambda text: [text[one.start : one.end] for one in spans(text, CONSTRUCTS)],
            OLD_LIQUID.findall,
        ),
        ("refused", lambda text: without(text, _REFUSED_ELEMENTS), lambda text: OLD_REFUSED.sub("", text)),
        ("pictures", lacks_alt, lambda text: bool(OLD_ALT.search(text))),
        (
            "links",
            lambda text: list(addresses(text)),
            lambda text: [m.span(1) for m in OLD_HREF.finditer(text)],
        ),
    ],
)
def test_the_same_is_found_as_by_one_pattern(
    name: str, new: Callable[[str], object], old: Callable[[str], object]
) -> None:
    pieces = [
        "{{", "}}", "{%", "%}", "{", "<link", "<script", "</script >", ">", "<base", "<img", " alt=", "a",
        "<", "<a", ' href="', '"', " ",
    ]  # fmt: skip
    drawn = random.Random(1)
    for _ in range(20_000):
        text = "".join(drawn.choices(pieces, k=12))
        assert new(text) == old(text), text


def test_a_mark_is_sought_from_where_it_was_last_found() -> None:
    ahead = Ahead(re.compile("b"), "abab")
    assert [found and found.start() for found in map(ahead.after, (0, 1, 2, 4))] == [1, 1, 3, None]


def test_a_letter_that_grows_in_lower_case_moves_nothing() -> None:
    assert before_last("<p>İİİ</p></BODY>.", "</body>", "!") == "<p>İİİ</p>!</BODY>."
    assert before_last("<p>", "</body>", "!") == "<p>!"
    html = lay_out(
        "<title>İİİİİİİİ</title><p>{% if a %}b{% endif %}</p>", to_text=html_to_text, pixel=True
    ).html
    assert "{% if a %}b{% endif %}" in html
    assert '0"></body>' in html
