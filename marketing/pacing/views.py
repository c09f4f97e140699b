"""Campaigns → Sending pace: limits, warm-up plans, and a plan's days."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from crm.accounts.routes import StaffRequest
from crm.lib.errors import Conflict, Rejected
from customers.forms import errors_to_form
from marketing.domains.health import Health
from marketing.models import PaceLimit, WarmupPlan
from marketing.pacing import services, warming
from marketing.pacing.forms import LimitForm, RateForm, WarmupChangeForm, WarmupForm

DAYS_SHOWN, COMING_SHOWN = 120, 14


def sending_pace(request: StaffRequest) -> HttpResponse:
    """The limits and the plans; a POST adds a limit."""
    form = LimitForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            services.limit_add(merchant=request.merchant, values=form.values())
        except Rejected as refusal:
            fields = {
                {"name": "domain", "connection": "target"}.get(k, k): v for k, v in refusal.fields.items()
            }
            errors_to_form(form, fields, refusal.message)
        except Conflict as conflict:
            form.add_error("target", str(conflict.message))
        else:
            messages.success(request, _("Saved. The limit holds within half a minute."))
            return redirect("sending_pace")
    context = {
        "form": form,
        "limits": PaceLimit.objects.live().select_related("connection").order_by("kind", "name", "pk"),
        "plans": [(plan, _stands(request, plan)) for plan in _plans()],
    }
    return render(request, "marketing/pace/sending_pace.html", context, status=422 if form.errors else 200)


def _plans() -> list[WarmupPlan]:
    """The running ones first, then the newest."""
    return list(WarmupPlan.objects.order_by("-state", "-created_at", "-pk")[:20])


def _stands(request: StaffRequest, plan: WarmupPlan) -> warming.Warmth | None:
    return warming.peek(plan, request.merchant, timezone.now())


def pace_limit_change(request: StaffRequest, pk: int) -> HttpResponse:
    limit = get_object_or_404(PaceLimit.objects.live().select_related("connection"), pk=pk)
    form = RateForm(request.POST or None, initial={"amount": limit.amount, "per": limit.per})
    if request.method == "POST" and form.is_valid():
        services.limit_change(limit=limit, values=form.cleaned_data)
        messages.success(request, _("Saved. The limit holds within half a minute."))
        return redirect("sending_pace")
    context = {"form": form, "limit": limit}
    return render(request, "marketing/pace/pace_limit.html", context, status=422 if form.errors else 200)


@require_POST
def pace_limit_remove(request: StaffRequest, pk: int) -> HttpResponse:
    services.limit_remove(limit=get_object_or_404(PaceLimit.objects.live(), pk=pk))
    messages.success(request, _("The limit is taken away. What waited for it goes on."))
    return redirect("sending_pace")


def warmup_create(request: StaffRequest) -> HttpResponse:
    form = WarmupForm(request.POST or None, merchant=request.merchant)
    if request.method == "POST" and form.is_valid():
        try:
            plan = services.warmup_start(merchant=request.merchant, **form.cleaned_data)
        except Rejected as refusal:
            errors_to_form(form, refusal.fields, refusal.message)
        except Conflict as conflict:
            form.add_error("domain", str(conflict.message))
        else:
            messages.success(request, _("The plan stands. It holds for everything that goes out."))
            return redirect("warmup_plan", plan.pk)
    return render(
        request, "marketing/pace/warmup_create.html", {"form": form}, status=422 if form.errors else 200
    )


def warmup_plan(request: StaffRequest, pk: int) -> HttpResponse:
    """The plan's days, and those to come; a POST changes it."""
    plan = get_object_or_404(WarmupPlan.objects.all(), pk=pk)
    form: forms.Form | WarmupChangeForm = WarmupChangeForm(
        request.POST or None, instance=WarmupPlan.objects.get(pk=pk)
    )
    if request.method == "POST" and form.is_valid():
        try:
            services.warmup_change(plan=plan, values=form.cleaned_data)
        except Rejected as refusal:
            errors_to_form(form, refusal.fields, refusal.message)
        else:
            messages.success(request, _("Saved. It holds within half a minute."))
            return redirect("warmup_plan", pk)
    context = _plan_page(request, plan) | {"form": form}
    return render(request, "marketing/pace/warmup_plan.html", context, status=422 if form.errors else 200)


def _plan_page(request: StaffRequest, plan: WarmupPlan) -> dict[str, Any]:
    warmth = _stands(request, plan)
    health: Health | None = None
    coming = []
    if warmth is not None:
        first = warmth.today.day + timedelta(days=1 if warmth.today.pk else 0)
        coming = [
            (day, warmth.amount_on(day)) for day in (first + timedelta(days=n) for n in range(COMING_SHOWN))
        ]
        health = warming.health_of(plan, request.merchant, warming.shop_day(request.merchant, timezone.now()))
    return {
        "plan": plan,
        "warmth": warmth,
        "is_today": warmth is not None and bool(warmth.today.pk),
        "days": plan.days.order_by("-day")[:DAYS_SHOWN],
        "coming": [(day, amount) for day, amount in coming if amount is not None],
        "health": health,
        "steps": len(plan.amounts),
    }


@require_POST
def warmup_end(request: StaffRequest, pk: int) -> HttpResponse:
    services.warmup_end(plan=get_object_or_404(WarmupPlan.objects.all(), pk=pk))
    messages.success(request, _("The plan is over. What waited for a coming day goes on."))
    return redirect("warmup_plan", pk)


@require_POST
def warmup_delete(request: StaffRequest, pk: int) -> HttpResponse:
    services.warmup_delete(plan=get_object_or_404(WarmupPlan.objects.all(), pk=pk))
    messages.success(request, _("The plan and its days are deleted."))
    return redirect("sending_pace")
