"""Templates that nobody vouches for: bounded in time, loops and size, and blind to everything but their
context.
"""

from __future__ import annotations

import re
import time

import pytest

from marketing.engine.errors import RenderError, TemplateError
from marketing.engine.liquid import RENDER_SECONDS, Deadline, parse, plain, render
from marketing.models.template import BODY_CHARS


@pytest.mark.parametrize(
    "name, opening, piece, closing, words",
    [
        ("braces", "", "{", "", "expected '}}'"),
        ("braces in a comment", "{% comment %}", "{{ ", "", "expected '}}'"),
        ("tags in a comment", "{% comment %}", "{% a ", "", "expected '%}'"),
        ("raw", "", "{% raw %}", "", "expected 'endraw'"),
        ("documentation", "", "{%- doc %}", "", "expected 'enddoc'"),
        ("blanks", "{{", " ", "}}", "too many blanks"),
        ("blanks behind a name", "<p>\n{% if", "\t", "%}{% endif %}", "Line 2: too many blanks"),
        ("nesting", "{{ ", "(", " }}", "more than 10000"),
    ],
)
def test_what_can_not_be_read_in_one_pass_is_refused_at_once(
    name: str, opening: str, piece: str, closing: str, words: str
) -> None:
    """Liquid's own reader would be at it for minutes or hours."""
    with pytest.raises(TemplateError, match=re.escape(words)):
        parse(opening + piece * (BODY_CHARS // len(piece)) + closing, html=True)


def test_what_people_write_is_not_refused() -> None:
    source = "{% raw %}{{ a {{ b{% endraw %}{{" + " " * 150 + "d }}{% comment %}{{ c{% endcomment %}"
    assert render(parse(source, html=True), {"d": 1}) == "{{ a {{ b1"


class Secret:
    password = "hunter2"

    def __str__(self) -> str:
        return "hunter2"


@pytest.mark.parametrize(
    "name, source",
    [
        ("loop of literal conditions", "{% for i in (1..10000) %}{% if true %}{% endif %}{% endfor %}" * 50),
        ("nested loops", "{% for i in (1..100) %}" * 4 + "x" + "{% endfor %}" * 4),
        ("endless range", "{% for i in (1..1000000000000000000000000) %}{% endfor %}"),
        ("range into a filter", "{{ (1..100000000) | join }}"),
        ("replace multiplied", "{{ a | replace: '', a | replace: '', a }}"),
        (
            "doubling by assign",
            "{% assign x = a %}{% for i in (1..100) %}{% assign x = x | append: x %}{% endfor %}",
        ),
        ("strftime width", "{{ 1 | date: '%999999999d' }}"),
        ("huge number", "{{ 9 | times: " + "9" * 70 + " | times: " + "9" * 70 + "}}"),
        ("output", "{% for i in (1..10000) %}{{ a | slice: 0, 1000 }}{% endfor %}"),
        ("infinity", "{{ '1e999999999' | ceil }}"),
        ("division", "{{ 5 | divided_by: 0 }}"),
        ("tags to strip", "{% for i in (1..1000) %}{{ h | strip_html }}{% endfor %}"),
    ],
)
def test_a_greedy_template_is_stopped(name: str, source: str) -> None:
    began = time.monotonic()
    with pytest.raises(RenderError):
        render(parse(source, html=True), {"a": "a" * 60_000, "h": "<script <" * 6000 + ">"})
    assert time.monotonic() - began < 1.0


def test_templates_that_share_a_deadline_share_its_time() -> None:
    now = 0.0
    deadline = Deadline(clock=lambda: now)
    template = parse("{{ a }}", html=True)
    assert render(template, {"a": 1}, deadline) == "1"
    now = RENDER_SECONDS * 1.01
    with pytest.raises(RenderError, match="100 ms"):
        render(template, {"a": 1}, deadline)


@pytest.mark.parametrize(
    "source", ["{{ o }}", "{{ o.password }}", "{{ o | upcase }}", "{{ list }}", "{{ s.__class__ }}"]
)
def test_an_object_in_the_context_is_never_read(source: str) -> None:
    try:
        shown = render(parse(source, html=False), {"o": Secret(), "s": "text", "list": [Secret()]})
    except RenderError:
        return
    assert "hunter2" not in shown
    assert "class" not in shown


@pytest.mark.parametrize(
    "value", [Secret(), {"a": Secret()}, [Secret()], {1: "x"}, {"f": len}, {"s": {1, 2}}]
)
def test_a_context_of_objects_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        plain(value)


def test_a_value_is_escaped_in_html_and_not_in_text() -> None:
    assert render(parse("{{ a }}", html=True), {"a": "<b>'\"&"}) == "&lt;b&gt;&#39;&#34;&amp;"
    assert render(parse("{{ a }}", html=False), {"a": "<b>'\"&"}) == "<b>'\"&"
    assert render(parse("{{ a | append: '<i>' }}", html=True), {"a": "<b>"}) == "&lt;b&gt;<i>"


@pytest.mark.parametrize(
    "source, shown",
    [
        ("{{ d | date: '%d %b %Y' }}", "02 Jan 2026"),
        ("{{ 'nonsense' | date: '%d' }}", "nonsense"),
        ("{{ nothing | date: '%d' }}", ""),
        ("{{ n | default: 'friend' }}", "friend"),
        ("{% if n == empty %}none{% else %}some{% endif %}", "none"),
        ("{% for i in l %}{{ i }}{% unless forloop.last %}, {% endunless %}{% endfor %}", "a, b"),
        ("{{ l.size }}{{ l.first }}{{ l[1] }}", "2ab"),
    ],
)
def test_the_liquid_that_shops_know_works(source: str, shown: str) -> None:
    assert (
        render(parse(source, html=True), {"d": "2026-01-02T03:04:05+00:00", "n": "", "l": ["a", "b"]})
        == shown
    )
