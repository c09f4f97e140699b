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
from crm.lib.errors import Rejected
from crm.lib.forms import blame


def apikey_list(request: StaffRequest) -> HttpResponse:
    context = {"keys": selectors.apikey_list(), "now": timezone.now()}
    return render(request, "accounts/apikey_list.html", context)


@never_cache
def apikey_create(request: StaffRequest) -> HttpResponse:
    """The form, then the secret, once."""
    form = ApiKeyForm(request.POST or None)
    made = _made(request, form) if request.method == "POST" and form.is_valid() else None
    if made is None:
        status = 422 if form.errors else 200
        return render(request, "accounts/apikey_create.html", {"form": form}, status=status)
    key, secret = made
    return render(request, "accounts/apikey_created.html", {"key": key, "secret": secret})


def _made(request: StaffRequest, form: ApiKeyForm) -> tuple[ApiKey, str] | None:
    """(key, secret), or None with the refusal in the form."""
    said = form.cleaned_data
    last_day = said["expires_on"]
    try:
        return services.apikey_create(
            merchant=request.merchant,
            name=said["name"],
            scopes=said["scopes"],
            actor=request.user,
            bound=said["bound"],
            team=said["team"],
            region=said["region"],
            expires_at=(
                datetime.combine(last_day + timedelta(days=1), time.min, request.merchant.zone)
                if last_day
                else None
            ),
        )
    except Rejected as refusal:
        blame(form, refusal)
        return None


@require_POST
def apikey_revoke(request: StaffRequest, pk: int) -> HttpResponse:
    key = get_object_or_404(ApiKey, pk=pk, revoked_at=None)
    services.apikey_revoke(key=key)
    messages.success(request, _("The key %(name)s stopped working.") % {"name": key.name})
    return redirect("apikey_list")
