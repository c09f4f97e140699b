"""The customer page and its cards; each card is a fragment that refreshes itself."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import transaction
from django.forms import BaseForm
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from crm.accounts import events as account_events
from crm.accounts.models import Membership
from crm.accounts.routes import WHOLE_SHOP, StaffRequest
from crm.events.emitting import emit
from crm.lib.errors import Forbidden, NotFound, Rejected
from customers.belongings import address_add, address_change, address_remove
from customers.care import holds_on
from customers.consent_views import consent_context
from customers.fields.selectors import definitions
from customers.fields.showing import sections_of
from customers.filters import forget_facets, members, tags_in_use
from customers.forms import AddressForm, IdentityForm, errors_to_form, refusal_to_form
from customers.merged import MergedAway
from customers.models import Address, Customer, Identity
from customers.note_views import notes_context
from customers.registries import ACTIONS, PANELS, Action, Panel
from customers.selectors import customer_for
from customers.services import clean_tags, customer_change, identity_add, identity_remove
from customers.timeline import kinds, story_of

# What there is to do and what was bought stands above the facts the page has itself; the rest below them.
OWN_FACTS_AT = 30


@dataclass(frozen=True)
class PlacedPanel:
    """A panel with the address it loads from and what refreshes it."""

    panel: Panel
    href: str
    trigger: str


@dataclass(frozen=True)
class PlacedAction:
    action: Action
    href: str


@require_safe
def customer_record(request: StaffRequest, customer_id: int) -> HttpResponse:
    """The whole page; the panels of other apps load themselves. Old addresses lead to who they are now."""
    try:
        customer = customer_for(membership=request.membership, customer_id=customer_id)
    except MergedAway as moved:
        return redirect("customer_record", moved.survivor_id)
    context = _summary(request, customer) | _story(request, customer) | notes_context(request, customer)
    facts = place_panels(PANELS, request.membership, customer.pk, "facts")
    context |= {
        "facts_panels": [one for one in facts if one.panel.order < OWN_FACTS_AT],
        "later_panels": [one for one in facts if one.panel.order >= OWN_FACTS_AT],
        "story_panels": place_panels(PANELS, request.membership, customer.pk, "story"),
        "actions": place_actions(ACTIONS, request.membership, customer.pk, "customer"),
    }
    return render(request, "customers/customer_record.html", context)


@require_safe
def customer_facts(request: StaffRequest, customer_id: int) -> HttpResponse:
    """The cards beside the story that the page brings after itself: worth, reach, identities, addresses."""
    customer = customer_for(membership=request.membership, customer_id=customer_id)
    context = (
        _summary(request, customer)
        | consent_context(customer)
        | _identities(request, customer)
        | _addresses(request, customer)
        | {"own_sections": sections_of(definitions(), customer.attributes, request.membership)}
    )
    return render(request, "customers/_customer_facts.html", context)


def _common(request: StaffRequest, customer: Customer) -> dict[str, Any]:
    member = request.membership
    return {
        "customer": customer,
        "may_edit": member.can("customers.edit"),
        "may_see": member.can("customers.pii"),
    }


def place_panels(panels: list[Panel], member: Membership, pk: int, column: str) -> list[PlacedPanel]:
    """The panels of this column that the member may see, for the record of that id."""
    placed = []
    for panel in panels:
        if panel.column == column and member.can(panel.needs):
            topics = [topic.replace("{id}", str(pk)) for topic in panel.topics]
            lives = [f"live:{topic} from:body delay:300ms" for topic in topics]
            placed.append(PlacedPanel(panel, reverse(panel.url_name, args=[pk]), ", ".join(["load", *lives])))
    return placed


def place_actions(actions: list[Action], member: Membership, pk: int, parameter: str) -> list[PlacedAction]:
    """The same for buttons; `parameter` is the name that the record's id has in an action's query."""
    placed = []
    for action in actions:
        closed = action.url_name in WHOLE_SHOP and not member.sees_everything
        if closed or not member.can(action.needs):
            continue
        try:
            href = (
                f"{reverse(action.url_name)}?{parameter}={pk}{'&' + action.also if action.also else ''}"
                if action.query
                else reverse(action.url_name, args=[pk])
            )
        except NoReverseMatch:  # its app is not installed with pages
            continue
        placed.append(PlacedAction(action, href))
    return placed


# --- header and figures -------------------------------------------------------------------------------------


@require_safe
def customer_summary(request: StaffRequest, customer_id: int) -> HttpResponse:
    """Header, care holds and figures: what an event may have moved."""
    customer = customer_for(membership=request.membership, customer_id=customer_id)
    return render(
        request, "customers/_customer_summary.html", _summary(request, customer) | {"refresh": True}
    )


def _summary(request: StaffRequest, customer: Customer) -> dict[str, Any]:
    metrics = customer.metrics
    mean = metrics.gross / metrics.orders_count if metrics.orders_count else None
    return _common(request, customer) | {
        "metrics": metrics,
        "mean_order": mean,
        "holds": holds_on(customer.pk),
        "currency": request.merchant.base_currency,
        "age": _age(customer.birthday_on),
    }


def _age(birthday: date | None) -> int | None:
    if birthday is None:
        return None
    today = date.today()  # noqa: DTZ011 - a day's difference in age is nothing
    return today.year - birthday.year - ((today.month, today.day) < (birthday.month, birthday.day))


# --- timeline -----------------------------------------------------------------------------------------------


@require_safe
def customer_timeline(request: StaffRequest, customer_id: int) -> HttpResponse:
    """The story from the newest event, or with a cursor what came before it."""
    customer = customer_for(membership=request.membership, customer_id=customer_id)
    context = _story(request, customer)
    fragment = "_customer_timeline_more.html" if context["after"] else "_customer_timeline.html"
    return render(request, f"customers/{fragment}", _common(request, customer) | context)


def _story(request: StaffRequest, customer: Customer) -> dict[str, Any]:
    known = kinds()
    kind = request.GET.get("kind", "")
    kind = kind if kind in dict(known) else ""
    text, after = request.GET.get("text", "")[:100], request.GET.get("after", "")
    return {
        "story": story_of(
            membership=request.membership, customer_id=customer.pk, kind=kind, text=text, after=after
        ),
        "kinds": known,
        "kind": kind,
        "text": text,
        "after": after,
    }


# --- identities ---------------------------------------------------------------------------------------------


def customer_identities(request: StaffRequest, customer_id: int) -> HttpResponse:
    """The side panel's form; a POST adds one and answers with the card."""
    customer = customer_for(membership=request.membership, customer_id=customer_id)
    form = IdentityForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            identity_add(customer=customer, source="staff", **form.cleaned_data)
        except Rejected as refusal:
            refusal_to_form(form, refusal, request.membership)
        else:
            return _card_done(request, "customers/_customer_identities.html", _identities(request, customer))
    return _panel_form(request, "customers/_identity_form.html", customer, form)


def _card_done(request: StaffRequest, template: str, context: dict[str, Any]) -> HttpResponse:
    """The card anew, and the side panel closes."""
    response = render(request, template, context)
    response["HX-Trigger"] = json.dumps({"closeDialog": True})
    return response


def _panel_form(
    request: StaffRequest, template: str, customer: Customer, form: BaseForm, **more: Any
) -> HttpResponse:
    """The form in the side panel; a refused one goes back there instead of into the card."""
    response = render(
        request,
        template,
        {"customer": customer, "form": form, **more},
        status=422 if form.errors else 200,
    )
    response["HX-Retarget"] = "#side-panel-body"
    response["HX-Reswap"] = "innerHTML"
    return response


@require_POST
def identity_delete(request: StaffRequest, customer_id: int, identity_id: int) -> HttpResponse:
    customer = customer_for(membership=request.membership, customer_id=customer_id)
    identity = Identity.objects.select_related("customer").filter(customer=customer, pk=identity_id).first()
    if identity is None:
        raise NotFound()
    identity_remove(identity=identity)
    return render(request, "customers/_customer_identities.html", _identities(request, customer))


def _identities(request: StaffRequest, customer: Customer) -> dict[str, Any]:
    return _common(request, customer) | {
        "identities": list(customer.identities.order_by("kind", "id")),
        "ids_shown": False,
    }


# --- addresses ----------------------------------------------------------------------------------------------


def customer_addresses(request: StaffRequest, customer_id: int) -> HttpResponse:
    """The side panel's form; a POST adds one and answers with the card."""
    customer = customer_for(membership=request.membership, customer_id=customer_id)
    form = AddressForm(request.POST or None, initial={"country": customer.country, "name": customer.name})
    if request.method == "POST" and form.is_valid():
        try:
            address_add(customer=customer, **form.cleaned_data)
        except Rejected as refusal:
            errors_to_form(form, refusal.fields, refusal.message)
        else:
            return _card_done(request, "customers/_customer_addresses.html", _addresses(request, customer))
    return _panel_form(request, "customers/_address_form.html", customer, form)


def address_edit(request: StaffRequest, customer_id: int, address_id: int) -> HttpResponse:
    """One address in the side panel, for who may see it in full; a POST changes it."""
    customer = customer_for(membership=request.membership, customer_id=customer_id)
    address = Address.objects.filter(customer=customer, pk=address_id).first()
    if address is None:
        raise NotFound()
    if not request.membership.can("customers.pii"):
        raise Forbidden()
    known = {name: getattr(address, name) for name in AddressForm.Meta.fields}
    form = AddressForm(request.POST or None, initial=known)
    if request.method == "POST" and form.is_valid():
        try:
            address_change(address=address, **form.cleaned_data)
        except Rejected as refusal:
            errors_to_form(form, refusal.fields, refusal.message)
        else:
            return _card_done(request, "customers/_customer_addresses.html", _addresses(request, customer))
    return _panel_form(request, "customers/_address_form.html", customer, form, address=address)


@require_POST
def address_delete(request: StaffRequest, customer_id: int, address_id: int) -> HttpResponse:
    customer = customer_for(membership=request.membership, customer_id=customer_id)
    address = Address.objects.select_related("customer").filter(customer=customer, pk=address_id).first()
    if address is None:
        raise NotFound()
    address_remove(address=address)
    return render(request, "customers/_customer_addresses.html", _addresses(request, customer))


def _addresses(request: StaffRequest, customer: Customer) -> dict[str, Any]:
    rows = list(customer.addresses.order_by("-is_default", "id"))
    return _common(request, customer) | {
        "addresses": rows,
        "addresses_shown": False,
    }


# --- what is shown only when asked for --------------------------------------------------------------------


@require_POST
def customer_reveal(request: StaffRequest, customer_id: int, what: str) -> HttpResponse:
    """The card with its hidden values in full; who asked stands in the audit log before they are sent."""
    customer = customer_for(membership=request.membership, customer_id=customer_id)
    if what not in ("addresses", "identities"):
        raise NotFound()
    with transaction.atomic():
        emit(
            account_events.PII_REVEALED,
            merchant=request.merchant,
            customer=customer,
            subject=customer,
            data={"field": what},
        )
    if what == "addresses":
        context = _addresses(request, customer) | {"addresses_shown": True}
        return render(request, "customers/_customer_addresses.html", context)
    context = _identities(request, customer) | {"ids_shown": True}
    return render(request, "customers/_customer_identities.html", context)


# --- tags, owner -------------------------------------------------------------------------------------


def customer_tags(request: StaffRequest, customer_id: int) -> HttpResponse:
    """Tags and owner in a small form that opens in the side panel."""
    customer = customer_for(membership=request.membership, customer_id=customer_id)
    if request.method != "POST":
        context = _common(request, customer) | {"members": members(), "known_tags": tags_in_use()}
        return render(request, "customers/_customer_tags.html", context)
    chosen = {str(one.pk): one for one in members()}.get(request.POST.get("owner", ""))
    tags = clean_tags(request.POST.get("tags", "").replace("，", ",").split(","))
    customer_change(customer=customer, source="staff", tags=tags, owner=chosen)
    forget_facets(request.merchant.pk)
    context = _summary(request, customer) | {"refresh": True}
    response = render(request, "customers/_customer_summary.html", context)
    response["HX-Trigger"] = json.dumps({"closeDialog": True, "toast": {"text": _("Saved."), "tone": "good"}})
    return response
