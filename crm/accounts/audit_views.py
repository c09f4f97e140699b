"""Settings: who did what, and which events still wait to be handled."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from crm.accounts import auditing, selectors
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
    why: str
    href: str


def audit_log(request: StaffRequest) -> HttpResponse:
    """What people and keys did, newest first; narrowed by who, what, whom it is about and when. The rows
    alone when htmx asks."""
    asked = auditing.read(request.GET, zone=request.merchant.zone)
    page = keyset_page(event_selectors.audit_log(asked), order=["-id"], after=request.GET.get("after", ""))
    names = selectors.actor_names(merchant=request.merchant, actors={event.actor for event in page.rows})
    said = auditing.said(request.GET)
    context = {
        "rows": [_row(event, names) for event in page.rows],
        "asked": asked,
        "said": said,
        "more": _address(request, page.after),
        "tabs": auditing.tabs(request.path, said),
        "people": [(f"user:{one.user_id}", one.user.get_full_name()) for one in _people(request)],
        "keys": [(f"key:{one.pk}", one.name) for one in selectors.apikey_list()],
        "kinds": sorted(REGISTRY.values(), key=lambda kind: str(kind.label)),
        "is_narrowed": any(value for key, value in said.items() if key != "sort"),
        "export_query": auditing.query_of(said),
        "may_export": request.membership.can("customers.export"),
        "customer_href": _customer(asked.customer_id),
    }
    template = "accounts/_audit_rows.html" if request.headers.get("HX-Request") else "accounts/audit_log.html"
    return render(request, template, context)


def _people(request: StaffRequest) -> QuerySet[Membership]:
    return Membership.objects.select_related("user").filter(merchant=request.merchant).order_by("user__name")


def _row(event: Event, names: dict[str, str]) -> AuditRow:
    who = names.get(event.actor) or (
        _("A customer") if event.actor.startswith("customer:") else _("Somebody")
    )
    reason = event.data.get("reason", "") if event.type and event.type.audit else ""
    return AuditRow(event, who, "" if reason in event.sentence else str(reason), _customer(event.customer_id))


def _customer(customer_id: int | None) -> str:
    """The customer's page; a floor above owns it, so that it is named and not imported."""
    if customer_id is None:
        return ""
    try:
        return reverse("customer_record", args=[customer_id])
    except NoReverseMatch:
        return ""


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
