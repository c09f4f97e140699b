"""The list of a campaign's links beside its check list."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_http_methods

from crm.accounts.routes import StaffRequest
from marketing.campaigns import links
from marketing.models import Campaign


@require_http_methods(["GET", "POST"])
def campaign_links(request: StaffRequest, pk: int) -> HttpResponse:
    """POST has them all asked again. GET shows them, and has those asked that never were, once nobody types
    any more; `?was=running` tells the check list when they have been."""
    campaign = get_object_or_404(Campaign.objects.select_related("merchant"), pk=pk)
    found = links.links_of(campaign, request.merchant)
    runs = links.is_running(campaign)
    is_settled = links.is_settled(campaign)
    if request.method == "POST" and found:
        links.links_check(campaign=campaign)
        runs = True
    elif not runs and is_settled:
        runs = links.links_check_unasked(campaign, found)
    context = {
        "campaign": campaign,
        "links": found,
        "is_running": runs,
        "waits": not is_settled and any(not link.finding for link in found),
        "has_versions": any(len(link.letters) > 1 or link.letters != "A" for link in found),
        "most": links.MOST if len(found) == links.MOST else 0,
    }
    answer = render(request, "marketing/_campaign_links.html", context)
    if request.GET.get("was") == "running" and not runs:
        answer["HX-Trigger"] = "links-checked"
    return answer
