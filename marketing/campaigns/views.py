"""Staff pages of campaigns: list, maker, record, the people behind a number."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.db.models import prefetch_related_objects
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from crm.accounts.routes import StaffRequest, View
from crm.integrations.connecting import connection_of
from crm.lib import listing
from crm.lib.errors import Rejected
from crm.lib.keyset import count_of, keyset_page
from crm.lib.masking import mask_email, mask_phone
from crm.lib.ui.formats import number_text
from crm.lib.ui.parts import Step, Tab
from marketing.campaigns import selectors, services, texts, trying
from marketing.campaigns.audience import Reach, reach
from marketing.campaigns.checklist import checklist
from marketing.campaigns.forms import (
    CampaignCreateForm,
    CampaignForm,
    ScheduleForm,
    TestSendForm,
    TextCampaignForm,
    TextTestForm,
)
from marketing.campaigns.points import AUDIENCE, CONTENT, Point
from marketing.campaigns.preview_views import customer_asked
from marketing.campaigns.revenue import WINDOWS, Model, policy_here, rule_asked, rule_of
from marketing.campaigns.selectors import GROUPS
from marketing.campaigns.trials.standing import decides_at, standings, verdict
from marketing.models import Campaign, Segment
from marketing.models.delivery import reason_text
from marketing.sending.context import variables

ORDER = ("-created_at", "-pk")
PEOPLE_ORDER = ("pk",)
State = Campaign.State
TONES = {
    State.DRAFT: "",
    State.SCHEDULED: "info",
    State.PREPARING: "info",
    State.SENDING: "info",
    State.PAUSED: "warn",
    State.SENT: "good",
    State.CANCELLED: "",
}


def _campaign(pk: int) -> Campaign:
    return get_object_or_404(Campaign.objects.select_related("merchant", "segment"), pk=pk)


def _is_fragment(request: StaffRequest) -> bool:
    return request.headers.get("HX-Request") == "true" and request.headers.get("HX-Boosted") != "true"


@require_GET
def campaign_list(request: StaffRequest) -> HttpResponse:
    asked = listing.read(request.GET, request.path, [_state_filter()])
    # A journey sends its mails through campaigns of its own; the journey's page shows those.
    rows = asked.narrow(Campaign.objects.select_related("segment").filter(journey_mails__isnull=True))
    if asked.search:
        rows = rows.filter(name__icontains=asked.search)
    page = keyset_page(rows, order=ORDER, after=asked.after)
    figures = selectors.funnels([row for row in page.rows if row.has_started], request.membership)
    counted = count_of(rows)
    context = {
        "listing": asked,
        "total": listing.count_text(counted.number, counted.exact),
        "rows": [(row, figures.get(row.pk), TONES[State(row.state)]) for row in page.rows],
        "more": asked.more(page.after),
        "tabs": _state_tabs(asked),
    }
    name = "_campaign_list_results.html" if _is_fragment(request) else "campaign_list.html"
    return render(request, f"marketing/{name}", context)


def _state_filter() -> listing.Filter:
    return listing.Filter(
        "state", _("State"), lambda rows, value: rows.filter(state=value), choices=lambda: list(State.choices)
    )


def _state_tabs(asked: listing.Listing) -> list[Tab]:
    current = asked.on.get("state", "")
    shown: list[tuple[str, Any]] = [("", _("All")), *[(value, label) for value, label in State.choices]]
    return [Tab(label, asked.url(state=value), value == current) for value, label in shown]


def campaign_create(request: StaffRequest) -> HttpResponse:
    """A name and what to begin with; the rest in the maker. `?segment=` comes from a segment's page."""
    form = CampaignCreateForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        segment = Segment.objects.live().filter(pk=_number(request.POST.get("segment"))).first()
        campaign = services.campaign_create(
            merchant=request.merchant,
            name=form.cleaned_data["name"],
            template=form.cleaned_data["template"],
            segment=segment,
            actor=request.membership,
            values={"channel": form.cleaned_data["channel"]},
        )
        return redirect("campaign_edit", campaign.pk)
    context = {"form": form, "segment": request.GET.get("segment", "")}
    return render(request, "marketing/campaign_create.html", context, status=422 if form.errors else 200)


def _number(value: str | None) -> int:
    return int(value) if value and value.isdecimal() and len(value) < 19 else 0


def campaign_edit(request: StaffRequest, pk: int) -> HttpResponse:
    """The maker. Each change is saved as it is made; the answer then is what the mail lacks, and the steps.

    It never brings the buttons: whoever is about to press one keeps it (static/js/campaign-maker.js).
    """
    campaign = _campaign(pk)
    if not campaign.is_editable:
        return _to_the_record(request, pk)
    form = _maker_form(request, campaign)
    if request.method == "POST" and form.is_valid():
        campaign = services.campaign_edit(campaign=_campaign(pk), values=form.cleaned_data)
        if not _is_fragment(request):
            return redirect("campaign_edit", pk)
    else:
        campaign = _campaign(pk)
    context = _side(request, campaign) | {"form_errors": form.errors}
    status = 422 if form.errors else 200
    if _is_fragment(request):
        context["is_fragment"] = True
        return render(request, "marketing/_campaign_side.html", context, status=status)
    context |= {"form": form, "variables": variables(), "versions": campaign.versions.all()}
    context |= _dialogs(request, campaign)
    name = "campaign_maker.html" if campaign.is_mail else "campaign_text_maker.html"
    return render(request, f"marketing/{name}", context, status=status)


def _maker_form(request: StaffRequest, campaign: Campaign) -> CampaignForm | TextCampaignForm:
    if campaign.is_mail:
        return CampaignForm(request.POST or None, instance=campaign)
    templated = texts.is_templated(campaign, connection_of(campaign.channel))
    return TextCampaignForm(request.POST or None, instance=campaign, templated=templated)


def _to_the_record(request: StaffRequest, pk: int) -> HttpResponse:
    """Where a started campaign is looked at; a maker that is still open elsewhere is led there too."""
    if not _is_fragment(request):
        return redirect("campaign_detail", pk)
    return HttpResponse(status=204, headers={"HX-Redirect": reverse("campaign_detail", args=[pk])})


def _steps(points: Sequence[Point]) -> list[Step]:
    """Done is what nothing on the check list stands against; the first other one is the current one."""
    open_parts = {point.part for point in points if point.state == "bad"}
    marks = [
        (_("Audience"), "#audience", AUDIENCE not in open_parts),
        (_("Content"), "#content", CONTENT not in open_parts),
        (_("Check and send"), "#check", False),
    ]
    current = next(number for number, (_label, _href, done) in enumerate(marks) if not done)
    return [
        Step(label, "current" if number == current else "done" if done else "ahead", href)
        for number, (label, href, done) in enumerate(marks)
    ]


def _reach(campaign: Campaign) -> Reach | None:
    try:
        return reach(campaign)
    except Rejected:
        return None


def _side(request: StaffRequest, campaign: Campaign) -> dict[str, Any]:
    found = _reach(campaign)
    people = found.reachable if found else 0
    points = checklist(
        campaign=campaign, merchant=request.merchant, people=found.reachable if found else None
    )
    words = ngettext("Send to %(n)s person", "Send to %(n)s people", people)
    return {
        "campaign": campaign,
        "reach": found,
        "points": points,
        "steps": _steps(points),
        "is_blocked": people == 0 or any(point.state == "bad" for point in points),
        "stamp": int(timezone.now().timestamp() * 1000),
        "send_words": words % {"n": number_text(people)},
    }


def _test_form(request: StaffRequest, campaign: Campaign) -> TestSendForm | TextTestForm:
    values = request.POST if request.method == "POST" and "to" in request.POST else None
    if not campaign.is_mail:
        return TextTestForm(values, campaign=campaign)
    letters = list(campaign.versions.order_by("letter").values_list("letter", flat=True))
    return TestSendForm(values, initial={"to": request.user.email}, letters=letters)


def _dialogs(request: StaffRequest, campaign: Campaign) -> dict[str, Any]:
    return {
        "test_form": _test_form(request, campaign),
        "colleagues": trying.staff_addresses(request.merchant) if campaign.is_mail else [],
        "connection": connection_of(campaign.channel),
        "schedule_form": ScheduleForm(),
        "may_send": request.membership.can("campaigns.send"),
    }


@require_POST
def campaign_test(request: StaffRequest, pk: int) -> HttpResponse:
    campaign = _campaign(pk)
    form = _test_form(request, campaign)
    if not form.is_valid():
        raise Rejected(_("Enter where the test goes."), code="bad_address")
    went = trying.campaign_try(
        merchant=request.merchant,
        campaign=campaign,
        to=form.addresses(),
        customer=customer_asked(request.membership, form.cleaned_data["customer"].strip()),
        letter=form.cleaned_data.get("version", ""),
        actor=request.membership,
    )
    messages.success(request, _("The test is on its way to %(to)s.") % {"to": ", ".join(went)})
    return redirect("campaign_edit", pk)


@require_GET
def campaign_detail(request: StaffRequest, pk: int) -> HttpResponse:
    campaign = _campaign(pk)
    if campaign.is_editable:
        return redirect("campaign_edit", pk)
    return render(request, "marketing/campaign_detail.html", _record(request, campaign))


def _record(request: StaffRequest, campaign: Campaign) -> dict[str, Any]:
    policy = policy_here()
    rule = rule_asked(request.GET.dict(), policy)
    prefetch_related_objects([campaign], "versions")
    return {
        "campaign": campaign,
        "figures": selectors.funnel(campaign, request.membership, rule),
        "rule": rule,
        "is_own_rule": rule == rule_of(policy),
        "models": Model.choices,
        "windows": sorted({*WINDOWS, rule.days}),
        "has_clicks": campaign.has_started and campaign.tracks,
        "versions": [(one, verdict(one, campaign)) for one in standings(campaign, request.membership)],
        "decides_at": decides_at(campaign),
        "trial_waits": selectors.trial_waits(campaign),
        "sees_everything": request.membership.sees_everything,
        "devices": selectors.devices(campaign, request.membership),
        "links": selectors.targets(campaign, request.membership)[:20],
        "programs": selectors.programs(campaign, request.membership),
        "tone": TONES[State(campaign.state)],
        "may_send": request.membership.can("campaigns.send"),
        "stamp": int(timezone.now().timestamp() * 1000),
    }


@require_GET
def campaign_figures(request: StaffRequest, pk: int) -> HttpResponse:
    """The record's figures alone; the page asks for them when something happened."""
    return render(request, "marketing/_campaign_figures.html", _record(request, _campaign(pk)))


@require_POST
def campaign_start(request: StaffRequest, pk: int) -> HttpResponse:
    campaign = services.campaign_start(campaign=_campaign(pk), actor=request.membership)
    prepares = campaign.state == State.PREPARING
    words = _("“%(name)s” is being prepared.") if prepares else _("“%(name)s” is being sent.")
    messages.success(request, words % {"name": campaign.name})
    return redirect("campaign_detail", pk)


@require_POST
def campaign_schedule(request: StaffRequest, pk: int) -> HttpResponse:
    form = ScheduleForm(request.POST)
    if not form.is_valid():
        raise Rejected(_("Choose a day and a time."), code="bad_time")
    naive: datetime = timezone.make_naive(form.cleaned_data["at"])
    at = naive.replace(tzinfo=request.merchant.zone)
    services.campaign_schedule(campaign=_campaign(pk), at=at, actor=request.membership)
    messages.success(request, _("It will be sent by itself at that time."))
    return redirect("campaign_detail", pk)


def turning(verb: str) -> View:
    """The view of one verb: pause, resume, cancel or unschedule."""

    @require_POST
    def campaign_turn(request: StaffRequest, pk: int) -> HttpResponse:
        verbs = {
            "pause": (services.campaign_pause, _("Paused. What was being handed over is finished.")),
            "resume": (services.campaign_resume, _("Going on.")),
            "cancel": (services.campaign_cancel, _("Cancelled. Nobody else gets it.")),
            "unschedule": (services.campaign_unschedule, _("It is a draft again.")),
        }
        act, words = verbs[verb]
        act(campaign=_campaign(pk))
        messages.success(request, words)
        return redirect("campaign_detail", pk)

    return campaign_turn


@require_POST
def campaign_delete(request: StaffRequest, pk: int) -> HttpResponse:
    services.campaign_delete(campaign=_campaign(pk))
    messages.success(request, _("The draft is deleted."))
    return redirect("campaign_list")


@require_GET
def campaign_people(request: StaffRequest, pk: int) -> HttpResponse:
    """The mails behind a number: `?group=` of selectors.GROUPS, `?reason=` a reason code."""
    campaign = _campaign(pk)
    group = request.GET.get("group", "all")
    group = group if group in GROUPS else "all"
    reason = request.GET.get("reason", "")[:40]
    asked = listing.read(request.GET, request.path, ())
    rows = selectors.people(campaign, membership=request.membership, group=group, reason=reason)
    page = keyset_page(rows, order=PEOPLE_ORDER, after=asked.after)
    whole = request.membership.can("customers.pii")
    mask = mask_email if campaign.is_mail else mask_phone
    counted = count_of(rows)
    context = {
        "campaign": campaign,
        "group": group,
        "group_label": GROUPS[group][0],
        "reason": reason,
        "reason_label": reason_text(reason) if reason else "",
        "total": listing.count_text(counted.number, counted.exact),
        "rows": [(row, row.address if whole else mask(row.address)) for row in page.rows],
        "more": f"{request.path}?group={group}&reason={reason}&after={page.after}" if page.after else "",
        "may_export": request.membership.can("customers.export"),
        "export_query": urlencode({"campaign": campaign.pk, "group": group, "reason": reason}),
        "may_resend": group == "unknown" and request.membership.can("campaigns.send"),
    }
    name = "_campaign_people_results.html" if _is_fragment(request) else "campaign_people.html"
    return render(request, f"marketing/{name}", context)


@require_POST
def campaign_resend(request: StaffRequest, pk: int) -> HttpResponse:
    """Sends doubtful mails once more: `ids` of those that the member sees, or `all` of these."""
    campaign = _campaign(pk)
    ids = [_number(value) for value in request.POST.getlist("ids")]
    everything = bool(request.POST.get("all"))
    if not ids and not everything:
        raise Rejected(_("Choose at least one."), code="none_chosen")
    count = services.deliveries_resend(
        campaign=campaign, delivery_ids=None if everything else ids, actor=request.membership
    )
    words = ngettext("%(n)s mail is sent once more.", "%(n)s mails are sent once more.", count)
    messages.success(request, words % {"n": number_text(count)})
    return redirect("campaign_detail", pk)
