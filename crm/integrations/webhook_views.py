"""Settings: webhooks to other systems, what each was told, and whether it listened."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from crm.accounts.routes import StaffRequest
from crm.integrations import connecting, webhooks
from crm.integrations.forms import EndpointForm
from crm.integrations.models import WebhookAttempt, WebhookEndpoint
from crm.lib.errors import CrmError
from crm.lib.forms import blame
from crm.lib.keyset import keyset_page

TONES = {
    WebhookAttempt.State.PENDING: "info",
    WebhookAttempt.State.DELIVERED: "good",
    WebhookAttempt.State.FAILED: "bad",
}


def webhook_list(request: StaffRequest) -> HttpResponse:
    context = {"endpoints": WebhookEndpoint.objects.order_by("created_at")}
    return render(request, "integrations/webhook_list.html", context)


@never_cache
def webhook_create(request: StaffRequest) -> HttpResponse:
    form = EndpointForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            endpoint, _secret = webhooks.endpoint_create(
                merchant=request.merchant,
                url=form.cleaned_data["url"],
                name=form.cleaned_data["name"],
                names=form.cleaned_data["events"],
            )
        except CrmError as error:
            blame(form, error)
        else:
            messages.success(request, _("The webhook is on. Give its secret to the receiver."))
            return redirect("webhook_detail", endpoint.pk)
    status = 422 if form.errors else 200
    return render(request, "integrations/webhook_create.html", {"form": form}, status=status)


@never_cache
def webhook_detail(request: StaffRequest, pk: int) -> HttpResponse:
    """Address, secret, state, and what was sent."""
    endpoint = get_object_or_404(WebhookEndpoint, pk=pk)
    may_edit = request.membership.can("integrations.edit")
    context = {
        "endpoint": endpoint,
        "secret": endpoint.plain_secret() if may_edit else "",
        **_attempts(request, endpoint),
    }
    fragment = request.headers.get("HX-Request") and request.GET.get("after")
    template = "integrations/_attempt_rows.html" if fragment else "integrations/webhook_detail.html"
    return render(request, template, context)


def webhook_attempts(request: StaffRequest, pk: int) -> HttpResponse:
    """The messages alone, for the page that is open."""
    endpoint = get_object_or_404(WebhookEndpoint, pk=pk)
    return render(request, "integrations/_attempt_rows.html", _attempts(request, endpoint))


def _attempts(request: StaffRequest, endpoint: WebhookEndpoint) -> dict[str, Any]:
    attempts = WebhookAttempt.objects.filter(endpoint=endpoint)
    page = keyset_page(attempts, order=["-id"], after=request.GET.get("after", ""))
    more = f"{request.path}?after={page.after}" if page.after else ""
    return {"attempts": page.rows, "more": more, "tones": TONES, "endpoint": endpoint}


@never_cache
def attempt_detail(request: StaffRequest, pk: int) -> HttpResponse:
    """One message with its body and every try, in the side panel; who looked stands in the audit log."""
    attempt = get_object_or_404(WebhookAttempt.objects.select_related("endpoint"), pk=pk)
    if attempt.body:
        connecting.reveal_note(merchant=request.merchant, subject=attempt, field="webhook")
    tone = TONES[WebhookAttempt.State(attempt.state)]
    return render(request, "integrations/_attempt.html", {"attempt": attempt, "tone": tone})


@never_cache
def webhook_edit(request: StaffRequest, pk: int) -> HttpResponse:
    endpoint = get_object_or_404(WebhookEndpoint, pk=pk)
    start = {"name": endpoint.name, "url": endpoint.url, "events": endpoint.events}
    form = EndpointForm(request.POST or None, initial=start)
    if request.method == "POST" and form.is_valid():
        try:
            webhooks.endpoint_change(
                endpoint=endpoint,
                url=form.cleaned_data["url"],
                name=form.cleaned_data["name"],
                names=form.cleaned_data["events"],
            )
        except CrmError as error:
            blame(form, error)
        else:
            messages.success(request, _("Saved."))
            return redirect("webhook_detail", endpoint.pk)
    status = 422 if form.errors else 200
    context = {"form": form, "endpoint": endpoint}
    return render(request, "integrations/webhook_edit.html", context, status=status)


@require_POST
def webhook_switch(request: StaffRequest, pk: int) -> HttpResponse:
    """On becomes off and off on, as the form says."""
    endpoint = get_object_or_404(WebhookEndpoint, pk=pk)
    on = request.POST.get("active") == "1"
    webhooks.endpoint_change(endpoint=endpoint, is_active=on)
    messages.success(request, _("The webhook is on.") if on else _("The webhook is off."))
    return redirect("webhook_detail", pk)


@require_POST
def webhook_rotate(request: StaffRequest, pk: int) -> HttpResponse:
    webhooks.secret_rotate(endpoint=get_object_or_404(WebhookEndpoint, pk=pk))
    messages.success(request, _("The secret is new. Give it to the receiver now."))
    return redirect("webhook_detail", pk)


@require_POST
def webhook_test(request: StaffRequest, pk: int) -> HttpResponse:
    webhooks.test_send(endpoint=get_object_or_404(WebhookEndpoint, pk=pk))
    messages.success(request, _("A test is on its way."))
    return redirect("webhook_detail", pk)


@require_POST
def webhook_delete(request: StaffRequest, pk: int) -> HttpResponse:
    webhooks.endpoint_delete(endpoint=get_object_or_404(WebhookEndpoint, pk=pk))
    messages.success(request, _("The webhook is gone."))
    return redirect("webhook_list")


@require_POST
def attempt_again(request: StaffRequest, pk: int) -> HttpResponse:
    attempt = get_object_or_404(WebhookAttempt, pk=pk)
    webhooks.attempt_again(attempt=attempt)
    messages.success(request, _("It is sent again."))
    return redirect("webhook_detail", attempt.endpoint_id)
