"""Elements deep in each other end the process that reads them; here they end in a sentence."""

from __future__ import annotations

import pytest

from marketing.engine.errors import TemplateError
from marketing.engine.layout import lay_out
from marketing.engine.plaintext import html_to_text
from marketing.models.template import BODY_CHARS

MJML = "<mjml><mj-body>{}</mj-body></mjml>"
SECTION = "<mj-section><mj-column><mj-text>a</mj-text><mj-spacer/></mj-column></mj-section>"
OUTLOOK = "<!--[if mso]><table><tr><td><![endif]-->a<!--[if mso]></table><![endif]-->"
PIECES = ["<div>", "<DIV title='a > b'>", "<div/>", "<b>", "<table><tr><td>", "<div></span>", "<!--><div>"]


@pytest.mark.parametrize("piece", [*PIECES, "<div><table><td></div></table>", "<svg><td>"])
def test_a_body_of_elements_in_elements_is_refused(piece: str) -> None:
    with pytest.raises(TemplateError, match="Line 2: more than 500 elements"):
        lay_out("<p>\n" + piece * (BODY_CHARS // len(piece)), to_text=html_to_text)


@pytest.mark.parametrize(
    "name, body",
    [
        ("a paragraph's hundred", "<p>" + "".join(f"<b id={n}>" for n in range(100)) + "<p>x</p>" * 1_000),
        ("in each paragraph one more", "".join(f'<p><font color="#{n:06}">' for n in range(400))),
        ("links", "<p>" + "".join(f'<a href="/{n}">' for n in range(40)) + "</p>" + "<p>x" * 5_000),
        (
            "an end inside a value",
            "<p>" + "".join(f'<font title=">" id={n}>' for n in range(40)) + "</p>" + "<p>x" * 5_000,
        ),
        (
            "an end inside the second value",
            "<p>" + "".join(f"""<b a='"' t=">" id={n}>""" for n in range(40)) + "</p>" + "<p>x" * 5_000,
        ),
        (
            "long ones",
            "<p>" + "".join(f"<font t={'x' * 600} id={n}>" for n in range(40)) + "</p>" + "<p>x" * 5_000,
        ),
        ("of any spelling", "<p>" + "".join(f"<FONT id={n}>" for n in range(40)) + "</P>" + "<P>x" * 5_000),
    ],
)
def test_forgotten_ends_that_multiply_are_refused(name: str, body: str) -> None:
    with pytest.raises(TemplateError, match="opened and never closed"):
        lay_out(body, to_text=html_to_text)


def test_sections_in_sections_are_refused() -> None:
    deep = "<mj-section>" * 5_000 + "</mj-section>" * 5_000
    with pytest.raises(TemplateError, match="more than 500 elements"):
        lay_out(MJML.format(deep), to_text=html_to_text)


@pytest.mark.parametrize(
    "name, body",
    [
        ("paragraphs that nobody closed", "<p>a" * 2_000),
        ("items that nobody closed", "<ul>" + "<li>a<br>" * 2_000 + "</ul>"),
        ("rows that nobody closed", "<table>" + "<tr><td>a<td><img alt='x'>" * 2_000 + "</table>"),
        ("the same, forgotten everywhere", "<table>" + "<tr><td><b>a</td></tr>" * 400 + "</table>"),
        ("alike, with values", "<table>" + '<tr><td><font size="2">a</td></tr>' * 400 + "</table>"),
        ("three around each", "<p><font size=2><b><a href='/x'>a</a></b></font></p>" * 2_000),
        ("what only Outlook reads", OUTLOOK * 900),
        ("tables in tables", "<table><tr><td>" * 40 + "a" + "</td></tr></table>" * 40),
        ("a hundred sections", MJML.format(SECTION * 100)),
    ],
)
def test_what_people_write_is_laid_out(name: str, body: str) -> None:
    assert "a" in lay_out(body, to_text=html_to_text, pixel=True).text
