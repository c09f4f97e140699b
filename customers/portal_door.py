"""The customers' one door: every portal route passes here, is bound to one shop and one person, and hears
only of that person's own topics."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import wraps
from typing import Any
from urllib.parse import quote

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.template.response import SimpleTemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from crm.accounts.models import Merchant
from crm.events.actor import acting
from crm.lib import live
from crm.lib.errors import NotFound
from crm.lib.tenancy import merchant_scope
from customers.models import Customer
from customers.portal_registry import PORTAL_LINKS, PortalLink

SESSION_KEY = "portal"
# A buyer comes back while a parcel is on its way; a week covers that. A shared computer is left idle.
LONGEST_SECONDS = 7 * 24 * 3600
IDLE_SECONDS = 24 * 3600
# How often the idle clock is written; each write is a row in the session table.
SEEN_SECONDS = 300


@dataclass(frozen=True)
class PortalPerson:
    """Who proved an address in this shop. A guest has no customer and sees what `grants` names."""

    address: str
    customer: Customer | None
    grants: dict[str, list[int]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return (self.customer.name if self.customer else "") or self.address

    @property
    def actor(self) -> str:
        return f"customer:{self.customer.pk}" if self.customer else "guest"

    def granted(self, kind: str) -> list[int]:
        return list(self.grants.get(kind, []))


class PortalRequest(HttpRequest):
    """What a portal view gets: inside the shop's scope; `person` is None only on open pages."""

    shop: Merchant
    merchant: Merchant
    person: PortalPerson


View = Callable[..., HttpResponseBase]
PORTAL_ROUTES: list[tuple[str, bool]] = []  # (url name, open to strangers), for the tenant sweep


def portal_path(route: str, view: View, *, name: str, public: bool = False) -> URLPattern:
    """A route under `/portal/<shop>/`; the view gets no slug. `public`: open to strangers."""
    PORTAL_ROUTES.append((name, public))
    return path(f"portal/<slug:shop>/{route}", portal_door(view, public=public), name=name)


def portal_door(view: View, *, public: bool = False) -> View:
    @wraps(view)
    def door(request: Any, shop: str, **kwargs: Any) -> HttpResponseBase:
        merchant = Merchant.objects.filter(slug=shop, is_active=True).first()
        if merchant is None:
            raise NotFound()
        request.shop = request.merchant = merchant
        with ExitStack() as stack:
            stack.enter_context(merchant_scope(merchant))
            stack.enter_context(timezone.override(merchant.zone))
            request.person = person_of(request, merchant)
            if request.person is None and not public:
                return _to_sign_in(request, merchant)
            actor = request.person.actor if request.person else ""
            stack.enter_context(acting(actor))
            response = view(request, **kwargs)
            if isinstance(response, SimpleTemplateResponse) and not response.is_rendered:
                response.render()
        response["Cache-Control"] = "private, no-store"
        return response

    return door


def _to_sign_in(request: HttpRequest, merchant: Merchant) -> HttpResponse:
    target = reverse("portal_sign_in", args=[merchant.slug])
    if request.headers.get("HX-Request") == "true":
        response = HttpResponse(status=401)
        response["HX-Redirect"] = target
        return response
    if request.method == "GET":
        target += f"?next={quote(request.get_full_path())}"
    return redirect(target)


# --- the session -------------------------------------------------------------------------------------------


def person_of(request: Any, merchant: Merchant) -> PortalPerson | None:
    """Who signed in to this shop's portal with this browser, unless too long ago. At most one query."""
    kept = request.session.get(SESSION_KEY, {}).get(str(merchant.pk))
    if not kept:
        return None
    now = time.time()
    if now - kept["started"] > LONGEST_SECONDS or now - kept["seen"] > IDLE_SECONDS:
        sign_out(request, merchant)
        return None
    customer = None
    if kept["customer"]:
        customer = _now(kept)
        if customer is None:
            sign_out(request, merchant)
            return None
    if now - kept["seen"] > SEEN_SECONDS:
        kept["seen"] = now
        request.session.modified = True
    return PortalPerson(kept["address"], customer, kept["grants"])


def _now(kept: dict[str, Any]) -> Customer | None:
    """Who the one who signed in is now: the person they were merged into. None for the erased, and for
    whoever signed in before a merge was undone: their address may be the other one's now."""
    rows = Customer.objects.select_related("merged_into").filter(pk=kept["customer"])
    named: Customer | None = rows.first()
    if named is None:
        return None
    customer: Customer = named.merged_into or named
    splits = [one.split_at.timestamp() for one in (named, customer) if one.split_at]
    if customer.erased_at is not None or any(at >= kept["started"] for at in splits):
        return None
    return customer


def sign_in(request: Any, merchant: Merchant, *, person: PortalPerson) -> None:
    """Binds the browser to the person in this shop, under a new session key. A guest's proofs add up."""
    grants = {kind: list(ids) for kind, ids in person.grants.items()}
    before = person_of(request, merchant)
    if before and before.address == person.address and (before.customer == person.customer):
        for kind, ids in before.grants.items():
            grants[kind] = sorted({*grants.get(kind, []), *ids})
    request.session.cycle_key()
    now = time.time()
    doors = request.session.get(SESSION_KEY, {})
    doors[str(merchant.pk)] = {
        "customer": person.customer.pk if person.customer else None,
        "address": person.address,
        "grants": grants,
        "started": now,
        "seen": now,
    }
    request.session[SESSION_KEY] = doors


def sign_out(request: Any, merchant: Merchant) -> None:
    """Leaves this shop's portal; other shops and a staff sign-in in the same browser stay."""
    doors = request.session.get(SESSION_KEY, {})
    if doors.pop(str(merchant.pk), None) is not None:
        request.session[SESSION_KEY] = doors
        request.session.cycle_key()


# --- pages -------------------------------------------------------------------------------------------------


def portal_url(request: Any, name: str, *args: Any) -> str:
    """The address of a portal page in the shop that the request is in."""
    return reverse(name, args=[request.shop.slug, *args])


def render_portal(
    request: Any,
    template: str,
    context: dict[str, Any] | None = None,
    *,
    topics: Iterable[str] = (),
    status: int = 200,
) -> HttpResponse:
    """The page with the shop, the person, the menu, and a live token for these topics only."""
    person = request.person
    links = [(link, portal_url(request, link.url_name)) for link in PORTAL_LINKS] if person else []
    base = {
        "shop": request.shop,
        "person": person,
        "portal_links": [_linked(link, href, request.path) for link, href in links],
        "live_token": live.token(request.shop.pk, topics=topics) if topics else "",
    }
    return render(request, template, base | (context or {}), status=status)


def _linked(link: PortalLink, href: str, here: str) -> dict[str, Any]:
    """The home page is the beginning of every other address, and the orders' pages are its own."""
    inside = here.removeprefix(href) if here.startswith(href) else None
    is_home = link.url_name == "portal_home"
    current = inside is not None and (not is_home or not inside or inside.startswith("orders/"))
    return {"title": link.title, "icon": link.icon, "href": href, "current": current}
