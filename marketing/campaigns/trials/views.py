"""Staff pages of a campaign's versions."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from crm.accounts.routes import StaffRequest
from marketing.campaigns.forms import VersionForm
from marketing.campaigns.trials import services
from marketing.campaigns.trials.standing import effect_verdict, holdout_effect
from marketing.models import Campaign, Version
from marketing.sending.context import variables


def _campaign(pk: int) -> Campaign:
    return get_object_or_404(Campaign.objects.select_related("merchant"), pk=pk)


def _version(pk: int, letter: str) -> Version:
    found = Version.objects.select_related("campaign__merchant")
    return get_object_or_404(found, campaign=pk, letter=letter)


@require_POST
def version_add(request: StaffRequest, pk: int) -> HttpResponse:
    """A new version, open to be written."""
    version = services.version_add(campaign=_campaign(pk))
    return redirect("version_edit", pk, version.letter)


def version_edit(request: StaffRequest, pk: int, letter: str) -> HttpResponse:
    version = _version(pk, letter)
    if not version.campaign.is_editable:
        return redirect("campaign_detail", pk)
    form = VersionForm(request.POST or None, instance=version)
    if request.method == "POST" and form.is_valid():
        services.version_change(version=_version(pk, letter), values=form.cleaned_data)
        messages.success(request, _("Version %(letter)s is saved.") % {"letter": letter})
        return redirect("version_edit", pk, letter)
    context = {
        "form": form,
        "version": version,
        "campaign": version.campaign,
        "variables": variables(),
        "preview_url": f"{reverse('campaign_preview', args=[pk])}?version={letter}",
        "stamp": int(timezone.now().timestamp() * 1000),
    }
    return render(request, "marketing/version_edit.html", context, status=422 if form.errors else 200)


@require_POST
def version_delete(request: StaffRequest, pk: int, letter: str) -> HttpResponse:
    services.version_delete(version=_version(pk, letter))
    messages.success(request, _("Version %(letter)s is deleted.") % {"letter": letter})
    return redirect(f"{reverse('campaign_edit', args=[pk])}#versions")


@require_POST
def version_choose(request: StaffRequest, pk: int) -> HttpResponse:
    """Decides for a version before the trial is over."""
    letter = request.POST.get("version", "")
    chosen = services.trial_decide(campaign=_campaign(pk), letter=letter)
    messages.success(request, _("Everybody else gets version %(letter)s.") % {"letter": chosen.trial_winner})
    return redirect("campaign_detail", pk)


@require_GET
def campaign_effect(request: StaffRequest, pk: int) -> HttpResponse:
    """What those held out tell; asked for by the record when it is open, for it reads all orders since."""
    campaign = _campaign(pk)
    effect = holdout_effect(campaign)
    context = {
        "campaign": campaign,
        "effect": effect,
        "verdict": effect_verdict(effect, campaign) if effect else "",
    }
    return render(request, "marketing/_campaign_effect.html", context)
