"""The customer asks to be forgotten, waits a week, and may take it back until then."""

from __future__ import annotations

import time

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from crm.integrations import mail
from crm.lib.errors import Rejected
from crm.lib.privacy import concerns_about
from customers.models import Customer, Erasure
from customers.portal_door import SESSION_KEY, PortalRequest, portal_url, render_portal, sign_out
from customers.privacy.erasing import PORTAL_WAIT, erasure_ask, erasure_cancel

# Who signed in by a code longer ago than this proves the address once more: a shared computer was left open.
FRESH_SECONDS = 15 * 60


def portal_erase(request: PortalRequest) -> HttpResponse:
    """What goes and what stays, and the button; or the day on which it happens and how to take it back."""
    customer = request.person.customer
    waiting = _waiting(customer)
    if request.method == "POST":
        if customer is None:
            raise Rejected(_("Write to us: as a guest you have no page of your own here."))
        if not _is_fresh(request):
            return _prove(request)
        if request.POST.get("sure") != "yes":
            raise Rejected(_("Tick the box first."))
        if waiting is None:
            _ask(request, customer)
        return redirect(portal_url(request, "portal_erase"))
    context = {
        "waiting": waiting,
        "days": PORTAL_WAIT.days,
        "is_fresh": _is_fresh(request),
        "concerns": concerns_about(customer.pk) if customer else [],
    }
    return render_portal(request, "portal/erase.html", context)


def _waiting(customer: Customer | None) -> Erasure | None:
    if customer is None:
        return None
    return Erasure.objects.filter(customer_id=customer.pk, state=Erasure.State.WAITING).first()


def _is_fresh(request: PortalRequest) -> bool:
    kept = request.session[SESSION_KEY][str(request.shop.pk)]
    return time.time() - float(kept["started"]) < FRESH_SECONDS


def _prove(request: PortalRequest) -> HttpResponse:
    """Out, and back here by a new code."""
    target = portal_url(request, "portal_erase")
    sign_out(request, request.shop)
    return redirect(f"{portal_url(request, 'portal_sign_in')}?next={target}")


@transaction.atomic
def _ask(request: PortalRequest, customer: Customer) -> None:
    """The request and a mail about it to the address that was proved: whoever it was, the person hears."""
    erasure = erasure_ask(
        customer=customer, reason=Erasure.Reason.ASKED, by=request.person.actor, wait=PORTAL_WAIT
    )
    context = {
        "shop": request.shop,
        "due_on": timezone.localtime(erasure.due_at).date(),
        "link": settings.PUBLIC_URL + reverse("portal_erase", args=[request.shop.slug]),
    }
    mail.post(
        merchant=request.shop,
        to=request.person.address,
        purpose="erasure_asked",
        subject=_("%(shop)s will erase your data") % {"shop": request.shop.name},
        text=render_to_string("portal/mail/erase.txt", context),
        html=render_to_string("portal/mail/erase.html", context),
        dedupe_key=f"erasure:{erasure.pk}",
    )


@require_POST
def portal_erase_cancel(request: PortalRequest) -> HttpResponse:
    waiting = _waiting(request.person.customer)
    if waiting is not None:
        erasure_cancel(erasure=waiting)
        messages.success(request, _("Your data stay. Nothing was erased."))
    return redirect(portal_url(request, "portal_erase"))
