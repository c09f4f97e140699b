"""One line of the check list before the one button."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise

Text = str | Promise
AUDIENCE, CONTENT, SENDER = "audience", "content", "sender"


@dataclass(frozen=True)
class Point:
    """`state`: good, warn (think again) or bad (can't be sent); `part`: the step of the maker where it is
    decided."""

    state: str
    title: Text
    text: Text = ""
    part: str = CONTENT
