"""An entry of the consent ledger in words: where it came from and what shows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm.events.types import Text
from crm.lib.masking import DOTS
from crm.lib.ui.formats import exact_text
from customers.codes import source_text
from customers.models import Consent

# What of a proof is told under its own name, in this order; the rest under the names that it came with.
NAMES: dict[str, Text] = {
    "note": gettext_lazy("What shows it"),
    "said": gettext_lazy("What shows it"),
    "basis": gettext_lazy("Legal basis"),
    "ip": gettext_lazy("IP address"),
    "user_agent": gettext_lazy("Browser"),
    "page_language": gettext_lazy("Language of the page"),
    "language": gettext_lazy("Language of the text"),
    "message_id": gettext_lazy("Mail"),
    "text_sha256": gettext_lazy("SHA-256 of the text"),
    "asked": gettext_lazy("Asked"),
    "confirmed": gettext_lazy("Confirmed"),
    "at": gettext_lazy("When"),
    "double_opt_in": gettext_lazy("Confirmed by mail"),
}
HIDDEN = ("ip", "user_agent", "asked", "confirmed", "double_opt_in", "user", "at")


@dataclass(frozen=True)
class Shown:
    """`facts` are (name, value) pairs; of who may not see personal data, IPs and browsers are hidden."""

    entry: Consent
    source: str
    facts: list[tuple[str, str]]


def shown(entry: Consent, *, names: Mapping[str, str], may_see: bool) -> Shown:
    proof = {"agent": "", **entry.proof}
    facts = []
    if "user" in proof:
        facts.append((_("Written down by"), names.get(f"user:{proof['user']}", _("A former colleague"))))
    for moment, words in (("asked", _("Asked")), ("confirmed", _("Confirmed"))):
        if isinstance(proof.get(moment), dict):
            facts.append((words, _moment(proof[moment], may_see)))
    known = {"user_agent": proof.pop("agent"), **proof}
    for name, value in sorted(known.items(), key=lambda one: _place(one[0])):
        if value in ("", None) or isinstance(value, dict) or name in HIDDEN[2:]:
            continue
        hidden = name in HIDDEN[:2] and not may_see
        facts.append((str(NAMES.get(name, name)), DOTS if hidden else str(value)))
    return Shown(entry, str(source_text(entry.source)), facts)


def _place(name: str) -> int:
    known = list(NAMES)
    return known.index(name) if name in known else len(known)


def _moment(said: dict[str, Any], may_see: bool) -> str:
    at = parse_datetime(str(said.get("at", "")))
    parts = [exact_text(at) if at else "", str(said.get("ip", "")) if may_see else DOTS]
    return " · ".join(part for part in parts if part)
