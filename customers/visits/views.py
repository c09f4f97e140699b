"""Settings → Visits, and the public door that browsers tell of visits at."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.contrib.staticfiles import finders
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control, never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from crm.accounts.models import Merchant
from crm.accounts.routes import StaffRequest
from crm.events.emitting import emit
from crm.events.models import Event
from crm.lib.crypto import keyed_hash
from crm.lib.errors import Forbidden, NotFound, Rejected, TooMany
from crm.lib.http import client_ip
from crm.lib.tenancy import merchant_scope
from crm.lib.throttle import count_up
from customers.models import Visit, VisitSettings
from customers.visits import events
from customers.visits.forms import VisitSettingsForm, host_of
from customers.visits.reading import BrowserInput, seen_of
from customers.visits.services import EVENTS, visits_take

SCRIPT = "js/visits.js"
MOST_BYTES = 32_000
# An office shares one address; a person looks at a few pages a minute.
PER_MINUTE = 300


def visit_settings(request: StaffRequest) -> HttpResponse:
    """Whether and from where visits are taken, and the lines for the shop's pages."""
    known = VisitSettings.objects.first() or VisitSettings(merchant=request.merchant)
    initial = {"is_on": known.is_on, "hosts": "\n".join(known.hosts)}
    form = VisitSettingsForm(request.POST or None, initial=initial)
    if request.method == "POST":
        if not request.membership.can("settings.edit"):
            raise Forbidden()
        if form.is_valid():
            _save(request, known, form.cleaned_data)
            messages.success(request, _("Saved."))
            return redirect("visit_settings")
    context = {"form": form, "script": _script_tag(request), "known": known, **_figures()}
    return render(request, "customers/visits/settings.html", context, status=422 if form.errors else 200)


@transaction.atomic
def _save(request: StaffRequest, known: VisitSettings, said: dict[str, Any]) -> None:
    known.is_on, known.hosts = said["is_on"], said["hosts"]
    known.save()
    data = {"is_on": known.is_on, "hosts": ", ".join(known.hosts)}
    emit(events.VISIT_SETTINGS_CHANGED, merchant=request.merchant, data=data)


def _script_tag(request: StaffRequest) -> str:
    source = request.build_absolute_uri(reverse("visit_script"))
    door = request.build_absolute_uri(reverse("visit_take", args=[request.merchant.slug]))
    return f'<script async src="{source}" data-door="{door}"></script>'


def _figures() -> dict[str, Any]:
    """What came in the last day, and when the last came."""
    since = timezone.now() - timedelta(days=1)
    newest = list(Visit.objects.order_by("-at").values_list("at", flat=True)[:1])
    for kind in EVENTS.values():  # one by one: each is a step into the log's index by name
        newest += (
            Event.objects.filter(name=kind.name).order_by("-id").values_list("occurred_at", flat=True)[:1]
        )
    return {
        "nameless": Visit.objects.filter(at__gte=since).count(),
        "last_at": max(newest, default=None),
    }


@require_safe
@cache_control(public=True, max_age=3_600)
def visit_script(request: HttpRequest) -> HttpResponse:
    """The script for the shop's pages, at an address that never changes."""
    found = finders.find(SCRIPT)
    assert isinstance(found, str)
    with open(found, "rb") as file:
        response = HttpResponse(file.read(), content_type="text/javascript; charset=utf-8")
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


@csrf_exempt  # nobody's session counts here: whoever a visit is of, nothing is shown
@never_cache
@require_POST
def visit_take(request: HttpRequest, shop: str) -> HttpResponse:
    """204 for visits taken, and for those of browsers that ask not to be followed. Raises NotFound for a shop
    that takes none, Forbidden for pages of other hosts, Rejected, TooMany."""
    merchant = Merchant.objects.filter(slug=shop, is_active=True).first()
    if merchant is None:
        raise NotFound()
    with merchant_scope(merchant):
        known = VisitSettings.objects.filter(is_on=True).first()
        if known is None:
            raise NotFound()
        if host_of(request.headers.get("Origin", "")) not in known.hosts:
            raise Forbidden(_("This site is not among the shop's addresses under Settings → Visits."))
        if request.headers.get("Sec-GPC") != "1" and request.headers.get("DNT") != "1":
            _check_pace(merchant, client_ip(request) or "")
            said = _read(request)
            seen = [seen_of(one, visitor=said["visitor"]) for one in said["visits"]]
            visits_take(merchant=merchant, seen=seen)
    return HttpResponse(status=204)


def _check_pace(merchant: Merchant, ip: str) -> None:
    digest = keyed_hash(f"{merchant.pk}:{ip}", purpose="visits-throttle")
    if count_up(f"visits:{digest}", seconds=60) > PER_MINUTE:
        raise TooMany()


def _read(request: HttpRequest) -> dict[str, Any]:
    if len(request.body) > MOST_BYTES:
        raise Rejected("Send fewer visits at once.", code="too_large")
    try:
        told = json.loads(request.body)
    except (ValueError, RecursionError):
        raise Rejected("The body is no JSON.", code="malformed") from None
    reader = BrowserInput(data=told)
    if not reader.is_valid():
        raise Rejected("Send visitor and visits.", code="invalid")
    said: dict[str, Any] = reader.validated_data
    return said
