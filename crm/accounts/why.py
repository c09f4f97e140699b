"""Why something came to be whose it is, as events carry it: {"code": "rule", "name": "Zhejiang"}."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _


def by_rule(name: str) -> dict[str, str]:
    return {"code": "rule", "name": name}


def by_handover(leaver: str) -> dict[str, str]:
    return {"code": "handover", "name": leaver}


def why_text(why: Any) -> str:
    """What a sentence ends with, such as " (rule Zhejiang)"; "" for a reason that nobody knows any more."""
    if not isinstance(why, dict):
        return ""
    name = str(why.get("name", ""))
    if why.get("code") == "rule":
        return _(" (rule “%(name)s”)") % {"name": name}
    if why.get("code") == "handover":
        return _(" (handed over from %(name)s)") % {"name": name}
    return ""
