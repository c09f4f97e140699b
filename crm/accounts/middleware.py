"""Finds the signed-in user's shop, once a request."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse

from crm.accounts.models import Membership
from crm.accounts.selectors import memberships_of

SESSION_KEY = "merchant_id"


class StaffMiddleware:
    """Sets `request.membership` and `request.merchant` (None for strangers)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: Any) -> HttpResponse:
        # Asked only where a page needs it: the portal, hooks and static files have no session to read.
        request.membership = None
        request.merchant = None
        return self.get_response(request)

    def process_view(self, request: Any, view: Any, args: Any, kwargs: Any) -> None:
        if getattr(view, "needs", None) or getattr(view, "knows_member", False):
            membership = find_membership(request)
            request.membership = membership
            request.merchant = membership.merchant if membership else None


def find_membership(request: Any) -> Membership | None:
    """The active membership that the session names, else the user's oldest one. At most two queries."""
    if not request.user.is_authenticated:
        return None
    mine = memberships_of(request.user)
    chosen = mine.filter(merchant_id=request.session.get(SESSION_KEY, 0)).first()
    return chosen or mine.order_by("created_at", "pk").first()
