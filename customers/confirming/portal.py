"""The page behind the link of the confirmation mail. Scanners ask it too: a GET changes nothing."""

from __future__ import annotations

from django.http import HttpResponse
from django.views.decorators.http import require_http_methods

from crm.lib.errors import Conflict
from customers.confirming.services import confirmation_give, request_named
from customers.models import ConsentRequest
from customers.portal_door import PortalRequest, render_portal
from customers.preferences.links import preferences_url
from customers.proofs import proof_of


@require_http_methods(["GET", "HEAD", "POST"])
def portal_confirm(request: PortalRequest, token: str) -> HttpResponse:
    """GET shows what would be allowed and a button; POST allows it. A link of another shop, a changed one and
    one that is over are answered alike."""
    asked = request_named(token, request.shop)
    if asked is None or (asked.confirmed_at is None and not _still(asked)):
        return _page(request, asked, "over", status=410)
    if request.method != "POST":
        return _page(request, asked, "done" if asked.confirmed_at else "ask")
    try:
        confirmation_give(request=asked, proof=proof_of(request))
    except Conflict:
        return _page(request, asked, "over", status=410)
    return _page(request, asked, "done")


def _still(asked: ConsentRequest) -> bool:
    return asked.is_open and asked.customer.erased_at is None


def _page(
    request: PortalRequest, asked: ConsentRequest | None, state: str, *, status: int = 200
) -> HttpResponse:
    context = {"state": state, "asked": asked if state != "over" else None}
    if state == "done" and asked is not None:
        context["preferences_url"] = preferences_url(asked.customer_id, request.shop, asked.address)
    return render_portal(request, "portal/confirm.html", context, status=status)
