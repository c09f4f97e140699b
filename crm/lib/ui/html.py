"""Safe HTML from keyword arguments."""

from collections.abc import Mapping

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

EMPTY = mark_safe("")


def attributes(values: Mapping[str, object]) -> SafeString:
    """` name="value"` for each: `hx_get` becomes `hx-get`, True a bare name; None, False, "" are left out."""
    shown = [(name.rstrip("_").replace("_", "-"), value) for name, value in values.items()]
    return format_html_join(
        "",
        "{}",
        (
            (format_html(" {}", name) if value is True else format_html(' {}="{}"', name, value),)
            for name, value in shown
            if value is not None and value is not False and value != ""
        ),
    )


def classes(*names: str | None) -> str:
    """The names that are not empty, joined by a space."""
    return " ".join(name for name in names if name)
