"""The page to read: one file with its style inside, written piece by piece."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import chain
from typing import Any

from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.html import escape, linebreaks
from django.utils.translation import gettext as _

from crm.events.types import Text
from crm.lib.ui.formats import exact_text, number_text
from customers.portal_registry import Chapter

Write = Callable[[str], object]
Words = Mapping[str, Text]
# A key whose word is this stands in data.json only.
HIDDEN = ""


def write_page(write: Write, *, facts: dict[str, Any], chapters: Iterable[tuple[Chapter, Any]]) -> None:
    """Head, a section for each chapter that holds something, foot. A chapter's rows are written as they are
    read."""
    head, _mark, foot = render_to_string("customers/my_data/page.html", facts).partition("<!-- chapters -->")
    write(head)
    for chapter, content in chapters:
        pieces = _pieces(chapter, content)
        first = next(pieces, None)
        if first is not None:
            title = escape(str(chapter.label))
            write(f'<section id="{escape(chapter.key)}"><h2>{title}</h2>')
            for piece in chain([first], pieces):
                write(piece)
            write("</section>")
    write(foot)


def _pieces(chapter: Chapter, content: Any) -> Iterator[str]:
    """The chapter's HTML; nothing for an empty one."""
    if isinstance(content, Mapping):
        if content:
            yield _facts(content, chapter.words)
        return
    rows = iter(content)
    first = next(rows, None)
    if first is None:
        return
    if all(_is_flat(value) for value in first.values()):
        yield from _table(first, rows, chapter.words)
    else:
        for row in chain([first], rows):
            yield f"<article>{_facts(row, chapter.words)}</article>"


def _table(first: Mapping[str, Any], rows: Iterator[Mapping[str, Any]], words: Words) -> Iterator[str]:
    columns = [name for name in first if words.get(name) != HIDDEN]
    heads = "".join(f"<th>{_name(column, words)}</th>" for column in columns)
    yield f"<table><thead><tr>{heads}</tr></thead><tbody>"
    for row in chain([first], rows):
        cells = "".join(f"<td>{_value(row.get(column), words)}</td>" for column in columns)
        yield f"<tr>{cells}</tr>"
    yield "</tbody></table>"


def _facts(facts: Mapping[str, Any], words: Words) -> str:
    shown = [(name, value) for name, value in facts.items() if value not in (None, "", [], {})]
    lines = "".join(f"<dt>{_name(name, words)}</dt><dd>{_value(value, words)}</dd>" for name, value in shown)
    return f"<dl>{lines}</dl>"


def _name(key: str, words: Words) -> str:
    return escape(str(words.get(key, key.replace("_", " "))))


def _is_flat(value: Any) -> bool:
    return not isinstance(value, (Mapping, list, tuple))


def _value(value: Any, words: Words) -> str:
    if isinstance(value, Mapping):
        return _facts(value, words)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "<ul>" + "".join(f"<li>{_value(one, words)}</li>" for one in value) + "</ul>"
    return _plain(value)


def _plain(value: Any) -> str:
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, datetime):
        return escape(exact_text(timezone.localtime(value)))
    if isinstance(value, date):
        return escape(date_format(value, "DATE_FORMAT"))
    if isinstance(value, Decimal | float):
        return escape(number_text(value, 2))
    if isinstance(value, int | Promise):
        return escape(str(value))
    return linebreaks(str(value), autoescape=True) if "\n" in str(value) else escape(str(value))
