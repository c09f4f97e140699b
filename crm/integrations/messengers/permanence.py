"""Whether a bounce is for good: what the provider calls it, else the codes that the other server said.

RFC 3463: a status of class 5 is permanent, one of class 4 persistent but transient; RFC 5321 section 4.2.1
says the same of the three digits.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

ENHANCED = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
BASIC = re.compile(r"\b([45])\d\d\b")
# Under these names providers keep their own word for it.
NAMED = (
    *(
        "event",
        "type",
        "Type",
        "bounceType",
        "bounce_type",
        "severity",
        "status",
        "event_name",
        "bounce_category",
    ),
    *("activity", "category", "bounce", "hard_bounce", "reason_type", "data", "payload", "event-data"),
)
SOFT = ("soft", "transient", "temporary", "delayed", "greylist")
HARD = ("hard", "permanent", "suppressed")
# The mailbox is full or the mail too big: the address is good although the server said 5xx (RFC 3463, 3.3).
FULL = ("5.2.2", "5.2.3", "5.3.4")


def is_permanent(event: Any) -> bool | None:
    """True for a hard bounce, False for a soft one, None where nothing tells."""
    said = " ".join(_said(event.esp_event)).lower()
    words = f"{event.mta_response or ''} {event.description or ''}"
    code = enhanced_code(words)
    if code in FULL or any(word in said for word in SOFT):
        return False
    if any(word in said for word in HARD) or event.reject_reason == "invalid":
        return True
    if code:
        return code.startswith("5")
    if event.reject_reason == "timed_out":
        return False
    found = BASIC.search(words)
    return found.group(1) == "5" if found else None


def enhanced_code(words: str) -> str:
    """The first RFC 3463 status in the words, or ""."""
    found = ENHANCED.search(words)
    return found.group(1) if found else ""


def _said(said: Any, depth: int = 0) -> Iterator[str]:
    if not isinstance(said, Mapping) or depth > 3:
        return
    for name in NAMED:
        value = said.get(name)
        if isinstance(value, str) and len(value) < 80:
            yield value
        elif value is True and name == "hard_bounce":
            yield "hard"
        elif value is False and name == "hard_bounce":
            yield "soft"
        else:
            yield from _said(value, depth + 1)
