"""What shows that an answer was given: from which address and program, in which language."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils import translation

from crm.lib.http import client_ip


def proof_of(request: HttpRequest) -> dict[str, Any]:
    """The caller's IP, the browser as it calls itself, the language of the page."""
    return {
        "ip": client_ip(request) or "",
        "user_agent": request.headers.get("User-Agent", "")[:200],
        "page_language": translation.get_language() or "",
    }


def proof_of_leaving(request: HttpRequest) -> dict[str, Any]:
    """The same of a way out, and whether the mail program's own button was pressed (RFC 8058)."""
    return {**proof_of(request), "one_click": request.POST.get("List-Unsubscribe") == "One-Click"}
