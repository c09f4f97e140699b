"""Settings → Sender domains, and how mail fares by receiving domain."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from crm.accounts.routes import StaffRequest
from crm.lib.errors import Conflict, Forbidden, Rejected
from crm.lib.ui.parts import Tab
from customers.forms import errors_to_form
from marketing.domains import services
from marketing.domains.checking import DKIM, DMARC, MEANINGS, SPF, TITLES, Found
from marketing.domains.forms import DomainForm, KeyForm
from marketing.domains.health import SPANS, health
from marketing.domains.records import rows_of
from marketing.models import SenderDomain

TONES = {"good": "good", "warn": "warn", "bad": "bad", "later": "info"}


def sender_domain_list(request: StaffRequest) -> HttpResponse:
    """The domains with how each stands; a POST adds one."""
    may_edit = request.membership.can("settings.edit")
    if request.method == "POST" and not may_edit:
        raise Forbidden()
    form = DomainForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            row = services.sender_domain_add(merchant=request.merchant, **form.cleaned_data)
        except Rejected as refusal:
            errors_to_form(form, refusal.fields, refusal.message)
        except Conflict as conflict:
            form.add_error("domain", str(conflict.message))
        else:
            services.sender_domain_check(row=row)
            return redirect("sender_domain", row.pk)
    rows = [(row, _parts(row)) for row in SenderDomain.objects.order_by("domain")]
    context = {"rows": rows, "form": form, "may_edit": may_edit}
    status = 422 if form.errors else 200
    return render(request, "marketing/domains/sender_domain_list.html", context, status=status)


def _parts(row: SenderDomain) -> list[tuple[str, Found, str]]:
    """(title, what was found, tone) of SPF, DKIM and DMARC; what was never looked at is left out."""
    known = [(name, row.findings.get(name)) for name in (SPF, DKIM, DMARC)]
    found = [(name, Found(**one)) for name, one in known if one and one.get("code") in MEANINGS]
    return [(TITLES[name], one, TONES[one.state]) for name, one in found]


@require_safe
def sender_domain(request: StaffRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(SenderDomain.objects.all(), pk=pk)
    context = {
        "row": row,
        "parts": _parts(row),
        "records": rows_of(row, request.merchant.support_email),
        "key_form": KeyForm(initial={"key_type": row.key_type}),
        "may_edit": request.membership.can("settings.edit"),
        "is_ready": row.findings.get(DKIM, {}).get("code") in ("dkim_ready", "dkim_good"),
    }
    return render(request, "marketing/domains/sender_domain.html", context)


@require_POST
def sender_domain_check(request: StaffRequest, pk: int) -> HttpResponse:
    """Asks the DNS now, a few seconds at most for each name."""
    row = get_object_or_404(SenderDomain.objects.all(), pk=pk)
    services.sender_domain_check(row=row)
    messages.success(request, _("Looked at the DNS. Changes there take up to a day to be seen everywhere."))
    return redirect("sender_domain", pk)


@require_POST
def sender_domain_sign(request: StaffRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(SenderDomain.objects.all(), pk=pk)
    signs = request.POST.get("signs") == "1"
    services.sender_domain_sign(row=row, signs=signs)
    said = _("Mails from this domain are signed here from now on.") if signs else _("Nothing is signed here.")
    messages.success(request, said)
    return redirect("sender_domain", pk)


@require_POST
def sender_domain_renew(request: StaffRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(SenderDomain.objects.all(), pk=pk)
    form = KeyForm(request.POST)
    if not form.is_valid():
        raise Rejected(_("Choose a kind of key."), code="bad_key")
    services.sender_domain_renew(row=row, **form.cleaned_data)
    messages.success(request, _("A new key was made. Add its row to the DNS, then check."))
    return redirect("sender_domain", pk)


@require_POST
def sender_domain_remove(request: StaffRequest, pk: int) -> HttpResponse:
    services.sender_domain_remove(row=get_object_or_404(SenderDomain.objects.all(), pk=pk))
    messages.success(request, _("The domain is removed. Its rows in the DNS can go."))
    return redirect("sender_domain_list")


@require_safe
def domain_health(request: StaffRequest) -> HttpResponse:
    """By receiving domain: `?days=` 7, 30 or 90."""
    asked = request.GET.get("days", "")
    days = int(asked) if asked in {str(span) for span in SPANS} else 30
    together, rows = health(merchant=request.merchant, days=days)
    tabs = [Tab(_days(span), f"{request.path}?days={span}", span == days) for span in SPANS]
    context: dict[str, Any] = {"together": together, "rows": rows, "tabs": tabs, "days": days}
    return render(request, "marketing/domains/domain_health.html", context)


def _days(span: int) -> str:
    return ngettext("%(n)s day", "%(n)s days", span) % {"n": span}
