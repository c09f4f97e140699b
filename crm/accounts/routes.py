"""The staff's one door: every staff route names its permission and passes through here."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial, wraps
from typing import Any

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import SimpleTemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from crm.accounts import nav_counts
from crm.accounts.models import Membership, Merchant, User
from crm.accounts.permissions import PERMISSIONS
from crm.events.actor import acting
from crm.lib.errors import Conflict, Forbidden
from crm.lib.once import looking_once
from crm.lib.tenancy import merchant_scope


class StaffRequest(HttpRequest):
    """What a staff view gets: signed in, a member, inside the merchant's scope."""

    user: User
    merchant: Merchant
    membership: Membership


View = Callable[..., HttpResponseBase]
# What these pages look up alike is looked up once (crm/lib/once.py); the others write.
READING = frozenset({"GET", "HEAD"})
ROUTES: list[tuple[str, str]] = []  # (url name, permission), for the permission page and the tenant sweep


WHOLE_SHOP: set[str] = set()  # url names that only members who see everything may open


def staff_path(route: str, view: View, *, name: str, needs: str, whole_shop: bool = False) -> URLPattern:
    """A route for members with the permission `needs`. The response is rendered inside the scope.

    `whole_shop`: the page can't be narrowed to the customers that a member sees (logs, imports, keys), so it
    is closed to members who are bound to a part of the shop."""
    if needs not in PERMISSIONS:
        raise ValueError(f"{needs} is not in crm/accounts/permissions.py")
    ROUTES.append((name, needs))
    if whole_shop:
        WHOLE_SHOP.add(name)
    return path(route, staff_door(view, needs, whole_shop=whole_shop), name=name)


def staff_door(view: View, needs: str, *, whole_shop: bool = False) -> View:
    @wraps(view)
    def door(request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return _sign_in(request)
        membership: Membership | None = request.membership
        if membership is None:
            return redirect("no_shop")
        _check_same_shop(request)
        if not membership.can(needs):
            raise Forbidden()
        if whole_shop and not membership.sees_everything:
            raise Forbidden(
                _("This page shows the whole shop, and you see a part of it."), code="part_of_shop"
            )
        with ExitStack() as stack:
            if request.user.language and settings.LANGUAGE_COOKIE_NAME not in request.COOKIES:
                stack.enter_context(translation.override(request.user.language))
            stack.enter_context(merchant_scope(membership.merchant))
            stack.enter_context(acting(f"user:{request.user.pk}"))
            stack.enter_context(timezone.override(membership.merchant.zone))
            if request.method in READING:
                stack.enter_context(looking_once())
            response = view(request, *args, **kwargs)
            if isinstance(response, SimpleTemplateResponse) and not response.is_rendered:
                response.render()
        if request.method not in READING:
            transaction.on_commit(partial(nav_counts.forget, membership.merchant_id))
        return response

    door.needs = needs  # type: ignore[attr-defined]
    return door


def _sign_in(request: HttpRequest) -> HttpResponse:
    if request.headers.get("HX-Request") == "true":
        response = HttpResponse(status=401)
        response["HX-Redirect"] = redirect_to_login(request.headers.get("HX-Current-URL", "/"))["Location"]
        return response
    return redirect_to_login(request.get_full_path())


def _check_same_shop(request: Any) -> None:
    """A page opened in another shop must not act in this one (two tabs, one session)."""
    meant = request.headers.get("X-Merchant") or request.POST.get("_merchant", "")
    if meant and request.method not in ("GET", "HEAD") and meant != request.merchant.slug:
        text = _("You switched to another shop in another tab. Reload this page, then try again.")
        raise Conflict(text, code="other_shop")
