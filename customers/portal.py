"""The customer's own pages that belong to the person: getting in and out, preferences, their data."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import transaction
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone, translation
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from crm.events.emitting import emit
from crm.lib.errors import Rejected, TooMany
from crm.lib.http import client_ip
from customers import events
from customers import portal_tasks as portal_tasks  # Celery finds the task because this module is loaded
from customers.consent import consent_record
from customers.models import Customer, PortalSettings
from customers.models.consent import Channel, Purpose
from customers.portal_codes import CODE_MINUTES, Answer, code_ask, code_check
from customers.portal_data import everything_about, preferences_of, register
from customers.portal_door import (
    PortalPerson,
    PortalRequest,
    portal_url,
    render_portal,
    sign_in,
    sign_out,
)
from customers.portal_forms import CodeForm, SignInForm
from customers.portal_registry import PortalLink, add_portal_link

QUESTION_KEY = "portal_question"
NEXT_KEY = "portal_next"
# The wording that stood beside the switches; change it together with the page's text.
WORDING = "portal-2026-11"

add_portal_link(PortalLink("portal_preferences", gettext_lazy("Preferences"), "adjustments", order=90))
register()


def portal_settings() -> PortalSettings:
    """The shop's settings, or the defaults."""
    return PortalSettings.objects.first() or PortalSettings()


# --- in and out --------------------------------------------------------------------------------------------


def portal_sign_in(request: PortalRequest) -> HttpResponse:
    """Asks for a number and an address; the answer is the same page whatever was typed."""
    form = SignInForm(request.POST or None)
    _remember_next(request)
    if request.method == "POST" and form.is_valid():
        try:
            public_id = code_ask(
                merchant=request.shop,
                reference=form.cleaned_data["reference"],
                contact=form.cleaned_data["contact"],
                ip=client_ip(request) or "",
                language=translation.get_language() or "",
            )
        except TooMany as refusal:
            form.add_error(None, str(refusal.message))
            return _sign_in_page(request, form, status=refusal.status)
        request.session[QUESTION_KEY] = {"id": str(public_id), "shop": request.shop.pk}
        return redirect(portal_url(request, "portal_code"))
    return _sign_in_page(request, form, status=422 if form.errors else 200)


def _sign_in_page(request: PortalRequest, form: SignInForm, *, status: int) -> HttpResponse:
    context = {"form": form, "settings": portal_settings()}
    return render_portal(request, "portal/sign_in.html", context, status=status)


def _remember_next(request: PortalRequest) -> None:
    target = request.GET.get("next", "")
    home = f"/portal/{request.shop.slug}/"
    if target.startswith(home) and url_has_allowed_host_and_scheme(target, None):
        request.session[NEXT_KEY] = target


def portal_code(request: PortalRequest) -> HttpResponse:
    """Asks for the code; the right one opens the portal."""
    question = request.session.get(QUESTION_KEY) or {}
    if question.get("shop") != request.shop.pk:
        return redirect(portal_url(request, "portal_sign_in"))
    form = CodeForm(request.POST or None)
    status, over = 200, False
    if request.method == "POST" and form.is_valid():
        status = 422
        try:
            proof = code_check(
                merchant=request.shop,
                public_id=uuid.UUID(question["id"]),
                code=form.cleaned_data["code"],
                ip=client_ip(request) or "",
            )
        except TooMany as refusal:
            form.add_error(None, str(refusal.message))
            return render_portal(request, "portal/code.html", {"form": form}, status=refusal.status)
        if proof.answer is Answer.RIGHT:
            return _enter(request, proof.address, proof.customer_id, proof.grants or {})
        over = proof.answer is Answer.OVER
        form.add_error(
            "code", _("This code isn't valid any more. Ask for a new one.") if over else _("Wrong code.")
        )
    elif form.errors:
        status = 422
    context = {"form": form, "over": over, "minutes": CODE_MINUTES}
    return render_portal(request, "portal/code.html", context, status=status)


def _enter(
    request: PortalRequest, address: str, customer_id: int | None, grants: dict[str, list[int]]
) -> HttpResponse:
    customer = Customer.objects.present().filter(pk=customer_id).first() if customer_id else None
    target = request.session.pop(NEXT_KEY, "") or portal_url(request, "portal_home")
    request.session.pop(QUESTION_KEY, None)
    sign_in(request, request.shop, person=PortalPerson(address, customer, grants))
    return redirect(target)


@require_POST
def portal_sign_out(request: PortalRequest) -> HttpResponse:
    sign_out(request, request.shop)
    return redirect(portal_url(request, "portal_sign_in"))


# --- preferences -------------------------------------------------------------------------------------------


def portal_preferences(request: PortalRequest) -> HttpResponse:
    """What the shop may write about and by which way; each switch counts at once."""
    customer = request.person.customer
    context: dict[str, Any] = {"settings": portal_settings()}
    if customer is not None:
        context |= {"preferences": preferences_of(customer), "customer": customer}
    return render_portal(request, "portal/preferences.html", context)


@require_POST
def portal_consent(request: PortalRequest) -> HttpResponse:
    """Turns one (channel, purpose) on or off: one press either way."""
    customer = request.person.customer
    channel, purpose = request.POST.get("channel", ""), request.POST.get("purpose", "")
    if customer is None or channel not in Channel.values or purpose not in Purpose.values:
        raise Rejected()
    consent_record(
        merchant=request.shop,
        customer=customer,
        channel=channel,
        purpose=purpose,
        granted=request.POST.get("granted") == "yes",
        source="portal",
        wording_version=WORDING,
        proof={"ip": client_ip(request), "agent": request.headers.get("User-Agent", "")[:200]},
    )
    if request.headers.get("HX-Request") != "true":
        return redirect(portal_url(request, "portal_preferences"))
    context = {"preferences": preferences_of(customer), "shop": request.shop}
    return render(request, "portal/_preferences.html", context)


@require_POST
def portal_consent_none(request: PortalRequest) -> HttpResponse:
    """Withdraws everything at once."""
    customer = request.person.customer
    if customer is None:
        raise Rejected()
    for group in preferences_of(customer):
        for switch in group.switches:
            if switch.granted:
                consent_record(
                    merchant=request.shop,
                    customer=customer,
                    channel=switch.channel,
                    purpose=group.purpose,
                    granted=False,
                    source="portal",
                    wording_version=WORDING,
                )
    return redirect(portal_url(request, "portal_preferences"))


# --- my data -----------------------------------------------------------------------------------------------


@require_POST
def portal_data(request: PortalRequest) -> HttpResponse:
    """Everything the shop keeps about the person, as JSON or as a page to read. The download is on record."""
    form = request.POST.get("format", "html")
    chapters = everything_about(request.person.customer, request.person.grants)
    _record_export(request)
    day = timezone.localdate().isoformat()
    name = f"{request.shop.slug}-my-data-{day}"
    if form == "json":
        body = {
            "shop": request.shop.name,
            "made_at": timezone.now(),
            "data": {c.key: c.content for c in chapters},
        }
        response: HttpResponse = JsonResponse(body, json_dumps_params={"ensure_ascii": False, "indent": 2})
        response["Content-Disposition"] = f'attachment; filename="{name}.json"'
        return response
    context = {
        "chapters": chapters,
        "shop": request.shop,
        "person": request.person,
        "made_at": timezone.now(),
    }
    response = render(request, "portal/data.html", context)
    response["Content-Disposition"] = f'attachment; filename="{name}.html"'
    return response


@transaction.atomic
def _record_export(request: PortalRequest) -> None:
    person = request.person.customer
    emit(events.DATA_GIVEN, merchant=request.shop, customer=person, subject=person, data={"way": "portal"})
