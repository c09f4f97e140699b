"""Staff pages of the loyalty programme: members, rules, a customer's points."""

from __future__ import annotations

from datetime import datetime, time
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from crm.accounts.routes import StaffRequest
from crm.lib import listing
from crm.lib.errors import CrmError
from crm.lib.forms import blame
from crm.lib.keyset import keyset_page
from crm.lib.ui.parts import Tab
from customers.models import Customer
from customers.selectors import customer_for
from marketing.loyalty import selectors, services
from marketing.loyalty.forms import CorrectionForm, ProgramForm, TierFormSet
from marketing.loyalty.models import Program, Tier

ORDER = ("-metrics__points", "-pk")
# What a shop that has none yet finds filled in.
FIRST_TIERS = (
    ("Silver", 500, Decimal(1)),
    ("Gold", 2_000, Decimal("1.25")),
    ("Platinum", 6_000, Decimal("1.5")),
)


@require_GET
def loyalty(request: StaffRequest) -> HttpResponse:
    """Who has points, most first, and how the tiers are filled."""
    program = selectors.program_of()
    if program is None:
        return render(request, "loyalty/loyalty_empty.html")
    board = selectors.board()
    names = {view.tier.name for view in board.tiers}
    tier = request.GET.get("tier", "") if request.GET.get("tier", "") in names else ""
    page = keyset_page(
        selectors.members(request.membership, tier=tier),
        order=ORDER,
        after=request.GET.get(listing.AFTER, ""),
    )
    tabs = [Tab(_("Everybody"), request.path, not tier, board.members)]
    tabs += [
        Tab(view.tier.name, f"{request.path}?tier={view.tier.name}", view.tier.name == tier, view.members)
        for view in board.tiers
    ]
    context = {
        "program": program,
        "board": board,
        "rows": page.rows,
        "tabs": tabs,
        "more": f"{request.path}?tier={tier}&after={page.after}" if page.after else "",
    }
    fragment = request.headers.get("HX-Request") == "true"
    return render(request, "loyalty/_loyalty_rows.html" if fragment else "loyalty/loyalty.html", context)


def loyalty_program(request: StaffRequest) -> HttpResponse:
    """The rules. Saving them settles everybody anew in the background."""
    program = selectors.program_of()
    form = ProgramForm(
        request.POST or None, instance=program or Program(), initial=_initial(request, program)
    )
    tiers = TierFormSet(
        request.POST or None, prefix="tiers", initial=None if request.POST else _tiers(program)
    )
    if request.method == "POST" and form.is_valid() and tiers.is_valid():
        try:
            _save(request, form, tiers)
        except CrmError as refusal:
            form.add_error(None, str(refusal.message))
        else:
            messages.success(request, _("Saved. Everybody's points are being brought in line."))
            return redirect("loyalty")
    status = 422 if request.method == "POST" else 200
    context = {"form": form, "tiers": tiers, "program": program}
    return render(request, "loyalty/loyalty_program.html", context, status=status)


def _initial(request: StaffRequest, program: Program | None) -> dict[str, Any]:
    starts = program.starts_at if program else timezone.now()
    first = {} if program else {"name": _("Club"), "points_per_unit": 1}
    return {"starts_on": starts.astimezone(request.merchant.zone).date(), **first}


def _tiers(program: Program | None) -> list[dict[str, Any]]:
    rows = list(Tier.objects.values_list("name", "threshold", "multiplier")) if program else list(FIRST_TIERS)
    return [{"name": name, "threshold": threshold, "multiplier": times} for name, threshold, times in rows]


def _save(request: StaffRequest, form: ProgramForm, tiers: Any) -> None:
    values = dict(form.cleaned_data)
    day = values.pop("starts_on")
    values["starts_at"] = datetime.combine(day, time.min, tzinfo=request.merchant.zone)
    services.program_save(merchant=request.merchant, values=values, tiers=tiers.tiers())


@require_GET
def customer_points(request: StaffRequest, customer_id: int) -> HttpResponse:
    """The card on the customer page; empty where no programme was ever set up."""
    customer = customer_for(membership=request.membership, customer_id=customer_id)
    program = selectors.program_of()
    if program is None:
        return HttpResponse("")
    context = {
        "customer": customer,
        "standing": selectors.standing_of(customer, program),
        "entries": selectors.entries_of(customer, 5),
    }
    return render(request, "loyalty/_customer_points.html", context)


@require_GET
def points_record(request: StaffRequest, customer_id: int) -> HttpResponse:
    """All points of one customer, and the form to correct them."""
    customer = customer_for(membership=request.membership, customer_id=customer_id)
    return _record(request, customer, CorrectionForm())


@require_POST
def points_correct(request: StaffRequest, customer_id: int) -> HttpResponse:
    customer = customer_for(membership=request.membership, customer_id=customer_id)
    form = CorrectionForm(request.POST)
    if not form.is_valid():
        return _record(request, customer, form)
    try:
        services.points_correct(
            merchant=request.merchant, customer=customer, actor=request.membership, **form.cleaned_data
        )
    except CrmError as refusal:
        blame(form, refusal)
        return _record(request, customer, form)
    messages.success(request, _("Points corrected."))
    return redirect("points_record", customer_id)


def _record(request: StaffRequest, customer: Customer, form: CorrectionForm) -> HttpResponse:
    program = selectors.program_of()
    context = {
        "customer": customer,
        "form": form,
        "standing": selectors.standing_of(customer, program) if program else None,
        "entries": selectors.entries_of(customer, 200),
    }
    return render(request, "loyalty/points_record.html", context, status=422 if form.errors else 200)
