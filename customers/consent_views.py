"""The consent card of the customer page: what holds, how it came about, and writing down an answer."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from crm.accounts.routes import StaffRequest
from crm.accounts.selectors import actor_names
from crm.lib.errors import NotFound
from customers.consent import consent_record
from customers.forms import ConsentForm
from customers.ledger_words import Shown, shown
from customers.models import ConsentWording, Customer
from customers.models.wording import Channel, Purpose
from customers.selectors import Reach, consent_history, customer_for, reach_of
from customers.wordings.selectors import wording_now
from customers.wordings.services import wording_kept

# The current text of nobody's answer yet has no row; it is saved when it is chosen.
NOW = "now"


def customer_consent(request: StaffRequest, customer_id: int) -> HttpResponse:
    """The side panel: the list of answers, or with a channel and a purpose the form for one; a POST writes
    down what the customer said to a colleague."""
    customer = customer_for(membership=request.membership, customer_id=customer_id)
    reach = _named(request, customer)
    if reach is None and request.method != "POST":
        return render(request, "customers/_consent_form.html", _card(request, customer))
    if reach is None:
        raise NotFound()
    current = wording_now(request.merchant, reach.channel, reach.purpose, _language(request, customer))
    form = ConsentForm(
        request.POST if request.method == "POST" else None,
        wordings=_choices(current),
        initial={
            "channel": reach.channel,
            "purpose": reach.purpose,
            "granted": "0" if reach.granted else "1",
            "wording": NOW,
        },
    )
    if form.is_valid():
        _write(request, customer, form.cleaned_data, current)
        response = render(request, "customers/_customer_consent.html", _card(request, customer))
        response["HX-Trigger"] = json.dumps({"closeDialog": True})
        return response
    context = {"customer": customer, "form": form, "reach": reach, "current": current}
    status = 422 if form.errors else 200
    response = render(request, "customers/_consent_answer.html", context, status=status)
    response["HX-Retarget"], response["HX-Reswap"] = "#side-panel-body", "innerHTML"
    return response


def _named(request: StaffRequest, customer: Customer) -> Reach | None:
    said = request.POST if request.method == "POST" else request.GET
    named = (said.get("channel", ""), said.get("purpose", ""))
    return next((one for one in reach_of(customer) if (one.channel, one.purpose) == named), None)


def _language(request: StaffRequest, customer: Customer) -> str:
    return customer.language or request.merchant.locale


def _choices(current: ConsentWording | None) -> list[tuple[str, str]]:
    """The text of today first, then every older one: a paper form may have hung on the wall for years."""
    if current is None:
        return []
    rows = ConsentWording.objects.filter(channel=current.channel, purpose=current.purpose)
    older = [one for one in rows.order_by("language", "-version")[:50] if one.pk != current.pk]
    return [(NOW, _title(current)), *((str(one.pk), _title(one)) for one in older)]


def _title(wording: ConsentWording) -> str:
    text = " ".join(wording.text.split())
    return f"{wording.label}: {text[:80]}{'…' if len(text) > 80 else ''}"


def _write(
    request: StaffRequest, customer: Customer, said: dict[str, Any], current: ConsentWording | None
) -> None:
    wording = None
    if said["granted"] and said["wording"] == NOW and current is not None:
        wording = wording_kept(current)
    elif said["granted"] and said["wording"]:
        wording = ConsentWording.objects.get(pk=int(said["wording"]))
    consent_record(
        merchant=request.merchant,
        customer=customer,
        channel=Channel(said["channel"]),
        purpose=Purpose(said["purpose"]),
        granted=said["granted"],
        source=said["source"],
        wording=wording,
        proof={"user": request.user.pk, "note": said["note"]},
    )


@require_safe
def customer_consent_history(request: StaffRequest, customer_id: int) -> HttpResponse:
    """Every entry of the ledger with the text that was read, the way it came and what shows it."""
    customer = customer_for(membership=request.membership, customer_id=customer_id)
    entries = consent_history(customer)
    who = {f"user:{one.proof['user']}" for one in entries if "user" in one.proof}
    names = actor_names(merchant=request.merchant, actors=who)
    may_see = request.membership.can("customers.pii")
    rows: list[Shown] = [shown(one, names=names, may_see=may_see) for one in entries]
    return render(request, "customers/_consent_history.html", {"customer": customer, "rows": rows})


def consent_context(customer: Customer) -> dict[str, Any]:
    """What the card shows; the page adds who may do what."""
    return {"reach": reach_of(customer)}


def _card(request: StaffRequest, customer: Customer) -> dict[str, Any]:
    return consent_context(customer) | {
        "customer": customer,
        "may_edit": request.membership.can("customers.edit"),
    }
