"""The customer's own pages that belong to the person: getting in and out, preferences, their data."""

from __future__ import annotations

import uuid

from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import translation
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from crm.lib.errors import TooMany
from crm.lib.http import client_ip
from customers import portal_tasks as portal_tasks  # Celery finds the task because this module is loaded
from customers.models import Customer, PortalSettings
from customers.my_data import tasks as my_data_tasks  # noqa: F401 - Celery finds them by this
from customers.my_data.chapters import register
from customers.portal_codes import CODE_MINUTES, Answer, code_ask, code_check
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
from customers.visits.services import COOKIE, visitor_recognise

QUESTION_KEY = "portal_question"
NEXT_KEY = "portal_next"

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
    if customer is not None:
        visitor = request.COOKIES.get(COOKIE, "")
        visitor_recognise(merchant=request.shop, customer=customer, visitor=visitor, source="portal")
    return redirect(target)


@require_POST
def portal_sign_out(request: PortalRequest) -> HttpResponse:
    sign_out(request, request.shop)
    return redirect(portal_url(request, "portal_sign_in"))
