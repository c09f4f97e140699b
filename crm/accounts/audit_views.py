"""Settings: who did what, and which events still wait to be handled."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from crm.accounts import selectors
from crm.accounts.models import Membership
from crm.accounts.routes import StaffRequest
from crm.events import selectors as event_selectors
from crm.events.delivering import delivery_retry as put_back
from crm.events.models import Delivery, Event
from crm.events.types import REGISTRY
from crm.lib.keyset import keyset_page


@dataclass(frozen=True)
class AuditRow:
    event: Event
    who: str


def audit_log(request: StaffRequest) -> HttpResponse:
    """What people and keys did, newest first; narrowed by who and what. The rows alone when htmx asks."""
    actor, name = request.GET.get("actor", ""), request.GET.get("name", "")
    log = event_selectors.audit_log(actor=actor, name=name)
    page = keyset_page(log, order=["-id"], after=request.GET.get("after", ""))
    names = selectors.actor_names(merchant=request.merchant, actors={event.actor for event in page.rows})
    context = {
        "rows": [_row(event, names) for event in page.rows],
        "actor": actor,
        "name": name,
        "more": _address(request, page.after),
        "people": [(f"user:{one.user_id}", one.user.get_full_name()) for one in _people(request)],
        "kinds": sorted(REGISTRY.values(), key=lambda kind: str(kind.label)),
    }
    template = "accounts/_audit_rows.html" if request.headers.get("HX-Request") else "accounts/audit_log.html"
    return render(request, template, context)


def _people(request: StaffRequest) -> QuerySet[Membership]:
    return Membership.objects.select_related("user").filter(merchant=request.merchant).order_by("user__name")


def _row(event: Event, names: dict[str, str]) -> AuditRow:
    who = names.get(event.actor) or (
        _("A customer") if event.actor.startswith("customer:") else _("Somebody")
    )
    return AuditRow(event, who)


def _address(request: StaffRequest, after: str) -> str:
    if not after:
        return ""
    parameters = request.GET.copy()
    parameters["after"] = after
    return f"{request.path}?{parameters.urlencode()}"


def delivery_list(request: StaffRequest) -> HttpResponse:
    """Handlers that failed or were given up, newest first, each with its retry."""
    page = keyset_page(
        event_selectors.troubled_deliveries(), order=["-id"], after=request.GET.get("after", "")
    )
    context = {"deliveries": page.rows, "more": _address(request, page.after), "dead": Delivery.State.DEAD}
    template = (
        "accounts/_delivery_rows.html" if request.headers.get("HX-Request") else "accounts/delivery_list.html"
    )
    return render(request, template, context)


@require_POST
def delivery_retry(request: StaffRequest, pk: int) -> HttpResponse:
    put_back(delivery=get_object_or_404(Delivery, pk=pk))
    messages.success(request, _("It will be tried again within a minute."))
    return redirect("delivery_list")
