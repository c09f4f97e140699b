"""Staff pages of journeys: list, maker, record with the people on it."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from crm.accounts.routes import StaffRequest
from crm.lib import listing
from crm.lib.errors import CrmError, Rejected
from crm.lib.keyset import keyset_page
from crm.lib.ui.parts import Tab
from customers.models import Customer
from marketing.journeys import enrolling, selectors, services
from marketing.journeys.steps import KINDS, UNIT_NAMES
from marketing.models import Enrolment, Journey, Segment, Template
from marketing.segments import catalogue
from marketing.segments.definition import parse
from marketing.segments.sentences import Reader, sentence_of

ORDER = ("-updated_at", "-pk")
LONGEST = 20_000


@require_GET
def journey_list(request: StaffRequest) -> HttpResponse:
    asked = listing.read(request.GET, request.path, ())
    page = keyset_page(selectors.journeys_with_counts(request.membership), order=ORDER, after=asked.after)
    rows = [(journey, selectors.trigger_text(journey.trigger)) for journey in page.rows]
    context = {"rows": rows, "more": asked.more(page.after)}
    fragment = request.headers.get("HX-Request") == "true"
    return render(
        request, "journeys/_journey_list_results.html" if fragment else "journeys/journey_list.html", context
    )


@require_POST
def journey_thank_you(request: StaffRequest) -> HttpResponse:
    journey = services.thank_you_create(merchant=request.merchant, actor=request.membership)
    messages.success(request, _("Made as a draft, with a mail to go with it. Look it over, then start it."))
    return redirect("journey_detail", journey.pk)


def journey_create(request: StaffRequest) -> HttpResponse:
    if request.method == "POST":
        return _save(request, None)
    blank = {"name": "", "trigger": "orders.order_paid", "once": "customer", "filter": {}, "steps": []}
    return _maker(request, None, blank)


def journey_edit(request: StaffRequest, pk: int) -> HttpResponse:
    journey = get_object_or_404(Journey, pk=pk)
    if request.method == "POST":
        return _save(request, journey)
    names = ("name", "trigger", "once", "filter", "steps")
    return _maker(request, journey, {name: getattr(journey, name) for name in names})


def _save(request: StaffRequest, journey: Journey | None) -> HttpResponse:
    values: dict[str, Any] = {name: request.POST.get(name, "") for name in ("name", "trigger", "once")}
    values |= {name: _json(request.POST.get(name, "")) for name in ("filter", "steps")}
    try:
        saved = services.journey_save(
            merchant=request.merchant, journey=journey, actor=request.membership, **values
        )
    except CrmError as refusal:
        return _maker(request, journey, values, refusal)
    messages.success(request, _("Saved."))
    return redirect("journey_detail", saved.pk)


def _json(text: str) -> Any:
    try:
        return json.loads(text) if text and len(text) <= LONGEST else None
    except ValueError as error:
        raise Rejected(
            _("The steps can't be read. Reload the page and try again."), code="bad_json"
        ) from error


def _maker(
    request: StaffRequest, journey: Journey | None, values: dict[str, Any], refusal: CrmError | None = None
) -> HttpResponse:
    faults = (
        {path: [str(text) for text in texts] for path, texts in refusal.fields.items()} if refusal else {}
    )
    choices = {
        "templates": list(
            Template.objects.filter(archived_at=None).order_by("name").values_list("pk", "name")
        ),
        "segments": list(Segment.objects.live().order_by("name").values_list("pk", "name")),
        "units": [[unit, str(name)] for unit, name in UNIT_NAMES.items()],
        "kinds": [[kind.key, str(kind.label), str(kind.about)] for kind in KINDS.values()],
        "words": {
            "remove": _("Remove"),
            "up": _("Move up"),
            "down": _("Move down"),
            "choose": _("choose…"),
            "wait": _("Wait"),
            "mail": _("Send"),
            "condition": _("Go on only if in"),
            "tag": _("Add the tag"),
            "exit": _("End here"),
            "empty": _("No steps yet. What happens first?"),
        },
    }
    context = {
        "journey": journey,
        "values": values,
        "triggers": sorted(
            ((kind.name, str(kind.label)) for kind in enrolling.triggers()), key=lambda one: one[1]
        ),
        "onces": Journey.Once.choices,
        "choices": choices,
        "steps": values["steps"] or [],
        "tree": values["filter"] or {"match": "all", "rules": []},
        "catalogue": catalogue.catalogue(currency=request.merchant.base_currency),
        "labels": catalogue.labels_of(values["filter"], request.membership),
        "refusal": refusal,
        "faults": faults,
    }
    return render(request, "journeys/journey_maker.html", context, status=refusal.status if refusal else 200)


@require_GET
def journey_detail(request: StaffRequest, pk: int) -> HttpResponse:
    journey = get_object_or_404(Journey, pk=pk)
    context = {
        "journey": journey,
        "trigger": selectors.trigger_text(journey.trigger),
        "sentence": _filter_text(request, journey),
        "steps": selectors.step_views(journey, request.membership),
        "figures": selectors.figures(journey, request.membership),
    }
    fragment = request.headers.get("HX-Request") == "true"
    return render(
        request, "journeys/_journey_steps.html" if fragment else "journeys/journey_detail.html", context
    )


def _filter_text(request: StaffRequest, journey: Journey) -> str:
    if not journey.filter:
        return ""
    try:
        group = parse(journey.filter, stored=True)
        return sentence_of(group, Reader(request.merchant.base_currency, request.membership))
    except Rejected as refusal:
        return str(refusal.message)


@require_GET
def journey_people(request: StaffRequest, pk: int) -> HttpResponse:
    journey = get_object_or_404(Journey, pk=pk)
    state = request.GET.get("state", "")
    seen = Customer.objects.visible_to(request.membership)
    rows = selectors.people(journey, state).filter(customer__in=seen)
    asked = listing.read(request.GET, request.path, ())
    page = keyset_page(rows, order=("-entered_at", "-pk"), after=asked.after)
    tabs = [Tab(_("Everybody"), request.path, not state)]
    tabs += [
        Tab(label, f"{request.path}?state={value}", state == value)
        for value, label in Enrolment.State.choices
    ]
    more = f"{request.path}?state={state}&after={page.after}" if page.after else ""
    context = {
        "journey": journey,
        "rows": [(row, selectors.reason_of(row.reason) if row.reason else "") for row in page.rows],
        "more": more,
        "tabs": tabs,
    }
    fragment = request.headers.get("HX-Request") == "true"
    return render(
        request, "journeys/_journey_people.html" if fragment else "journeys/journey_people.html", context
    )


@require_POST
def journey_start(request: StaffRequest, pk: int) -> HttpResponse:
    journey = services.journey_start(journey=get_object_or_404(Journey, pk=pk))
    messages.success(request, _("“%(name)s” is running.") % {"name": journey.name})
    return redirect("journey_detail", pk)


@require_POST
def journey_stop(request: StaffRequest, pk: int) -> HttpResponse:
    services.journey_stop(journey=get_object_or_404(Journey, pk=pk))
    messages.success(request, _("Stopped. Who is on the way waits until you start it again."))
    return redirect("journey_detail", pk)


@require_POST
def journey_delete(request: StaffRequest, pk: int) -> HttpResponse:
    services.journey_delete(journey=get_object_or_404(Journey, pk=pk))
    messages.success(request, _("Deleted."))
    return redirect("journey_list")


@require_POST
def enrolment_retry(request: StaffRequest, pk: int) -> HttpResponse:
    enrolment = get_object_or_404(
        Enrolment, pk=pk, customer__in=Customer.objects.visible_to(request.membership)
    )
    services.enrolment_retry(enrolment=enrolment)
    messages.success(request, _("They are on the way again."))
    return redirect("journey_people", enrolment.journey_id)
