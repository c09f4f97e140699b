"""Settings of the desk: ready answers, promised times and opening hours, the portal."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from crm.accounts import events as account_events
from crm.accounts.routes import StaffRequest
from crm.events.emitting import emit
from customers.models import PortalSettings
from customers.portal_forms import PortalSettingsForm
from service.fetching import fetch
from service.forms import DeskForm, HoursForm, MacroForm, MailboxForm, SlaForm
from service.macros import PLACES
from service.models import BusinessHours, Macro, SlaPolicy
from service.models.ticket import Priority
from service.priority import desk_settings
from service.sla import DEFAULTS


def _record(request: StaffRequest, what: str) -> None:
    emit(account_events.SETTINGS_CHANGED, merchant=request.merchant, data={"changes": what})


# --- ready answers -----------------------------------------------------------------------------------------


def macro_list(request: StaffRequest) -> HttpResponse:
    macros = Macro.objects.order_by("-is_active", "name")
    return render(request, "service/macro_list.html", {"macros": macros})


def macro_edit(request: StaffRequest, pk: int | None = None) -> HttpResponse:
    """A new macro, or another version of one."""
    macro = get_object_or_404(Macro, pk=pk) if pk else None
    form = MacroForm(request.POST or None, instance=macro, merchant=request.merchant)
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            saved = form.save()
            _record(request, _("macro %(name)s") % {"name": saved.name})
        messages.success(request, _("The macro is saved."))
        return redirect("macro_list")
    context = {
        "form": form,
        "macro": macro,
        "places": [(name, what) for name, (what, _fill) in PLACES.items()],
    }
    return render(request, "service/macro_edit.html", context, status=422 if form.errors else 200)


@require_POST
def macro_delete(request: StaffRequest, pk: int) -> HttpResponse:
    macro = get_object_or_404(Macro, pk=pk)
    with transaction.atomic():
        macro.delete()
        _record(request, _("macro %(name)s deleted") % {"name": macro.name})
    messages.success(request, _("The macro is deleted."))
    return redirect("macro_list")


# --- promised times ----------------------------------------------------------------------------------------


def sla_list(request: StaffRequest) -> HttpResponse:
    """Opening hours, what is promised for each priority, and who comes first."""
    hours = BusinessHours.objects.first() or BusinessHours(merchant=request.merchant)
    desk = desk_settings()
    data = request.POST if request.method == "POST" else None
    hours_form = HoursForm(data, instance=hours, prefix="hours")
    desk_form = DeskForm(data, instance=desk, prefix="desk")
    policies = [(priority, _policy_form(data, priority)) for priority in reversed(Priority)]
    forms: list[Any] = [hours_form, desk_form, *[form for _priority, form in policies]]
    if data is not None and sum(not form.is_valid() for form in forms) == 0:
        _save_times(request, hours_form, desk_form, policies)
        messages.success(request, _("Saved. Tickets that are opened or answered from now on follow it."))
        return redirect("sla_list")
    context = {"hours_form": hours_form, "desk_form": desk_form, "policies": policies}
    return render(request, "service/sla_list.html", context, status=422 if data is not None else 200)


def _policy_form(data: Any, priority: Priority) -> SlaForm:
    policy = SlaPolicy.objects.filter(priority=priority).first()
    first, resolve = DEFAULTS[priority]
    if policy is not None:
        first, resolve = policy.first_response_minutes, policy.resolve_minutes
    initial = {"first_hours": Decimal(first) / 60, "resolve_hours": Decimal(resolve) / 60}
    shown = {name: f"{value.quantize(Decimal('0.01')).normalize():f}" for name, value in initial.items()}
    return SlaForm(data, instance=policy, prefix=f"sla-{priority}", initial=shown)


@transaction.atomic
def _save_times(
    request: StaffRequest, hours: HoursForm, desk: DeskForm, policies: list[tuple[Priority, SlaForm]]
) -> None:
    for form in (hours, desk):
        form.instance.merchant = request.merchant
        form.save()
    for priority, policy in policies:
        SlaPolicy.objects.update_or_create(
            merchant=request.merchant,
            priority=priority,
            defaults={
                "first_response_minutes": round(policy.cleaned_data["first_hours"] * 60),
                "resolve_minutes": round(policy.cleaned_data["resolve_hours"] * 60),
            },
        )
    _record(request, _("answer times"))


# --- the mailbox -------------------------------------------------------------------------------------------


def mailbox_list(request: StaffRequest) -> HttpResponse:
    """Where customers' mails arrive, and how the last look into it went."""
    desk = desk_settings()
    desk.merchant = request.merchant
    form = MailboxForm(request.POST or None, instance=desk)
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            form.save()
            _record(request, _("mailbox"))
        messages.success(request, _("The mailbox is saved."))
        return redirect("mailbox_list")
    seen_at = parse_datetime(desk.mailbox_state.get("at", "")) if desk.mailbox_state else None
    context = {"form": form, "state": desk.mailbox_state, "seen_at": seen_at}
    return render(request, "service/mailbox_list.html", context, status=422 if form.errors else 200)


@require_POST
def mailbox_fetch(request: StaffRequest) -> HttpResponse:
    """Looks into the mailbox now. Raises Upstream, with what the server said, when it can't."""
    counted = fetch(merchant=request.merchant)
    said = _("%(replies)s replies, %(opened)s new tickets, %(ignored)s ignored.")
    words = {"replies": counted["reply"], "opened": counted["opened"], "ignored": counted["ignored"]}
    messages.success(request, said % words)
    return redirect("mailbox_list")


# --- the portal --------------------------------------------------------------------------------------------


def portal_settings(request: StaffRequest) -> HttpResponse:
    """What the customers' own pages say and allow."""
    known = PortalSettings.objects.first() or PortalSettings(merchant=request.merchant)
    form = PortalSettingsForm(request.POST or None, instance=known)
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            form.save()
            _record(request, _("portal"))
        messages.success(request, _("The portal's settings are saved."))
        return redirect("portal_settings")
    status = 422 if form.errors else 200
    return render(request, "service/portal_settings.html", {"form": form}, status=status)
