"""Settings: API keys. A key's secret is shown once, on the page that answers its making."""

from datetime import datetime, time, timedelta

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from crm.accounts import selectors, services
from crm.accounts.forms import ApiKeyForm
from crm.accounts.models import ApiKey
from crm.accounts.routes import StaffRequest


def apikey_list(request: StaffRequest) -> HttpResponse:
    context = {"keys": selectors.apikey_list(), "now": timezone.now()}
    return render(request, "accounts/apikey_list.html", context)


@never_cache
def apikey_create(request: StaffRequest) -> HttpResponse:
    """The form, then the secret, once."""
    form = ApiKeyForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return render(
            request, "accounts/apikey_create.html", {"form": form}, status=422 if form.errors else 200
        )
    last_day = form.cleaned_data["expires_on"]
    key, secret = services.apikey_create(
        merchant=request.merchant,
        name=form.cleaned_data["name"],
        scopes=form.cleaned_data["scopes"],
        actor=request.user,
        expires_at=(
            datetime.combine(last_day + timedelta(days=1), time.min, request.merchant.zone)
            if last_day
            else None
        ),
    )
    return render(request, "accounts/apikey_created.html", {"key": key, "secret": secret})


@require_POST
def apikey_revoke(request: StaffRequest, pk: int) -> HttpResponse:
    key = get_object_or_404(ApiKey, pk=pk, revoked_at=None)
    services.apikey_revoke(key=key)
    messages.success(request, _("The key %(name)s stopped working.") % {"name": key.name})
    return redirect("apikey_list")
