"""The preference page: for who signed in, and for who comes by the link of a mail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crm.lib.errors import Conflict, NotFound, Rejected
from customers.consent import consent_leave
from customers.models import Customer
from customers.models.consent import Purpose
from customers.portal_door import PortalRequest, portal_url, render_portal
from customers.preferences.choosing import language_set, preference_set, preferences_none
from customers.preferences.links import customer_named, leaver_named
from customers.preferences.switches import preferences_of
from customers.proofs import proof_of, proof_of_leaving


@dataclass(frozen=True)
class Desk:
    """Where a person's choices are sent, and what the ledger calls that way."""

    customer: Customer
    source: str
    back: str
    consent: str
    none: str
    language: str


def _own(request: PortalRequest) -> Desk:
    """Raises Rejected for a guest: there is nobody whose answer it would be."""
    if request.person.customer is None:
        raise Rejected()
    names = ("portal_preferences", "portal_consent", "portal_consent_none", "portal_language")
    return Desk(request.person.customer, "portal", *(portal_url(request, name) for name in names))


@require_safe
def portal_preferences(request: PortalRequest) -> HttpResponse:
    """What the shop may write about and by which way; each switch counts at once."""
    desk = _own(request) if request.person.customer is not None else None
    return render_portal(request, "portal/preferences.html", _context(request, desk))


def _context(request: PortalRequest, desk: Desk | None) -> dict[str, Any]:
    if desk is None:
        return {}
    return {
        "desk": desk,
        "customer": desk.customer,
        "preferences": preferences_of(desk.customer, request.shop),
        "languages": settings.LANGUAGES,
        "language": desk.customer.language or translation.get_language(),
    }


@require_POST
def portal_consent(request: PortalRequest) -> HttpResponse:
    """Turns one (channel, purpose) on or off: one press either way."""
    return _consent(request, _own(request))


@require_POST
def portal_consent_none(request: PortalRequest) -> HttpResponse:
    """Withdraws everything at once."""
    return _none(request, _own(request))


@require_POST
def portal_language(request: PortalRequest) -> HttpResponse:
    return _language(request, _own(request))


@require_http_methods(["GET", "HEAD", "POST"])
def portal_link(request: PortalRequest, token: str) -> HttpResponse:
    """The same page by the link of a mail, without sign-in: it shows no more of the person than a masked
    address. A GET changes nothing. Raises NotFound for a link that isn't, or is no longer, one of theirs."""
    named = customer_named(token, request.shop.pk)
    if named is None:
        raise NotFound()
    customer, address = named
    here = portal_url(request, "portal_link", token)
    desk = Desk(customer, "mail_link", here, here, here, here)
    if request.method != "POST":
        context = _context(request, desk) | {"address": masked(address)}
        return render_portal(request, "portal/preferences.html", context)
    act = {"none": _none, "language": _language}.get(request.POST.get("action", ""), _consent)
    return act(request, desk)


@csrf_exempt  # the signed token is the proof: a mail program posts here by itself (RFC 8058)
@require_http_methods(["GET", "HEAD", "POST"])
def portal_way_out(request: PortalRequest, token: str, purpose: str) -> HttpResponse:
    """A POST withdraws mail of this purpose, and is not sent on (RFC 8058, 3.1); a GET changes nothing and
    goes to the page with all choices. Raises NotFound for a token that this shop didn't make."""
    customer = leaver_named(token, request.shop.pk)
    if customer is None or purpose not in Purpose.values:
        raise NotFound()
    if request.method != "POST":
        return redirect(portal_url(request, "portal_link", token))
    consent_leave(
        merchant=request.shop,
        customer_id=customer.pk,
        purpose=purpose,
        source="unsubscribe",
        proof=proof_of_leaving(request),
    )
    return HttpResponse(_("You are unsubscribed"), content_type="text/plain; charset=utf-8")


def _consent(request: PortalRequest, desk: Desk) -> HttpResponse:
    status = 200
    try:
        preference_set(
            merchant=request.shop,
            customer=desk.customer,
            channel=request.POST.get("channel", ""),
            purpose=request.POST.get("purpose", ""),
            granted=request.POST.get("granted") == "yes",
            source=desk.source,
            digest=request.POST.get("wording", ""),
            proof=proof_of(request),
        )
    except Conflict as changed:
        messages.error(request, str(changed.message))
        status = changed.status
    if request.headers.get("HX-Request") != "true" or status != 200:
        return _back(request, desk)
    return render(request, "portal/_preferences.html", _context(request, desk) | {"shop": request.shop})


def _back(request: PortalRequest, desk: Desk) -> HttpResponse:
    if request.headers.get("HX-Request") == "true":
        response = HttpResponse(status=204)
        response["HX-Redirect"] = desk.back
        return response
    return redirect(desk.back)


def _none(request: PortalRequest, desk: Desk) -> HttpResponse:
    preferences_none(
        merchant=request.shop, customer=desk.customer, source=desk.source, proof=proof_of(request)
    )
    messages.success(request, _("Everything is off. Mails about your orders still come."))
    return redirect(desk.back)


def _language(request: PortalRequest, desk: Desk) -> HttpResponse:
    language_set(customer=desk.customer, language=request.POST.get("language", ""), source=desk.source)
    messages.success(request, _("We write to you in this language from now on."))
    return redirect(desk.back)


def masked(address: str) -> str:
    """The address so far that its owner knows it."""
    local, at, domain = address.partition("@")
    return f"{local[:1]}{'•' * max(1, min(6, len(local) - 1))}{at}{domain}"
