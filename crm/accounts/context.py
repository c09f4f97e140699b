"""What every page of the frame needs, and nothing that a page without a frame would pay for."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from crm.lib import live

THEMES = ("auto", "light", "dark")
THEME_COOKIE = "theme"


def frame(request: HttpRequest) -> dict[str, Any]:
    """Theme, live token and the member's permissions; lazily, since fragments use none of it."""
    merchant = getattr(request, "merchant", None)
    membership = getattr(request, "membership", None)
    theme = request.COOKIES.get(THEME_COOKIE, "auto")
    return {
        "merchant": merchant,
        "membership": membership,
        "theme": theme if theme in THEMES else "auto",
        "live_url": settings.LIVE_URL,
        "live_token": SimpleLazyObject(lambda: live.token(merchant.pk) if merchant else ""),
        "mailbox_url": settings.MAILBOX_URL,
    }
